import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { type Entry, fromBuffer, type ZipFile } from "yauzl";
import { zipFolder } from "../../src/cli/archive.ts";
import { readActionSource } from "../../src/cli/source.ts";

const root = mkdtempSync(join(tmpdir(), "skein-zip-"));
after(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, path)), { recursive: true });
    writeFileSync(join(root, name, path), content);
  }
  return join(root, name);
}

async function unzip(bytes: Buffer): Promise<Map<string, { readonly text: string; readonly mode: number }>> {
  const zip = await promisify<Buffer, object, ZipFile>(fromBuffer)(bytes, { lazyEntries: true });
  const open = promisify<Entry, Readable>(zip.openReadStream.bind(zip));
  const entries = new Map<string, { readonly text: string; readonly mode: number }>();
  const ended = once(zip, "end").then(() => undefined);
  for (;;) {
    const next = once(zip, "entry").then(([entry]) => entry as Entry);
    zip.readEntry();
    const entry = await Promise.race([next, ended]);
    if (entry === undefined) return entries;
    const content = await buffer(await open(entry));
    entries.set(entry.fileName, { text: content.toString(), mode: entry.externalFileAttributes >>> 16 });
  }
}

test("a folder comes back as it was, in the order of its names, without version control", async () => {
  const path = folder("plain", {
    "index.js": "exports.main = () => ({})",
    "lib/ä.js": "1",
    "node_modules/dep/index.js": "2",
    "node_modules/.bin/dep": "no",
    ".git/HEAD": "no",
    "lib/.git/HEAD": "no",
    ".DS_Store": "no",
    ".env.example": "dot files are part of it",
    "empty.txt": "",
  });
  chmodSync(join(path, "lib/ä.js"), 0o755);
  const entries = await unzip(await zipFolder(path));
  assert.deepEqual(
    [...entries.keys()],
    [".env.example", "empty.txt", "index.js", "lib/ä.js", "node_modules/dep/index.js"],
  );
  assert.equal(entries.get("node_modules/dep/index.js")?.text, "2");
  assert.equal(entries.get("lib/ä.js")?.mode, 0o100755);
  assert.equal(entries.get("index.js")?.mode, 0o100644);
});

test("the same content makes the same bytes, whenever it was written", async () => {
  const files = { "package.json": '{"main":"a.js"}', "a.js": "x".repeat(10_000) };
  const [one, two] = [folder("one", files), folder("two", files)];
  utimesSync(join(two, "a.js"), 1, 1);
  assert.ok((await zipFolder(one)).equals(await zipFolder(two)));
});

test("links are packed as what they point to; those to nowhere or upwards are left out", async () => {
  const outside = folder("outside", { "package.json": "{}", "index.js": "linked" });
  const path = folder("links", { "index.js": "1", "node_modules/x": "" });
  symlinkSync(outside, join(path, "node_modules/dep"));
  symlinkSync("..", join(path, "node_modules/up"));
  symlinkSync("/nowhere/at/all", join(path, "dangling"));
  const entries = await unzip(await zipFolder(path));
  assert.equal(entries.get("node_modules/dep/index.js")?.text, "linked");
  assert.ok([...entries.keys()].every((name) => !name.includes("up/") && name !== "dangling"));
});

test("a folder that nothing could start is refused", async () => {
  await assert.rejects(readActionSource(folder("bare", { "a.txt": "" })), /holds neither package\.json nor index\.js/);
  const lost = folder("lost", { "package.json": '{"main":"dist/app.js"}' });
  await assert.rejects(readActionSource(lost), /has no dist\/app\.js, which its package\.json names/);
  await assert.rejects(readActionSource(folder("broken", { "package.json": "{" })), /package\.json is not JSON/);
});

test("what a folder begins with says which runtime it is for", async () => {
  const kinds: Readonly<Record<string, readonly string[]>> = {
    "nodejs:default": ["index.js", "__main__.py"],
    "python:default": ["__main__.py", "exec"],
    "actionloop:default": ["exec"],
  };
  for (const [kind, names] of Object.entries(kinds)) {
    const path = folder(`begins-${kind.replace(":", "-")}`, Object.fromEntries(names.map((name) => [name, "1"])));
    const source = await readActionSource(path);
    assert.deepEqual([source.kind, source.binary], [kind, true]);
  }
});

test("a compiled program is sent as it is, for the runtime of executables", async () => {
  const bytes = Buffer.from("\x7fELF\x02\xff\xfe", "latin1");
  writeFileSync(join(root, "program"), bytes);
  const source = await readActionSource(join(root, "program"));
  assert.deepEqual([source.name, source.kind, source.binary], ["program", "actionloop:default", true]);
  assert.ok(Buffer.from(source.code, "base64").equals(bytes));
});

test("a main without extension, or a folder, is found as Node finds it", async () => {
  for (const main of ["lib", "lib/index", "./lib/index.js"]) {
    const path = folder(`main-${main.replaceAll(/\W/g, "")}`, {
      "package.json": JSON.stringify({ main }),
      "lib/index.js": "exports.main = () => ({})",
    });
    assert.deepEqual((await readActionSource(path)).warnings, []);
  }
});

test("dependencies that are not installed are warned of", async () => {
  const manifest = '{"dependencies":{"leftpad":"1","there":"1"}}';
  const path = folder("deps", { "package.json": manifest, "index.js": "1", "node_modules/there/package.json": "{}" });
  const { warnings, binary, kind, name } = await readActionSource(path);
  assert.deepEqual(warnings, [`leftpad not in ${join(path, "node_modules")}: run \`npm install\` there first`]);
  assert.deepEqual([binary, kind, name], [true, "nodejs:default", "deps"]);
});

test("a zip is taken as it is", async () => {
  const bytes = await zipFolder(folder("inner", { "index.js": "1" }));
  writeFileSync(join(root, "ready.zip"), bytes);
  const source = await readActionSource(join(root, "ready.zip"));
  assert.deepEqual([source.name, source.binary, source.code], ["ready", true, bytes.toString("base64")]);
});
