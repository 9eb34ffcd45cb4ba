import { isJsonObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { CliFailure } from "./failure.ts";
import { EXIT } from "./exit-codes.ts";

/** A list answer's rows. @throws {CliFailure} exit code 70 when the answer is no list of objects. */
export function rowsOf(body: unknown): readonly JsonObject[] {
  if (Array.isArray(body) && body.every(isJsonObject)) return body;
  throw new CliFailure(EXIT.internal, "the answer is not the list that was asked for", {
    why: `it begins with ${JSON.stringify(body)?.slice(0, 60) ?? "nothing"}`,
    fix: "check that --apihost names a Skein or an OpenWhisk",
  });
}

/** The value at a key as text; `-` when absent. */
export function textAt(object: JsonObject | undefined, key: string): string {
  return wordOf(object?.[key]);
}

/** A value as one shows it in a table: text as it is, `-` for nothing, JSON for the rest. */
export function wordOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The values of a list; none when it is not a list. */
export function itemsOf(value: unknown): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** The number at a key. */
export function numberAt(object: JsonObject | undefined, key: string): number | undefined {
  const value = object?.[key];
  return typeof value === "number" ? value : undefined;
}

/** The object at a key. */
export function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = object?.[key];
  return isJsonObject(value) ? value : undefined;
}

/** The value of an annotation. */
export function annotationOf(object: JsonObject, name: string): JsonValue | undefined {
  const list = object["annotations"];
  if (!Array.isArray(list)) return undefined;
  const found = (list as readonly JsonValue[]).find((item) => isJsonObject(item) && item["key"] === name);
  return isJsonObject(found) ? found["value"] : undefined;
}
