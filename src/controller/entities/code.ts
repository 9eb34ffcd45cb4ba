/** Code as it is kept: bytes, and whether a client sees them as base64 (an archive) or as text. */
export interface Code {
  readonly binary: boolean;
  readonly bytes: Uint8Array;
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Code as a client sends it. OpenWhisk's rule says what is binary: text that is strict base64, whatever else it may mean, so that the
 * source `abcd` counts as three bytes. Both forms come back as they went in.
 */
export function decodeCode(text: string): Code {
  const trimmed = text.trim();
  if (trimmed.length > 0 && trimmed.length % 4 === 0 && BASE64.test(trimmed)) {
    return { binary: true, bytes: Buffer.from(trimmed, "base64") };
  }
  return { binary: false, bytes: Buffer.from(text, "utf8") };
}

/** Code as a client reads it. */
export function encodeCode(code: Code): string {
  const bytes = Buffer.from(code.bytes.buffer, code.bytes.byteOffset, code.bytes.byteLength);
  return bytes.toString(code.binary ? "base64" : "utf8");
}
