import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { optionsSchema } from "./options.ts";

/** One option that can be set: a leaf of the schema. */
export interface OptionField {
  /** Where it is in the file, e.g. `server.tlsCert`. */
  readonly path: string;
  /** The environment variable that sets it, e.g. `SKEIN_SERVER_TLS_CERT`. */
  readonly env: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "json";
  /** What it may hold, in words. */
  readonly allowed: string;
  /** Absent for options that are unset unless given. */
  readonly default?: JsonValue;
  /** Its value is never printed. */
  readonly secret: boolean;
  /** Names a file or folder: `~/` and relative paths are resolved when it is read. */
  readonly isPath: boolean;
}

/** Options whose values are never printed. */
const SECRETS: ReadonlySet<string> = new Set(["guestKey", "systemKey"]);
const PATHS: ReadonlySet<string> = new Set(["data.dir", "server.tlsCert", "server.tlsKey", "invoker.process.runDir"]);

/** Every option in the schema's order. Derived from the schema, so that there is one truth. */
export function optionFields(): readonly OptionField[] {
  const root: unknown = z.toJSONSchema(optionsSchema, { io: "input" });
  return isJsonObject(root) ? leavesOf(root, []) : [];
}

/** `["server", "tlsCert"]` is set by `SKEIN_SERVER_TLS_CERT`. */
export function envNameOf(path: string): string {
  const snake = path
    .split(".")
    .map((part) => part.replace(/([a-z0-9])([A-Z])/g, "$1_$2"))
    .join("_");
  return `SKEIN_${snake.toUpperCase()}`;
}

function leavesOf(node: JsonObject, path: readonly string[]): OptionField[] {
  const properties = node["properties"];
  if (!isJsonObject(properties)) return [fieldOf(node, path.join("."))];
  return Object.entries(properties).flatMap(([key, child]) =>
    isJsonObject(child) ? leavesOf(child, [...path, key]) : [],
  );
}

function fieldOf(node: JsonObject, path: string): OptionField {
  const type = typeOf(node["type"]);
  const given = node["default"];
  return {
    path,
    env: envNameOf(path),
    type,
    allowed: allowedOf(node, type),
    ...(given === undefined ? {} : { default: given }),
    secret: SECRETS.has(path),
    isPath: PATHS.has(path),
  };
}

function typeOf(type: JsonValue | undefined): OptionField["type"] {
  if (type === "string" || type === "integer" || type === "number" || type === "boolean") return type;
  return "json";
}

function allowedOf(node: JsonObject, type: OptionField["type"]): string {
  const choices = node["enum"];
  if (Array.isArray(choices)) return `one of ${choices.join(", ")}`;
  if (type === "boolean") return "true or false";
  if (type === "integer" || type === "number") {
    const noun = type === "integer" ? "a whole number" : "a number";
    return `${noun} from ${JSON.stringify(node["minimum"])} to ${JSON.stringify(node["maximum"])}`;
  }
  if (type === "json") return `a list of ${itemShape(node["items"])}, at most ${JSON.stringify(node["maxItems"])}`;
  if (typeof node["pattern"] === "string") return "`uuid:key`, a lower-case UUID, a colon, 64 letters or digits";
  return node["format"] === "uri" ? "a URL" : "a text that is not empty";
}

function itemShape(items: JsonValue | undefined): string {
  const properties = isJsonObject(items) ? items["properties"] : undefined;
  return isJsonObject(properties) ? `{ ${Object.keys(properties).join(", ")} }` : "values";
}
