import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { homedir } from "node:os";
import { isMap, isScalar, LineCounter, parseDocument, type ParsedNode } from "yaml";
import type { OptionField } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** Where a value came from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line: number }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "flag"; readonly flag: string };

/** One value as a source gave it. */
export interface Given {
  readonly value: unknown;
  readonly origin: Origin;
}

/** One thing wrong with what was given. */
export interface OptionProblem {
  /** The option's path, or the text that is no option. */
  readonly path: string;
  readonly origin: Origin;
  /** What is wrong, lower case, with what was given and what is allowed. */
  readonly message: string;
}

/** A flag that sets an option: `value` is text, or true for a switch. */
export interface FlagSetting {
  readonly path: string;
  readonly flag: string;
  readonly value: string | boolean;
}

/** What reading a source gives: values by path, and what was wrong. */
export interface Reading {
  readonly values: ReadonlyMap<string, Given>;
  readonly problems: readonly OptionProblem[];
}

type Fields = ReadonlyMap<string, OptionField>;

/** `SKEIN_` variables that are read elsewhere: by client commands, the launcher and the tests. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  "SKEIN_APIHOST",
  "SKEIN_AUTH",
  "SKEIN_CONFIG",
  "SKEIN_RELAUNCHED",
  "SKEIN_REQUIRE_ENGINES",
]);

/** Reads a YAML file. Relative paths inside it are meant from its own folder. */
export function readFileSource(file: string, fields: Fields): Reading {
  const origin = (line: number): Origin => ({ kind: "file", file, line });
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { values: new Map(), problems: [{ path: basename(file), origin: origin(1), message: reason }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      path: basename(file),
      origin: origin(lines.linePos(error.pos[0]).line),
      message: `is not YAML: ${error.message.split("\n")[0] ?? ""}`,
    }));
    return { values: new Map(), problems };
  }
  const values = new Map<string, Given>();
  const problems: OptionProblem[] = [];
  const lineOf = (node: ParsedNode | null): number => (node === null ? 1 : lines.linePos(node.range[0]).line);
  const visit = (node: ParsedNode | null, path: string, line: number): void => {
    const field = fields.get(path);
    if (field !== undefined) {
      const value: unknown = node?.toJS(document) ?? null;
      values.set(path, { value: resolvePath(field, value, dirname(file)), origin: origin(line) });
    } else if (isMap(node)) {
      for (const pair of node.items) {
        const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
        visit(pair.value, path === "" ? key : `${path}.${key}`, lineOf(pair.key));
      }
    } else if (!isSection(path, fields)) {
      problems.push({ path, origin: origin(line), message: `is no option${hint(path, fields.keys())}` });
    } else if (node !== null && !(isScalar(node) && node.value === null)) {
      problems.push({ path, origin: origin(line), message: "is a section: it takes options below it, not a value" });
    }
  };
  visit(document.contents, "", 1);
  return { values, problems };
}

/** Reads `SKEIN_` variables, and refuses those that nobody reads: a misspelt setting must not be silently without effect. */
export function readEnvSource(env: Readonly<Record<string, string | undefined>>, fields: Fields): Reading {
  const byName = new Map([...fields.values()].map((field) => [field.env, field]));
  const values = new Map<string, Given>();
  const problems: OptionProblem[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith("SKEIN_") || OTHER_VARIABLES.has(name)) continue;
    const origin: Origin = { kind: "env", name };
    const field = byName.get(name);
    if (field === undefined) {
      const known = [...byName.keys(), ...OTHER_VARIABLES];
      problems.push({ path: name, origin, message: `is no variable of Skein${hint(name, known)}` });
    } else {
      values.set(field.path, { value: fromText(field, text), origin });
    }
  }
  return { values, problems };
}

/** Reads flags; a later one wins over an earlier one of the same path. */
export function readFlagSource(flags: readonly FlagSetting[], fields: Fields): Reading {
  const values = new Map<string, Given>();
  const problems: OptionProblem[] = [];
  for (const { path, flag, value } of flags) {
    const origin: Origin = { kind: "flag", flag };
    const field = fields.get(path);
    if (field === undefined) {
      problems.push({ path, origin, message: `is no option${hint(path, fields.keys())}` });
    } else {
      values.set(path, { value: typeof value === "string" ? fromText(field, value) : value, origin });
    }
  }
  return { values, problems };
}

/** The text as the option's type; text that does not fit stays text, and the schema says what is wrong with it. */
function fromText(field: OptionField, text: string): unknown {
  if (field.type === "string") return resolvePath(field, text, process.cwd());
  if (field.type === "json") return jsonOrText(text);
  if (field.type === "boolean") {
    if (text === "true" || text === "1") return true;
    return text === "false" || text === "0" ? false : text;
  }
  return /^[+-]?\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : text;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON: the schema refuses it with the words of the option.
    return text;
  }
}

function resolvePath(field: OptionField, value: unknown, from: string): unknown {
  if (!field.isPath || typeof value !== "string" || value === "") return value;
  if (value === "~") return homedir();
  return value.startsWith("~/") ? resolve(homedir(), value.slice(2)) : resolve(from, value);
}

function isSection(path: string, fields: Fields): boolean {
  return path === "" || [...fields.keys()].some((known) => known.startsWith(`${path}.`));
}

function hint(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates);
  return near === undefined ? "" : `; did you mean ${near}?`;
}
