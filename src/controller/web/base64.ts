const ALPHABET = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes behind standard base64, with or without its padding; undefined when it is something else. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!ALPHABET.test(text)) return undefined;
  const padded = text.endsWith("=");
  if (padded ? text.length % 4 !== 0 : text.length % 4 === 1) return undefined;
  return Buffer.from(text, "base64");
}

/** Whether a text looks like base64 where it need not be: OpenWhisk's guess, which wants the padding, and some text. */
export function looksLikeBase64(text: string): boolean {
  return text !== "" && text.length % 4 === 0 && ALPHABET.test(text) && !text.startsWith("=");
}
