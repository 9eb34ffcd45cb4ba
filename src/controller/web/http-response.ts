import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { decodeBase64, looksLikeBase64 } from "./base64.ts";
import { isJsonType, type MediaType, mediaTypeText, parseMediaType } from "./media-type.ts";
import { prettyJson } from "./pretty.ts";
import { unfit, unfitFor } from "./refusals.ts";
import { headersOf, type WebResponse } from "./response.ts";

const OK = 200;
const NO_CONTENT = 204;
const INTEGER = /^[+-]?\d+$/;
// What HTTP can say at the end of an exchange. OpenWhisk asks only for a number; a 100 would leave the caller waiting.
const STATUS_MIN = 200;
const STATUS_MAX = 999;

/**
 * The answer that a result `{ statusCode, headers, body }` asks for. What is missing has defaults: 200, or 204 without a body;
 * `text/html` for a string, `application/json` for any other value.
 *
 * @throws `result/unfit`
 */
export function httpResponse(result: JsonValue): WebResponse {
  if (!isJsonObject(result)) throw unfitFor("message/http");
  const { headers = {} } = result;
  const read = headersOf(headers);
  if (read === undefined) throw unfitFor("message/http");
  const status = statusOf(result);
  const body = result["body"] ?? "";
  if (body === "") return { status: status ?? NO_CONTENT, type: undefined, headers: read.headers, body };
  const content = typeof body === "string" ? textContent(body, read.contentType) : jsonContent(body, read.contentType);
  return { status: status ?? OK, headers: read.headers, ...content };
}

type Content = Pick<WebResponse, "type" | "body">;

function textContent(body: string, contentType = "text/html"): Content {
  const type = parseMediaType(contentType);
  if (type === undefined) throw unfit("Response did not specify a known content-type.");
  if (type.form === "binary" && !isJsonType(type)) return { type: typeOf(type), body: decoded(body) };
  // JSON in base64 is OpenWhisk's legacy; other text that it takes for bytes must be base64 there, and may be here.
  const mayBeBase64 = isJsonType(type) || !type.known;
  return { type: typeOf(type), body: mayBeBase64 && looksLikeBase64(body) ? decoded(body) : body };
}

function decoded(body: string): Buffer {
  const bytes = decodeBase64(body);
  if (bytes === undefined) throw mismatch();
  return bytes;
}

function jsonContent(body: JsonValue, contentType = "application/json"): Content {
  const type = parseMediaType(contentType);
  if (type === undefined || !isJsonType(type)) throw mismatch();
  const { essence } = type;
  const text = essence === "application/json" ? JSON.stringify(body) : prettyJson(body);
  return { type: { essence, text: essence }, body: text };
}

function mismatch(): ReturnType<typeof unfit> {
  return unfit("Response type in header did not match generated content type.");
}

function typeOf(type: MediaType): WebResponse["type"] {
  return { essence: type.essence, text: mediaTypeText(type) };
}

/** A whole number, or one written as text. */
function statusOf(result: JsonObject): number | undefined {
  const given = result["statusCode"];
  if (given === undefined) return undefined;
  const status = typeof given === "string" && INTEGER.test(given) ? Number(given) : given;
  if (typeof status !== "number" || !Number.isInteger(status)) throw unfitFor("message/http");
  if (status < STATUS_MIN || status > STATUS_MAX) throw unfitFor("message/http");
  return status;
}
