import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { PlatformError } from "../errors.ts";
import { optionFields, type OptionField } from "./fields.ts";
import { optionsSchema, type SkeinOptions } from "./options.ts";
import {
  type FlagSetting,
  type Given,
  type OptionProblem,
  type Origin,
  readEnvSource,
  readFileSource,
  readFlagSource,
} from "./sources.ts";

/** The file that is read when none is named and the current folder has it. */
export const CONFIG_FILE = "skein.yaml";

export interface LoadInput {
  /** A YAML file; `./skein.yaml` when absent and there. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly FlagSetting[];
}

export interface LoadedOptions {
  /** Frozen, all the way down. */
  readonly options: SkeinOptions;
  /** Where the value of each option came from, by path; all paths, in the schema's order. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** `options/invalid` with each problem; the message lists them too. */
export class OptionsError extends PlatformError<"options/invalid"> {
  readonly problems: readonly OptionProblem[];

  constructor(problems: readonly OptionProblem[]) {
    const lines = problems.map((p) => `  ${p.path} ${p.message} (${originText(p.origin)})`);
    const noun = problems.length === 1 ? "1 option is" : `${problems.length} options are`;
    super("options/invalid", `${noun} not as they must be:\n${lines.join("\n")}`, {
      details: { problems: problems.length },
    });
    this.name = "OptionsError";
    this.problems = problems;
  }
}

/**
 * The effective options: flags over environment over file over defaults.
 *
 * @throws {OptionsError} `options/invalid`, with every problem at once: an operator mends a file in one go.
 */
export function loadOptions(input: LoadInput): LoadedOptions {
  const fields = new Map(optionFields().map((field) => [field.path, field]));
  const file = resolve(input.file ?? CONFIG_FILE);
  const readings = [
    ...(input.file !== undefined || existsSync(file) ? [readFileSource(file, fields)] : []),
    readEnvSource(input.env, fields),
    readFlagSource(input.flags, fields),
  ];
  const given = new Map(readings.flatMap((reading) => [...reading.values]));
  const problems = readings.flatMap((reading) => [...reading.problems]);

  const parsed = optionsSchema.safeParse(treeOf(given));
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => problemOf(issue, { given, fields })));
  }
  if (!parsed.success || problems.length > 0) throw new OptionsError(problems);

  const origins = new Map<string, Origin>();
  for (const path of fields.keys()) origins.set(path, given.get(path)?.origin ?? { kind: "default" });
  return { options: deepFreeze(parsed.data), origins };
}

/** An origin as one reads it: `default`, `skein.yaml:3`, `env SKEIN_SERVER_PORT`, `flag --port`. */
export function originText(origin: Origin): string {
  if (origin.kind === "file") return `${origin.file}:${origin.line}`;
  if (origin.kind === "env") return `env ${origin.name}`;
  return origin.kind === "flag" ? `flag ${origin.flag}` : "default";
}

/** The value at a dotted path, undefined when unset. */
export function optionAt(options: SkeinOptions, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (node, key) => (typeof node === "object" && node !== null ? (node as Record<string, unknown>)[key] : undefined),
      options,
    );
}

function treeOf(given: ReadonlyMap<string, Given>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, { value }] of given) {
    const keys = path.split(".");
    const last = keys.pop() ?? path;
    let node = root;
    for (const key of keys) node = (node[key] ??= {}) as Record<string, unknown>;
    node[last] = value;
  }
  return root;
}

interface Context {
  readonly given: ReadonlyMap<string, Given>;
  readonly fields: ReadonlyMap<string, OptionField>;
}

/** A fault the schema found, in the option's own words and with the origin of what caused it. */
function problemOf(
  issue: { readonly path: readonly PropertyKey[]; readonly message: string },
  { given, fields }: Context,
): OptionProblem {
  const path = issue.path.map(String).join(".");
  const exact = fields.get(path);
  const source = given.get(path);
  if (exact !== undefined && source !== undefined) {
    const shown = exact.secret ? "a value" : JSON.stringify(source.value);
    return { path, origin: source.origin, message: `is ${shown}, but must be ${exact.allowed}` };
  }
  // Inside a list (`invoker.prewarm.0.kind`), or between options of one section (`server`).
  const owner = [...given.keys()].find((known) => path.startsWith(`${known}.`) || known.startsWith(`${path}.`));
  const origin = owner === undefined ? undefined : given.get(owner)?.origin;
  return { path, origin: origin ?? { kind: "default" }, message: issue.message };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
