import type { CodeDigest } from "../kernel/ids.ts";

/** How code is read from the attachment store; undefined when it is not there. */
export type ReadCode = (digest: CodeDigest) => Promise<Uint8Array | undefined>;

/**
 * Code in the form `/init` wants, by digest. Content-addressed, so it is never stale. The least recently used goes first; bounded
 * by `bytesMax` of text kept, beyond reads in flight, which share one read per digest.
 */
export class CodeCache {
  readonly #read: ReadCode;
  readonly #bytesMax: number;
  readonly #texts = new Map<string, string>();
  readonly #reading = new Map<string, Promise<string | undefined>>();
  #bytes = 0;

  constructor(read: ReadCode, bytesMax: number) {
    this.#read = read;
    this.#bytesMax = bytesMax;
  }

  /** Bytes of text held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Source text as it is, archives as base64; undefined when the store has no such code. Rejects as the store does. */
  async get(digest: CodeDigest, binary: boolean): Promise<string | undefined> {
    // The same bytes may be one action's text and another's archive.
    const key = binary ? `${digest} base64` : digest;
    const text = this.#texts.get(key);
    if (text !== undefined) {
      this.#texts.delete(key);
      this.#texts.set(key, text);
      return text;
    }
    const reading = this.#reading.get(key);
    if (reading !== undefined) return await reading;
    const read = this.#load(digest, binary, key);
    this.#reading.set(key, read);
    try {
      return await read;
    } finally {
      this.#reading.delete(key);
    }
  }

  async #load(digest: CodeDigest, binary: boolean, key: string): Promise<string | undefined> {
    const bytes = await this.#read(digest);
    if (bytes === undefined) return undefined;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(binary ? "base64" : "utf8");
    this.#texts.set(key, text);
    this.#bytes += text.length;
    for (const [oldest, { length }] of this.#texts) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#texts.delete(oldest);
      this.#bytes -= length;
    }
    return text;
  }
}
