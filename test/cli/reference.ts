import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { processIo } from "../../src/cli/io.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { ERRORS } from "../../src/kernel/errors.ts";
import { optionFields } from "../../src/kernel/options/fields.ts";

/** The three numbers of a range share its comment. */
const RANGE_WORDS: Readonly<Record<string, string>> = {
  min: "The least.",
  default: "What it gets when it asks for nothing.",
  max: "The most.",
};
const root = join(import.meta.dirname, "..", "..");
const cell = (text: string): string => text.replaceAll("|", "\\|");
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |\n`;

/** Every error code with what it means for a client. */
export function errorsReference(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, retry, fault, help }]) =>
    row(`\`${code}\``, String(status), retry, fault, help),
  );
  return [row("code", "HTTP", "retry", "fault", "what to do"), "|---|---|---|---|---|\n", ...rows].join("");
}

/** Every option: its variable, what it may be, its default, and the sentence that its interface says. */
export function configReference(): string {
  const docs = optionDocs();
  const sections = new Map<string, string[]>();
  for (const { path, env, allowed, default: value, secret } of optionFields()) {
    const section = path.includes(".") ? (path.split(".")[0] ?? "") : "keys";
    const about = docs.get(path) ?? "";
    const shown = value === undefined ? (secret ? "made at random" : "unset") : `\`${defaultText(path, value)}\``;
    sections.set(section, [...(sections.get(section) ?? []), row(`\`${path}\`<br>\`${env}\``, about, allowed, shown)]);
  }
  return [...sections]
    .map(
      ([name, rows]) =>
        `### ${name}\n\n${row("option, variable", "what it is", "allowed", "default")}|---|---|---|---|\n${rows.join("")}`,
    )
    .join("\n");
}

/** Every command with its flags. */
export async function cliReference(): Promise<string> {
  return leaves(await buildProgram(processIo(), () => undefined), [])
    .map(({ path, command }) => {
      const usage = [
        ...path,
        ...command.registeredArguments.map((a) => {
          const name = `${a.name()}${a.variadic ? "..." : ""}`;
          return a.required ? `<${name}>` : `[${name}]`;
        }),
      ];
      const flags = command.options.map((option) => row(`\`${option.flags}\``, option.description));
      return `### ${usage.join(" ")}\n\n${sentence(command.description())}\n\n${row("flag", "what it does")}|---|---|\n${flags.join("")}`;
    })
    .join("\n");
}

/** The exit codes, with the words of their comments. */
export function exitReference(): string {
  const source = readFileSync(join(root, "src/cli/exit-codes.ts"), "utf8");
  const rows = [...source.matchAll(/\/\*\* (.+?) \*\/\n +(\w+): (\d+),/g)].map(([, about = "", , code = ""]) =>
    row(code, about),
  );
  return [row("code", "meaning"), "|---|---|\n", ...rows].join("");
}

function leaves(
  command: Command,
  path: readonly string[],
): { readonly path: readonly string[]; readonly command: Command }[] {
  const here = [...path, command.name()];
  if (command.commands.length === 0) return [{ path: here, command }];
  return command.commands.flatMap((child) => leaves(child, here));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** A default that every machine shares: two depend on it. */
function defaultText(path: string, value: unknown): string {
  if (path === "invoker.memoryMb") return "half of the machine's memory, at least 512";
  return typeof value === "string" ? value.replace(homedir(), "~") : JSON.stringify(value);
}

/** What options.ts says of each option, by path: the comment above it, or the one before when it shares it. */
function optionDocs(): ReadonlyMap<string, string> {
  const source = readFileSync(join(root, "src/kernel/options/options.ts"), "utf8");
  const interfaces = new Map<string, { readonly name: string; readonly type: string; readonly doc: string }[]>();
  for (const [, name = "", body = ""] of source.matchAll(/^export interface (\w+) \{\n(.*?)^\}/gms)) {
    interfaces.set(name, fieldsOf(body));
  }
  const docs = new Map<string, string>();
  const collect = (type: string, path: string, inherited: string): void => {
    for (const field of interfaces.get(type) ?? []) {
      const here = [...(path === "" ? [] : [path]), field.name].join(".");
      const shared = field.doc === "" ? inherited : field.doc;
      const doc = type === "Range" ? `${shared} ${RANGE_WORDS[field.name] ?? ""}` : shared;
      docs.set(here, doc);
      collect(field.type, here, doc);
    }
  };
  collect("SkeinOptions", "", "");
  return docs;
}

function fieldsOf(body: string): { readonly name: string; readonly type: string; readonly doc: string }[] {
  const fields: { readonly name: string; readonly type: string; readonly doc: string }[] = [];
  const above: string[] = [];
  let doc = "";
  let comment: string[] | undefined;
  for (const line of body.split("\n").map((text) => text.trim())) {
    if (line.startsWith("/**")) comment = [];
    if (comment !== undefined) comment.push(line.replace(/^\/?\*+ ?/, "").replace(/ ?\*\/$/, ""));
    if (line.endsWith("*/")) {
      doc = (comment ?? []).join(" ").trim();
      comment = undefined;
    }
    const field = /^readonly (\w+)\??: (.+)$/.exec(line);
    if (field?.[1] !== undefined && field[2] !== undefined) {
      const name = [...above, field[1]].join(".");
      if (field[2] === "{") above.push(field[1]);
      else fields.push({ name, type: field[2].replace(/;$/, ""), doc });
    }
    if (line === "};") above.pop();
  }
  return fields;
}
