import { readFile, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { zipFolder } from "./archive.ts";
import { usageFailure } from "./failure.ts";
import { bytesText } from "./output.ts";

/** OpenWhisk's limit, measured on the code as it is sent: an archive grows by a third in base64. */
const SENT_BYTES_MAX = 48 * 1_048_576;
const DEFAULT_KIND = "nodejs:default";
const PYTHON_KIND = "python:default";
const EXECUTABLE_KIND = "actionloop:default";
/** ELF. */
const EXECUTABLE_MAGIC = "\x7fELF";
/** Zips begin with this, empty ones with `PK\5\6`. */
const ZIP_MAGIC = "PK";
const KIND_BY_EXTENSION: Readonly<Record<string, string>> = {
  ".js": DEFAULT_KIND,
  ".mjs": DEFAULT_KIND,
  ".cjs": DEFAULT_KIND,
  ".zip": DEFAULT_KIND,
  ".py": PYTHON_KIND,
};

/** An action's code as it will be sent. */
export interface ActionSource {
  /** From the file's name, without its extension. */
  readonly name: string;
  /** Guessed from the extension, unless nothing is known about it. */
  readonly kind?: string;
  /** Source text, or an archive in base64. */
  readonly code: string;
  readonly binary: boolean;
  /** Of the file or archive itself. */
  readonly bytes: number;
  /** What will probably go wrong at the first call. */
  readonly warnings: readonly string[];
}

/**
 * Reads a source file, packs a folder, or takes a zip as it is.
 *
 * @throws {CliFailure} exit code 2 when there is nothing that could run, or it is larger than the platform takes.
 */
export async function readActionSource(path: string): Promise<ActionSource> {
  const found = await stat(path).catch((error: unknown) => {
    throw usageFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const extension = extname(path).toLowerCase();
  const name = basename(resolve(path), found.isDirectory() ? "" : extname(path));
  if (found.isDirectory()) {
    const other = await otherKindOf(path);
    if (other !== undefined) {
      return archived(path, { name, kind: other, bytes: await zipFolder(path), warnings: [] });
    }
    const warnings = await folderWarnings(path);
    return archived(path, { name, kind: DEFAULT_KIND, bytes: await zipFolder(path), warnings });
  }
  if ([".ts", ".mts", ".cts", ".tsx"].includes(extension)) {
    throw usageFailure(
      `${path} is TypeScript, which the runtime does not read`,
      "compile it first, and deploy the .js",
    );
  }
  const bytes = await readFile(path);
  const kind = KIND_BY_EXTENSION[extension];
  if (bytes.subarray(0, 2).toString("latin1") === ZIP_MAGIC) {
    return archived(path, { name, bytes, warnings: [], ...(kind === undefined ? {} : { kind }) });
  }
  if (bytes.subarray(0, 4).toString("latin1") === EXECUTABLE_MAGIC) {
    return archived(path, { name, kind: EXECUTABLE_KIND, bytes, warnings: [] });
  }
  if (extension === ".zip") throw usageFailure(`${path} is no zip archive`, "pack it anew, or deploy its folder");
  checkSize(path, bytes.length);
  return {
    name,
    ...(kind === undefined ? {} : { kind }),
    code: utf8(path, bytes),
    binary: false,
    bytes: bytes.length,
    warnings: [],
  };
}

interface Archive {
  readonly name: string;
  readonly kind?: string;
  readonly bytes: Buffer;
  readonly warnings: readonly string[];
}

function archived(path: string, { name, kind, bytes, warnings }: Archive): ActionSource {
  checkSize(path, Math.ceil(bytes.length / 3) * 4);
  const code = bytes.toString("base64");
  return { name, ...(kind === undefined ? {} : { kind }), code, binary: true, bytes: bytes.length, warnings };
}

function checkSize(path: string, sentBytes: number): void {
  if (sentBytes <= SENT_BYTES_MAX) return;
  throw usageFailure(
    `${path} is too large for an action: ${bytesText(sentBytes)} to send, ${bytesText(SENT_BYTES_MAX)} allowed`,
    "leave out what does not run (`npm ci --omit=dev`), or fetch data at run time; an archive grows by a third when sent",
  );
}

function utf8(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw usageFailure(`${path} is not text in UTF-8: ${String(error)}`, "save it as UTF-8, or deploy a .zip");
  }
}

/** What starts a folder other than Node.js, by the file that such a runtime begins with. */
async function otherKindOf(folder: string): Promise<string | undefined> {
  const isNodejs = (await isFile(join(folder, "package.json"))) || (await isFile(join(folder, "index.js")));
  if (isNodejs) return undefined;
  if (await isFile(join(folder, "__main__.py"))) return PYTHON_KIND;
  return (await isFile(join(folder, "exec"))) ? EXECUTABLE_KIND : undefined;
}

/** Refuses a folder that no runtime can start; warns of one that will miss its dependencies. */
async function folderWarnings(folder: string): Promise<readonly string[]> {
  const manifest = await readManifest(join(folder, "package.json"));
  const main = typeof manifest?.["main"] === "string" ? manifest["main"] : "index.js";
  const candidates = [main, `${main}.js`, join(main, "index.js")].map((file) => join(folder, file));
  const there = await Promise.all(candidates.map(async (file) => (await isFile(file)) || undefined));
  if (there.every((isThere) => isThere === undefined)) {
    throw usageFailure(
      manifest === undefined
        ? `${folder} holds neither package.json nor index.js`
        : `${folder} has no ${main}, which its package.json names as what to run`,
      "deploy a folder with index.js, with a package.json whose `main` is there, with __main__.py, or with exec",
    );
  }
  const dependencies = manifest?.["dependencies"];
  const missing: string[] = [];
  for (const name of Object.keys(typeof dependencies === "object" && dependencies !== null ? dependencies : {})) {
    if (!(await isFile(join(folder, "node_modules", name, "package.json")))) missing.push(name);
  }
  if (missing.length === 0) return [];
  return [`${missing.join(", ")} not in ${join(folder, "node_modules")}: run \`npm install\` there first`];
}

async function readManifest(file: string): Promise<Record<string, unknown> | undefined> {
  if (!(await isFile(file))) return undefined;
  try {
    const manifest: unknown = JSON.parse(await readFile(file, "utf8"));
    return typeof manifest === "object" && manifest !== null ? (manifest as Record<string, unknown>) : {};
  } catch (error) {
    throw usageFailure(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true;
}
