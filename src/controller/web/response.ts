import type { JsonValue } from "../../kernel/json.ts";

/** What a web action answers, before the platform's own headers join. */
export interface WebResponse {
  readonly status: number;
  /** Undefined for an empty body, which has no type. */
  readonly type: { readonly essence: string; readonly text: string } | undefined;
  /** The action's headers, name and value in turn; several of one name stay several. */
  readonly headers: readonly string[];
  readonly body: string | Buffer;
}

// What describes the connection or the message as it is sent is ours to say (OpenWhisk's library drops the same), and so is what
// names the request.
const OURS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "proxy-connection",
  "server",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-openwhisk-activation-id",
  "x-request-id",
]);

// Arrays in arrays are flattened, as in OpenWhisk, which does so to any depth.
const NESTING_MAX = 8;
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
// oxlint-disable-next-line eslint/no-control-regex -- these are the bytes that HTTP forbids in a header
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** Headers of a result as `name, value, ...`, and its content type; undefined when they are no headers. */
export function headersOf(
  value: JsonValue,
): { readonly headers: readonly string[]; readonly contentType: string | undefined } | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const headers: string[] = [];
  let contentType: string | undefined;
  for (const [name, given] of Object.entries(value)) {
    const values = textsOf(given);
    if (values === undefined || !NAME.test(name) || values.some((text) => FORBIDDEN.test(text))) return undefined;
    const lower = name.toLowerCase();
    if (lower === "content-type") contentType ??= values[0];
    if (OURS.has(lower)) continue;
    for (const text of values) headers.push(name, text);
  }
  return { headers, contentType };
}

function textsOf(value: JsonValue): readonly string[] | undefined {
  const items: readonly JsonValue[] = Array.isArray(value) ? value.flat(NESTING_MAX) : [value];
  const texts = items.map(textOf);
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function textOf(value: JsonValue): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
