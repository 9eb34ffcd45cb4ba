import type { IncomingHttpHeaders } from "node:http";
import { PlatformError } from "../../kernel/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { parseJson } from "../api/body.ts";
import { isJsonType, parseMediaType } from "./media-type.ts";
import type { WebAction } from "./web-action.ts";

/** A request to a web action. */
export interface WebRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The path behind the action's name. */
  readonly rest: string;
  /** Without its question mark. */
  readonly query: string;
  readonly body: Buffer;
  /** The namespace of a caller whom the platform knows. */
  readonly user?: string;
}

/** Names that only the platform gives values to. */
const RESERVED: readonly string[] = [
  "__ow_method",
  "__ow_headers",
  "__ow_path",
  "__ow_user",
  "__ow_query",
  "__ow_body",
];

// They tell how the body travelled; it has arrived.
const TRANSFER_HEADERS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

type Fields = readonly (readonly [string, JsonValue])[];

/**
 * What the action gets: how it was asked, and what with. Fields of the query, and over them those of a JSON or form body, become
 * arguments of their own; any other body is `__ow_body`. A raw action gets query and body as they came, whatever is in them.
 *
 * @throws `request/malformed` for JSON that is none, and for arguments that are not the caller's to set
 */
export function argumentsOf(request: WebRequest, action: Pick<WebAction, "raw" | "finalNames">): JsonObject {
  const { method, headers, rest, query, body, user } = request;
  const given: Fields = action.raw
    ? [
        ["__ow_query", query],
        ["__ow_body", rawBody(body, headers["content-type"])],
      ]
    : [...new URLSearchParams(query), ...bodyFields(body, headers["content-type"], action)];
  if (!action.raw) requireAllowed(new URLSearchParams(query).keys(), action);
  return Object.fromEntries([
    ["__ow_method", method.toLowerCase()],
    ["__ow_headers", passedHeaders(headers, user !== undefined)],
    ["__ow_path", rest],
    ...(user === undefined ? [] : [["__ow_user", user] as const]),
    ...given,
  ]);
}

function bodyFields(body: Buffer, contentType: string | undefined, action: Pick<WebAction, "finalNames">): Fields {
  const type = contentType === undefined ? undefined : parseMediaType(contentType);
  if (body.length === 0) {
    // An empty text is a text; an empty JSON document, form or file is nothing.
    const isText = type !== undefined && type.form === "text";
    return isText ? [["__ow_body", ""]] : [];
  }
  if (type !== undefined && isJsonType(type)) {
    const value = parseJson(body.toString("utf8"));
    if (!isJsonObject(value)) return [["__ow_body", value]];
    requireAllowed(Object.keys(value), action);
    return Object.entries(value);
  }
  if (type?.essence === "application/x-www-form-urlencoded") {
    const form = new URLSearchParams(body.toString("utf8"));
    requireAllowed(form.keys(), action);
    return [...form];
  }
  const isBinary = type === undefined || type.form === "binary";
  return [["__ow_body", body.toString(isBinary ? "base64" : "utf8")]];
}

/** JSON goes in base64 to raw actions: OpenWhisk keeps that for those who count on it. */
function rawBody(body: Buffer, contentType: string | undefined): string {
  if (body.length === 0) return "";
  const type = contentType === undefined ? undefined : parseMediaType(contentType);
  const isBinary = type === undefined || type.form === "binary" || type.essence === "application/json";
  return body.toString(isBinary ? "base64" : "utf8");
}

/** Headers as text, several of one name in one. A key of the platform is never handed on: the action may be somebody else's. */
function passedHeaders(headers: IncomingHttpHeaders, authenticated: boolean): JsonObject {
  const passed: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || TRANSFER_HEADERS.has(name)) continue;
    if (authenticated && name === "authorization") continue;
    passed.push([name, typeof value === "string" ? value : value.join(", ")]);
  }
  return Object.fromEntries(passed);
}

function requireAllowed(names: Iterable<string>, { finalNames }: Pick<WebAction, "finalNames">): void {
  for (const name of names) {
    if (!finalNames.has(name) && !RESERVED.includes(name)) continue;
    throw new PlatformError(
      "request/malformed",
      "Request defines parameters that are not allowed (e.g., reserved properties).",
    );
  }
}
