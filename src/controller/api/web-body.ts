import type { IncomingMessage } from "node:http";
import { PlatformError } from "../../kernel/errors.ts";

const EMPTY = Buffer.alloc(0);

/**
 * The bytes of a request's body, whatever its verb. Too large a one is refused at its announced length, before it is read, or at the
 * first byte too many.
 *
 * @throws `request/too-large`, `request/malformed` when the caller goes away half-way
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const { "content-length": announced, "transfer-encoding": coding } = request.headers;
  if (announced === undefined && coding === undefined) return EMPTY;
  requireSize(Number(announced ?? 0), bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // The stream outlives a refusal, so that the refusal can be sent on its connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      requireSize(bytes, bytesMax);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("request/malformed", "The request did not arrive whole.", { cause: error });
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

function requireSize(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new PlatformError("request/too-large", `Request larger than allowed: ${bytes} > ${bytesMax} bytes.`);
}
