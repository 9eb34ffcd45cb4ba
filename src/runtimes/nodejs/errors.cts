/** Errors as text and as data, whatever was thrown: user code throws anything, getters that throw included. */
import type { Primordials } from "./primordials.cts";

const DEPTH_MAX = 8;
const KEYS_MAX = 256;
const primordials = require("./primordials.cjs") as Primordials;
const { isArray, jsonStringify, objectKeys: keys } = primordials;

/** `text` is what follows "An error has occurred: "; `stack` is the longest account there is. Never throws. */
function describe(error: unknown): { readonly text: string; readonly stack: string } {
  let text = "unknown error";
  try {
    text =
      typeof error === "object" && error !== null && !(error instanceof Error)
        ? (jsonStringify(error) ?? text)
        : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    return { text, stack: typeof stack === "string" && stack !== "" ? stack : text };
  } catch {
    return { text, stack: text };
  }
}

/**
 * A rejection's reason as JSON data, as OpenWhisk's runtime does it: an Error gives its name, message, stack and own fields, a
 * function its name, a cycle a word. Bounded in depth and keys. Never throws.
 */
function plain(reason: unknown): unknown {
  return plainAt(reason, [], 0);
}

function plainAt(value: unknown, above: readonly unknown[], depth: number): unknown {
  if (typeof value === "function") return `[Function: ${value.name === "" ? "anonymous" : value.name}]`;
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[Circular]";
  if (depth >= DEPTH_MAX) return "[Object]";
  const path = [...above, value];
  if (isArray(value)) return value.slice(0, KEYS_MAX).map((item: unknown) => plainAt(item, path, depth + 1));
  const result: Record<string, unknown> = {};
  const names = value instanceof Error ? ["name", "message", "stack", "code", "cause", ...keys(value)] : keys(value);
  for (const name of names.slice(0, KEYS_MAX)) {
    try {
      const field = (value as Record<string, unknown>)[name];
      if (field !== undefined && typeof field !== "function") result[name] = plainAt(field, path, depth + 1);
    } catch {
      // A getter that throws has no value to tell.
    }
  }
  return result;
}

const errors = { describe, plain };
module.exports = errors;
export type Errors = typeof errors;
