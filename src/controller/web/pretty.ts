import { isJsonObject, type JsonValue } from "../../kernel/json.ts";

const INDENT = 2;
// Deeper values are written on one line: nobody reads them by eye, and indents cost memory (at most 50 times what the value takes).
const DEPTH_MAX = 50;

/** JSON as OpenWhisk prints it for eyes: a line for each field of an object, arrays along the line. */
export function prettyJson(value: JsonValue): string {
  return print(value, { indent: 0, depth: 0 });
}

function print(value: JsonValue, { indent, depth }: { readonly indent: number; readonly depth: number }): string {
  if (depth > DEPTH_MAX) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((item: JsonValue) => print(item, { indent, depth: depth + 1 })).join(", ")}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value);
  const inner = indent + INDENT;
  const fields = Object.entries(value).map(
    ([name, field]) =>
      `${" ".repeat(inner)}${JSON.stringify(name)}: ${print(field, { indent: inner, depth: depth + 1 })}`,
  );
  return `{\n${fields.join(",\n")}\n${" ".repeat(indent)}}`;
}
