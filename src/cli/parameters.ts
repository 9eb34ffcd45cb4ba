import { readFile } from "node:fs/promises";
import { isJsonObject, type JsonObject, type JsonValue } from "../kernel/json.ts";
import { usageFailure } from "./failure.ts";
import type { Io } from "./io.ts";

/** Flags that take a key and a value, with their short forms as wsk has them. */
const PAIR_FLAGS: ReadonlyMap<string, string> = new Map([
  ["-p", "--param"],
  ["--param", "--param"],
  ["--param-text", "--param-text"],
  ["-a", "--annotation"],
  ["--annotation", "--annotation"],
]);
const WEB_MODES: ReadonlySet<string> = new Set(["true", "yes", "false", "no", "raw"]);

/** A key and the text given for it. */
export type Pair = readonly [key: string, text: string];

/** Nouns whose flags are wskadmin's: there `-p` and `-a` take no pairs, and `-ns` is one flag. */
const ADMIN_NOUNS: ReadonlySet<string> = new Set(["user", "limits"]);

/**
 * Joins what the option parser cannot read for itself: `--param k v` (two words, of which the second may begin with a dash) and
 * `--web [mode]` (whose mode must not swallow a file name) become one word each; wskadmin's `-ns` becomes `--namespace`.
 */
export function joinPairs(argv: readonly string[]): string[] {
  if (ADMIN_NOUNS.has(argv[0] ?? "")) return longNamespaces(argv);
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? "";
    if (word === "--") return [...joined, ...argv.slice(i)];
    const long = PAIR_FLAGS.get(word);
    const [key, value] = [argv[i + 1], argv[i + 2]];
    if (long !== undefined) {
      if (key === undefined || value === undefined) throw usageFailure(`${word} takes a key and a value`);
      joined.push(`${long}=${JSON.stringify([key, value])}`);
      i += 2;
    } else if (word === "--web") {
      const mode = key !== undefined && WEB_MODES.has(key);
      joined.push(`--web=${mode ? key : "true"}`);
      if (mode) i += 1;
    } else {
      joined.push(word);
    }
  }
  return joined;
}

function longNamespaces(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((word, i) => (word === "-ns" && (end < 0 || i < end) ? "--namespace" : word));
}

/** Collects what {@link joinPairs} joined. */
export function collectPair(text: string, before: readonly Pair[] = []): readonly Pair[] {
  let pair: unknown;
  try {
    pair = JSON.parse(text);
  } catch (error) {
    throw usageFailure(
      `${JSON.stringify(text)} is not a key and a value: ${String(error)}`,
      "write: --param KEY VALUE",
    );
  }
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw usageFailure(`${JSON.stringify(text)} is not a key and a value`, "write: --param KEY VALUE");
  }
  return [...before, [String(pair[0]), String(pair[1])]];
}

/** A value as wsk reads it: JSON where the text is JSON, otherwise the text itself. */
export function valueOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // Not JSON: a plain text, as wsk has it.
    return text;
  }
}

/** Where parameters may come from, in rising order of precedence. */
export interface ParameterFlags {
  readonly paramFile?: string;
  readonly paramText?: readonly Pair[];
  readonly param?: readonly Pair[];
}

/** All parameters as one object, or undefined when no flag gave any. */
export async function parametersOf(flags: ParameterFlags, io: Pick<Io, "stdin">): Promise<JsonObject | undefined> {
  if (flags.paramFile === undefined && flags.param === undefined && flags.paramText === undefined) return undefined;
  const fromFile = flags.paramFile === undefined ? {} : await objectFile(flags.paramFile, io);
  const texts = await Promise.all(
    (flags.paramText ?? []).map(async ([key, file]) => [key, await readText(file, io)] as const),
  );
  const pairs = (flags.param ?? []).map(([key, text]) => [key, valueOf(text)] as const);
  return { ...fromFile, ...Object.fromEntries(texts), ...Object.fromEntries(pairs) };
}

/** Annotations as the API keeps them; undefined when no flag gave any. */
export function annotationsOf(flags: { readonly annotation?: readonly Pair[] }): readonly JsonObject[] | undefined {
  return flags.annotation?.map(([key, text]) => ({ key, value: valueOf(text) }));
}

/** An object as the API keeps it: a list of keys and values. */
export function keyValues(object: JsonObject): { readonly key: string; readonly value: JsonValue }[] {
  return Object.entries(object).map(([key, value]) => ({ key, value }));
}

async function objectFile(file: string, io: Pick<Io, "stdin">): Promise<JsonObject> {
  const text = await readText(file, io);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageFailure(`${nameOf(file)} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isJsonObject(value)) throw usageFailure(`${nameOf(file)} holds no JSON object`, 'write it as {"key": "value"}');
  return value;
}

async function readText(file: string, io: Pick<Io, "stdin">): Promise<string> {
  if (file === "-") return io.stdin();
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw usageFailure(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}
