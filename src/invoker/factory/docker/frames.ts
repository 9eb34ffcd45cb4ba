import type { LogStream } from "../process/logs.ts";

const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * Takes apart the engine's stream of a container without a terminal: frames of eight bytes (the stream's number, three zeros, a
 * length) and as many bytes of output. Output is handed on as it comes, so a frame's length costs no memory.
 */
export class FrameReader {
  readonly #onBytes: (stream: LogStream, bytes: Buffer) => void;
  #header: Buffer = Buffer.alloc(0);
  #stream: LogStream = "stdout";
  /** Bytes of the frame under way that are still to come. */
  #left = 0;

  constructor(onBytes: (stream: LogStream, bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  /** Takes what came, cut anywhere. */
  take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left > 0) {
        const bytes = rest.subarray(0, this.#left);
        this.#left -= bytes.length;
        rest = rest.subarray(bytes.length);
        this.#onBytes(this.#stream, bytes);
        continue;
      }
      const wanted = HEADER_BYTES - this.#header.length;
      this.#header = Buffer.concat([this.#header, rest.subarray(0, wanted)]);
      rest = rest.subarray(wanted);
      if (this.#header.length < HEADER_BYTES) return;
      this.#stream = this.#header[0] === STDERR ? "stderr" : "stdout";
      this.#left = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
  }
}
