import { PlatformError } from "../../kernel/errors.ts";
import { entityNameFault } from "../../kernel/ids.ts";

/** A query string as the framework reads it. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const LIMIT_DEFAULT = 30;
const LIMIT_MAX = 200;
const INTEGER = /^[+-]?\d+$/;
const INT32_MAX = 2_147_483_647;
const TRUE = new Set(["true", "yes", "on", "1"]);
const FALSE = new Set(["false", "no", "off", "0"]);

/** A flag, by all the words that OpenWhisk's HTTP library takes for one. @throws `request/malformed` */
export function flag(query: Query, name: string, whenAbsent: boolean): boolean {
  const text = first(query, name);
  if (text === undefined || text === "") return whenAbsent;
  const word = text.toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw malformedParameter(name, `'${text}' is not a valid Boolean value`);
}

/** Which part of a list is asked for; a limit of 0 means the most there can be. @throws `request/malformed` */
export function page(query: Query, collection: string): { readonly skip: number; readonly limit: number } {
  const limit = integer(query, "limit", collection) ?? LIMIT_DEFAULT;
  if (limit < 0 || limit > LIMIT_MAX) {
    throw malformedParameter(
      "limit",
      `The value '${limit}' is not in the range of 0 to ${LIMIT_MAX} for ${collection}.`,
    );
  }
  const skip = integer(query, "skip", collection) ?? 0;
  if (skip < 0) {
    throw malformedParameter("skip", `The value '${skip}' is not greater than or equal to 0 for ${collection}.`);
  }
  return { skip, limit: limit === 0 ? LIMIT_MAX : limit };
}

/** Milliseconds to wait for an answer, 1 to `max`; `max` when absent. @throws `request/malformed` */
export function waitMs(query: Query, max: number): number {
  const text = first(query, "timeout");
  if (text === undefined || text === "") return max;
  const value = INTEGER.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw malformedParameter("timeout", `Timeout must be number of milliseconds up to ${max}.`);
}

/** Epoch milliseconds. @throws `request/malformed` */
export function epochMs(query: Query, name: "since" | "upto"): number | undefined {
  const text = first(query, name);
  if (text === undefined || text === "") return undefined;
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  throw malformedParameter(name, `Parameter is not a valid value for epoch seconds: ${text}`);
}

/** The name activations are filtered by: `name` or `package/name`. @throws `request/malformed` */
export function nameFilter(query: Query): string | undefined {
  const text = first(query, "name");
  if (text === undefined || text.trim() === "") return undefined;
  const segments = text.split("/").filter((segment) => segment !== "");
  if (
    segments.length >= 1 &&
    segments.length <= 2 &&
    segments.every((segment) => entityNameFault(segment) === undefined)
  ) {
    return segments.join("/");
  }
  throw malformedParameter("name", `Parameter may be a 'simple' name or 'package-name/simple' name: ${text}`);
}

function integer(query: Query, name: string, collection: string): number | undefined {
  const text = first(query, name);
  if (text === undefined || text === "") return undefined;
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  if (Math.abs(value) <= INT32_MAX) return value;
  throw malformedParameter(name, `The value '${text}' is not an integer for ${collection}.`);
}

function first(query: Query, name: string): string | undefined {
  // Own properties only: `?limit` is asked for, `Object.prototype` is not.
  if (!Object.hasOwn(query, name)) return undefined;
  const value = query[name];
  return typeof value === "string" || value === undefined ? value : value[0];
}

function malformedParameter(name: string, detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The query parameter '${name}' was malformed:\n${detail}`);
}
