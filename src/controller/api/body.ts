import { PlatformError } from "../../kernel/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { malformed, MEDIA_TYPE } from "./failure.ts";
import type { ApiRequest } from "./route.ts";

// OpenWhisk's JSON reader has the same bound; ours keeps deep values from overflowing the stack of whoever walks them.
const DEPTH_MAX = 1000;
const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The payload of an invocation: an object, or nothing, which means an empty one. @throws `request/media-type`, `request/malformed` */
export function payloadOf(request: ApiRequest): JsonObject {
  const text = request.body;
  if (text === undefined || text === "") return {};
  const value = jsonOf(request, text);
  if (!isJsonObject(value)) throw malformed("Object expected");
  return value;
}

/** The body of a PUT. @throws `request/media-type`, `request/malformed` */
export function documentOf(request: ApiRequest): JsonValue {
  const text = request.body ?? "";
  if (text === "" && request.headers["content-type"] === undefined) {
    throw new PlatformError("request/malformed", "Request entity expected but not supplied");
  }
  return jsonOf(request, text);
}

function jsonOf(request: ApiRequest, text: string): JsonValue {
  requireJson(request.headers["content-type"]);
  return parseJson(text);
}

/** JSON of a bounded depth. @throws `request/malformed` */
export function parseJson(text: string): JsonValue {
  if (text.length > DEPTH_MAX && depthExceeds(text, DEPTH_MAX)) {
    throw malformed(`JSON input was nested more deeply than the set limit of maxNesting = ${DEPTH_MAX}`);
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : "not JSON");
  }
}

function requireJson(contentType: string | undefined): void {
  if (contentType === "application/json") return;
  const essence = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (essence !== "application/json") throw new PlatformError("request/media-type", MEDIA_TYPE);
}

/** Whether brackets outside of strings ever nest deeper than `max`. Text that is no JSON gets some answer, and fails to parse. */
function depthExceeds(text: string, max: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i + 1);
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1;
        if (depth > max) return true;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      default:
    }
  }
  return false;
}

/** Where the string that begins at `from` ends. Jumps from quote to quote: an archive is one string of 48 MB. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (quote - backslashes > from && text.charCodeAt(quote - backslashes - 1) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}
