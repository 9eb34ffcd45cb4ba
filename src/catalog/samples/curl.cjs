/**
 * Fetches a URL and returns what came: `status`, `headers` and the beginning of `body` as text.
 *
 * @param params `payload` (or `url`): the URL, where `https://` may be left out; `method`: GET when absent; `body`: what to send;
 * `timeout`: milliseconds, 10,000 when absent, 30,000 at most. The answer's body is cut at 512 KB, and `truncated` says so.
 */
async function main({ payload, url = payload, method = "GET", body, timeout = TIMEOUT_MS }) {
  const target = targetOf(url);
  if (target === undefined) return { error: "Expected an argument 'payload': a URL to fetch by http or https." };
  if (typeof timeout !== "number" || !(timeout > 0))
    return { error: "Expected an argument 'timeout' of type 'number', above 0." };
  try {
    const response = await fetch(target, {
      method,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(Math.min(timeout, TIMEOUT_MS_MAX)),
    });
    const { text, truncated } = await beginningOf(response);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: text, truncated };
  } catch (error) {
    return { error: `Could not fetch ${target}: ${error.cause?.message || error.message}` };
  }
}

const TIMEOUT_MS = 10_000;
const TIMEOUT_MS_MAX = 30_000;
/** Half of what a result may hold: JSON may need two bytes for one. */
const BODY_BYTES_MAX = 524_288;

function targetOf(url) {
  if (typeof url !== "string" || url.trim() === "") return undefined;
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(url.trim()) ? url.trim() : `https://${url.trim()}`;
  if (!URL.canParse(text)) return undefined;
  const target = new URL(text);
  return target.protocol === "http:" || target.protocol === "https:" ? target : undefined;
}

/** Reads no more than it returns. */
async function beginningOf(response) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) break;
  }
  const whole = Buffer.concat(chunks);
  return { text: whole.subarray(0, BODY_BYTES_MAX).toString("utf8"), truncated: whole.byteLength > BODY_BYTES_MAX };
}

exports.main = main;
