/**
 * From code to function. Source is compiled as CommonJS without touching the disk, unless its syntax says it is a module;
 * an archive is unpacked into the container's own folder first. Either way `require` and `import` see the folder's own
 * `node_modules` first, then the platform's (`openwhisk`) one level up.
 */
import type * as Fs from "node:fs";
import type * as Path from "node:path";
import type * as Url from "node:url";
import type * as NodeModule from "node:module";
import type * as Vm from "node:vm";
import type { Archive } from "./archive.cts";

const { mkdirSync, existsSync, readFileSync, writeFileSync } = require("node:fs") as typeof Fs;
const paths = require("node:path") as typeof Path;
const { pathToFileURL } = require("node:url") as typeof Url;
const { Module, createRequire } = require("node:module") as typeof NodeModule;
const { compileFunction, constants } = require("node:vm") as typeof Vm;

type ActionFunction = (args: unknown) => unknown;

interface Code {
  /** Entry point: `name`, `name.of.property`, or for archives `file.name`. */
  readonly main: string;
  readonly code: string;
  readonly binary: boolean;
  /** The container's folder: archives are unpacked below it. */
  readonly folder: string;
}

const IDENTIFIER = "[\\p{ID_Start}$_][\\p{ID_Continue}$\\u200c\\u200d]*";
const ENTRY = new RegExp(`^${IDENTIFIER}(?:\\.${IDENTIFIER})*$`, "u");
/** V8's and node's words for syntax that only modules may use. */
const MODULE_SYNTAX = [
  "Cannot use import statement outside a module",
  "Cannot use 'import.meta' outside a module",
  "Unexpected token 'export'",
  "await is only valid in async functions and the top level bodies of modules",
];
const PARAMETERS = ["exports", "require", "module", "__filename", "__dirname"];

/** Loads the code and finds its entry point. Rejects with a text, or with what the code threw. */
async function load(code: Code): Promise<ActionFunction> {
  if (code.binary) return loadArchive(code);
  if (!ENTRY.test(code.main)) throw notFunction(code.main);
  return loadSource(code);
}

function loadSource(code: Code): ActionFunction | Promise<ActionFunction> {
  const filename = paths.join(code.folder, "index.js");
  // The entry point is looked up inside the function's scope, then in the exports; `typeof` never throws on an unknown name.
  const [first] = code.main.split(".");
  const body = `${code.code}\n;return typeof ${first} === "undefined" ? undefined : ${code.main};`;
  let factory: (...args: readonly unknown[]) => unknown;
  try {
    factory = compileFunction(body, PARAMETERS, {
      filename,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as typeof factory;
  } catch (error) {
    if (error instanceof SyntaxError && MODULE_SYNTAX.some((words) => error.message.startsWith(words))) {
      return loadModuleSource(code);
    }
    throw error;
  }
  const module = new Module(filename);
  module.filename = filename;
  const exports = module.exports as unknown;
  const local = factory.call(exports, exports, createRequire(filename), module, filename, code.folder);
  const entry = local === undefined ? entryOf(module.exports, code.main) : local;
  return asFunction(entry, code.main);
}

async function loadModuleSource(code: Code): Promise<ActionFunction> {
  const path = paths.join(code.folder, "index.mjs");
  writeFileSync(path, `${code.code}\n`);
  const namespace: unknown = await import(pathToFileURL(path).href);
  return asFunction(moduleEntryOf(namespace, code.main), code.main);
}

async function loadArchive(code: Code): Promise<ActionFunction> {
  // Costs nothing to those who need no archive.
  const { unpack } = require("./archive.cjs") as Archive;
  const folder = paths.join(code.folder, "action");
  mkdirSync(folder, { recursive: true });
  await unpack(Buffer.from(code.code, "base64"), folder);
  process.chdir(folder);

  const [first = "", ...rest] = code.main.split(".");
  // OpenWhisk reads `a.b` as function b of file a; without such a file it is property b of export a.
  const file = rest.length > 0 ? moduleFile(folder, first) : undefined;
  const entryFile = file ?? packageEntry(folder);
  if (entryFile === undefined) throw "Zipped actions must contain either package.json or index.js at the root.";
  const main = file === undefined ? code.main : rest.join(".");
  return asFunction(moduleEntryOf(await loadFile(entryFile), main), code.main);
}

/** `require` first: it is faster, and takes modules too unless they await at their top level. */
async function loadFile(path: string): Promise<unknown> {
  try {
    return createRequire(path)(path) as unknown;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
    return import(pathToFileURL(path).href);
  }
}

function packageEntry(folder: string): string | undefined {
  const manifest = paths.join(folder, "package.json");
  if (existsSync(manifest)) {
    const { main } = JSON.parse(readFileSync(manifest, "utf8")) as { main?: unknown };
    if (typeof main === "string" && main !== "") return createRequire(manifest).resolve(paths.join(folder, main));
  }
  return moduleFile(folder, "index");
}

function moduleFile(folder: string, name: string): string | undefined {
  const bases = [name, `${name}.js`, `${name}.mjs`, `${name}.cjs`, paths.join(name, "index.js")];
  return bases
    .slice(1)
    .map((base) => paths.join(folder, base))
    .find((path) => existsSync(path));
}

function moduleEntryOf(exports: unknown, main: string): unknown {
  const entry = entryOf(exports, main);
  if (entry !== undefined) return entry;
  const fallback = (exports as { default?: unknown } | null | undefined)?.default;
  const named = entryOf(fallback, main);
  return named === undefined && main === "main" && typeof fallback === "function" ? fallback : named;
}

function entryOf(exports: unknown, main: string): unknown {
  let value: unknown = exports;
  for (const part of main.split(".")) {
    if (value === undefined || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function asFunction(entry: unknown, main: string): ActionFunction {
  if (typeof entry !== "function") throw notFunction(main);
  return entry as ActionFunction;
}

/** A text, not an Error: OpenWhisk's words without a stack of ours. */
function notFunction(main: string): string {
  return `Action entrypoint '${main}' is not a function.`;
}

const loader = { load };
module.exports = loader;
export type Load = typeof loader;
