import { type ActivationResponse, Status } from "../../kernel/activation.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { isJsonObject, type JsonValue } from "../../kernel/json.ts";
import { accepts } from "./accept.ts";
import type { Extension } from "./address.ts";
import { httpResponse } from "./http-response.ts";
import { prettyJson } from "./pretty.ts";
import { unfitFor } from "./refusals.ts";
import type { WebResponse } from "./response.ts";

const JSON_TYPE = { essence: "application/json", text: "application/json" } as const;
const HTML_TYPE = { essence: "text/html", text: "text/html; charset=UTF-8" } as const;
const SVG_TYPE = { essence: "image/svg+xml", text: "image/svg+xml" } as const;
const TEXT_TYPE = { essence: "text/plain", text: "text/plain; charset=UTF-8" } as const;

/** Ways to make an answer of a result, by the extension in the path. */
const PROJECTIONS: Readonly<Record<Extension, (result: JsonValue) => WebResponse>> = {
  http: httpResponse,
  json: asJson,
  html: (result) => asMarkup(result, "html", HTML_TYPE),
  svg: (result) => asMarkup(result, "svg", SVG_TYPE),
  text: asText,
};

/**
 * What a web action's caller gets of an activation's end. An application error is read from the field `error` by the same rules as a
 * result, so that `{ error: { statusCode: 404 } }` works; of any other failure the caller learns only that there was one.
 *
 * @throws `result/failed`, `result/unfit`, `result/incomplete`
 */
export function project(response: ActivationResponse, extension: Extension): WebResponse {
  const { statusCode, result } = response;
  if (statusCode === Status.success) return PROJECTIONS[extension](result);
  if (statusCode !== Status.applicationError) {
    throw new PlatformError("result/failed", "There was an error processing your request.");
  }
  const error = isJsonObject(result) ? result["error"] : undefined;
  if (error === undefined) throw incomplete();
  return PROJECTIONS[extension](error);
}

/**
 * Refuses an answer that the caller's `accept` does not take; the function has run all the same (OpenWhisk's order). What is empty, and
 * what is an error, comes as it is.
 *
 * @throws `request/not-acceptable`
 */
export function requireAcceptable({ status, type }: WebResponse, accept: string | undefined): void {
  if (type === undefined || status >= 400 || accepts(accept, type.essence)) return;
  throw new PlatformError(
    "request/not-acceptable",
    `Resource representation is only available with these types:\n${type.text}`,
  );
}

function asJson(result: JsonValue): WebResponse {
  if (typeof result !== "object" || result === null) throw unfitFor(JSON_TYPE.essence);
  return { status: 200, type: JSON_TYPE, headers: [], body: JSON.stringify(result) };
}

function asMarkup(result: JsonValue, field: string, type: NonNullable<WebResponse["type"]>): WebResponse {
  const text = bodyOf(result, field);
  if (typeof text !== "string") throw unfitFor(type.essence);
  return { status: 200, type, headers: [], body: text };
}

function asText(result: JsonValue): WebResponse {
  const value = bodyOf(result, "text");
  if (value === undefined) throw incomplete();
  const body = typeof value === "string" ? value : prettyJson(value);
  return { status: 200, type: TEXT_TYPE, headers: [], body };
}

/** What of a result is shown: its `body`, else the field named like the extension; anything but an object is shown itself. */
function bodyOf(result: JsonValue, field: string): JsonValue | undefined {
  if (!isJsonObject(result)) return result;
  return result["body"] === undefined ? result[field] : result["body"];
}

function incomplete(): PlatformError<"result/incomplete"> {
  return new PlatformError("result/incomplete", "Response does not include requested property.");
}
