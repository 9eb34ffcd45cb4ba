import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { chmodSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire, findPackageJSON, stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import type { ProcessStart } from "../../../runtimes/manifest.ts";

/** A runtime where containers may read it. */
export interface StagedRuntime {
  /** The file to start. */
  readonly entry: string;
  /** A `node_modules` folder with the packages that actions may load. */
  readonly modules: string;
}

/** Files and packages, as they will lie in the staged folder. */
interface Plan {
  readonly files: ReadonlyMap<string, string>;
  readonly packages: ReadonlyMap<string, string>;
}

/**
 * Copies a runtime's files and packages into `lib`, world-readable: Skein itself may be installed where a container's user
 * cannot look (below /root, in a private home). The folder is named by its content, so that containers of a former version keep
 * theirs, and a second start finds it ready.
 */
export function stageRuntime(start: ProcessStart, lib: string): StagedRuntime {
  const own = planOf([...start.libraries, start.folder], start.packages);
  const shared = planOf([], start.actionPackages);
  const target = join(lib, digestOf(own, shared));
  if (!existsSync(target)) {
    const draft = mkdtempSync(join(lib, "draft-"));
    write(own, join(draft, "runtime"));
    write(shared, join(draft, "actions"));
    readable(draft);
    try {
      renameSync(draft, target);
    } catch (error) {
      // Another factory on the same run folder was faster; its copy is the same by its name.
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(target)) throw error;
    }
  }
  return { entry: join(target, "runtime", start.entry), modules: join(target, "actions", "node_modules") };
}

/** A path of the node binary that any user may execute: its own, or that of a copy in `lib`. */
export function stageNode(binary: string, lib: string): string {
  const real = realpathSync(binary);
  if (executableByAll(real)) return real;
  const { size, mtimeMs } = statSync(real);
  const target = join(lib, `node-${process.version}-${size}-${Math.floor(mtimeMs)}`);
  if (existsSync(target)) return target;
  const draft = join(mkdtempSync(join(lib, "draft-")), "node");
  try {
    linkSync(real, draft);
    if (!executableByAll(draft)) throw new Error("the file itself is private");
  } catch {
    // Another file system, or a private file: a copy costs its size once.
    rmSync(draft, { force: true });
    copyFileSync(real, draft);
    chmodSync(draft, 0o755);
  }
  renameSync(draft, target);
  rmSync(dirname(draft), { recursive: true, force: true });
  return target;
}

/** True when a user who owns nothing may read and execute the file. Access lists are not looked at: at worst it is copied. */
function executableByAll(file: string): boolean {
  return (statSync(file).mode & 0o005) === 0o005 && passableByAll(dirname(file));
}

/** True when a user who owns nothing may pass through the folder and all above it. */
export function passableByAll(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false;
  return folder === dirname(folder) || passableByAll(dirname(folder));
}

function planOf(folders: readonly string[], packages: readonly string[]): Plan {
  const found = new Map<string, string>();
  for (const name of packages) addPackage(name, import.meta.url, found);
  return { files: new Map(folders.flatMap((folder) => [...filesOf(folder)])), packages: found };
}

/** Runtime files are Python, or CommonJS: compiled ones as they are, sources (in a checkout) without their types. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder);
  const files = new Map<string, string>();
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith(".py")) files.set(name, readFileSync(path, "utf8"));
    if (name.endsWith(".cjs")) files.set(name, readFileSync(path, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""));
    const compiled = name.replace(/\.cts$/, ".cjs");
    if (name.endsWith(".cts") && !name.endsWith(".d.cts") && !names.includes(compiled)) {
      files.set(compiled, stripTypeScriptTypes(readFileSync(path, "utf8")));
    }
  }
  return files;
}

/** The package's folder and, flat beside it, those of what it depends on. */
function addPackage(name: string, from: string, found: Map<string, string>): void {
  if (found.has(name)) return;
  const manifest = findPackageJSON(name, from);
  if (manifest === undefined) throw new Error(`npm package ${name} is not installed`);
  found.set(name, dirname(manifest));
  const { dependencies = {} } = createRequire(manifest)(manifest) as { dependencies?: Record<string, string> };
  for (const dependency of Object.keys(dependencies)) addPackage(dependency, manifest, found);
}

function digestOf(...plans: readonly Plan[]): string {
  const hash = createHash("sha256");
  for (const { files, packages } of plans) {
    for (const [name, text] of files) hash.update(`${name}\0${text}\0`);
    for (const [name, folder] of packages)
      hash.update(`${name}\0${readFileSync(join(folder, "package.json"), "utf8")}\0`);
  }
  return hash.digest("hex").slice(0, 16);
}

function write({ files, packages }: Plan, folder: string): void {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  for (const [name, source] of packages) {
    const nested = join(source, "node_modules");
    const filter = (path: string) => path !== nested;
    cpSync(source, join(folder, "node_modules", name), { recursive: true, dereference: true, filter });
  }
}

function readable(path: string): void {
  chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) readable(join(path, name));
}
