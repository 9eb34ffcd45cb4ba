import type { IncomingMessage } from "node:http";
import { PlatformError } from "../../kernel/errors.ts";

const EMPTY = Buffer.alloc(0);

/**
 * The bytes of a request's body, whatever its verb. Too large a one is refused at its announced length, before it is read, or at the
 * first byte too many.
 *
 * @throws `request/too-large`, `request/malformed` when the caller goes away half-way; as a rejection
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const { "content-length": announced, "transfer-encoding": coding } = request.headers;
  if (announced === undefined && coding === undefined) return EMPTY;
  if (Number(announced) > bytesMax) throw tooLarge(Number(announced), bytesMax);
  if (request.destroyed) throw cutOff();
  return await collect(request, bytesMax);
}

/** By events: an async iterable would make promises for every chunk. */
function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (error?: Error): void => {
      // Without this listener the rest flows on into nothing, so that the connection can still carry the refusal.
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      if (error !== undefined) reject(error);
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) settle(tooLarge(bytes, bytesMax));
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle();
    const onClose = (): void => settle(cutOff());
    // A caller who goes away is a close; node makes an error of it only for those who listen to errors.
    request.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

function tooLarge(bytes: number, bytesMax: number): PlatformError<"request/too-large"> {
  return new PlatformError("request/too-large", `Request larger than allowed: ${bytes} > ${bytesMax} bytes.`);
}

function cutOff(): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", "The request did not arrive whole.");
}
