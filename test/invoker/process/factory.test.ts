import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ContainerDescriptor } from "../../../src/invoker/factory.ts";
import { ProcessFactory } from "../../../src/invoker/factory/process/factory.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { defaultRunDir } from "../../../src/invoker/factory/process/run-dir.ts";
import { zip } from "../../runtimes/zip.ts";
import {
  bench,
  containerId,
  needsRoot,
  placeOf,
  processesOf,
  processesWhere,
  run,
  temporaryFolder,
  until,
  valueOf,
} from "./fixture.ts";

const NOP = "function main(a) { return a; }";

function stateOf(pid: number): string {
  return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
}

test("a container sees its own environment and nothing of Skein's", async (t) => {
  process.env["SKEIN_TEST_SECRET"] = "s";
  t.after(() => delete process.env["SKEIN_TEST_SECRET"]);
  const container = await bench(t).start("function main() { return process.env; }", {
    env: { __OW_API_HOST: "http://h" },
  });
  const names = Object.keys(valueOf(await run(container)) as JsonObject).sort();
  const expected = ["HOME", "LANG", "PATH", "TMPDIR", "__OW_ACTIVATION_ID", "__OW_API_HOST", "__SKEIN_CONTAINER"];
  assert.deepEqual(names, expected);
});

test("each container has a user, a folder and limits of its own", { skip: needsRoot }, async (t) => {
  const b = bench(t);
  const code = `const fs = require("node:fs"); function main({ path }) {
    let read; try { read = fs.readdirSync(path); } catch (e) { read = e.code; }
    return { uid: process.getuid(), groups: process.getgroups(), read, limits: fs.readFileSync("/proc/self/limits", "utf8") }; }`;
  const [one, two] = [await b.start(code), await b.start(code)];
  const seen = valueOf(await run(one, { path: placeOf(two).folder })) as { uid: number; read: string; limits: string };
  assert.equal(seen.uid, placeOf(one).uid);
  assert.notEqual(placeOf(one).uid, placeOf(two).uid);
  assert.equal(seen.read, "EACCES");
  assert.match(seen.limits, /Max open files\s+1024\s+1024/);
  assert.match(seen.limits, /Max processes\s+128\s+128/);
  assert.match(seen.limits, /Max core file size\s+0\s+0/);
  assert.equal(statSync(placeOf(one).folder).mode & 0o777, 0o700);
});

test("two factories on one machine never share a user", { skip: needsRoot }, async (t) => {
  const [one, two] = [await bench(t).start(NOP), await bench(t).start(NOP)];
  assert.notEqual(placeOf(one).uid, placeOf(two).uid);
});

test("a node binary in a private folder is made available to containers", { skip: needsRoot }, async (t) => {
  const b = bench(t);
  const folder = mkdtempSync("/tmp/sk-");
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const nodeBinary = join(folder, "node");
  copyFileSync(process.execPath, nodeBinary);
  chmodSync(nodeBinary, 0o700);
  const factory = new ProcessFactory({ ...b.settings, nodeBinary });
  t.after(() => factory.close());
  const container = await factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
  await container.destroy();
});

test("a paused container stands still and goes on where it was", async (t) => {
  const container = await bench(t).start(NOP);
  const { pid } = placeOf(container);
  await container.pause();
  await until(() => stateOf(pid) === "T", "stopped");
  await container.resume();
  assert.deepEqual(valueOf(await run(container, { a: 1 })), { a: 1 });
  await container.pause();
  await container.destroy();
  assert.equal(existsSync(`/proc/${pid}/exe`), false);
});

test("destroying twice, and a container that has ended, is the same as once", async (t) => {
  const b = bench(t);
  const container = await b.start(NOP);
  process.kill(placeOf(container).pid, "SIGKILL");
  await container.ended;
  await Promise.all([container.destroy(), container.destroy()]);
  await b.factory.destroy(container.descriptor);
  assert.deepEqual(await b.factory.list(), []);
});

test("unknown kinds, ids that are no names, ids in use and a closed factory are refused by code", async (t) => {
  const { factory } = bench(t);
  const spec = { id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} };
  await assert.rejects(factory.create({ ...spec, kind: "cobol:1" }), { code: "invoker/kind-unavailable" });
  await assert.rejects(factory.create({ ...spec, id: "../x" as typeof spec.id }), { code: "invoker/container-failed" });
  await factory.create(spec);
  await assert.rejects(factory.create(spec), { code: "invoker/container-failed" });
  assert.equal((await factory.list()).length, 1);
  await factory.close();
  await assert.rejects(factory.create(spec), { code: "invoker/closing" });
  await factory.close();
});

test("a runtime that does not come up in time is ended, and nothing of it is left", async (t) => {
  const b = bench(t, { startMs: 1 });
  const creation = b.factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
  await assert.rejects(creation, { code: "invoker/container-failed", message: /did not answer within 1 ms/ });
  assert.deepEqual(readdirSync(join(b.dataDir, "containers")), []);
  assert.deepEqual(readdirSync(join(b.runDir, "c")), []);
});

test("a binary that cannot run is told by its own words", async (t) => {
  const b = bench(t);
  const nodeBinary = join(b.runDir, "lib", "broken");
  writeFileSync(nodeBinary, "#!/bin/sh\necho broken node >&2\nexit 3\n", { mode: 0o755 });
  const factory = new ProcessFactory({ ...b.settings, nodeBinary });
  const creation = factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
  await assert.rejects(creation, { code: "invoker/container-failed", message: /ended at its start: broken node/ });
});

test("a clean stop leaves no run folder, a creation under way or not", async (t) => {
  const { settings } = bench(t);
  const { runDir: _, ...options } = settings.options;
  for (const wait of [true, false]) {
    const dataDir = temporaryFolder(t);
    const runDir = defaultRunDir(dataDir);
    t.after(() => rmSync(runDir, { recursive: true, force: true }));
    const factory = new ProcessFactory({ ...settings, options, dataDir });
    const creation = factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
    if (wait) await creation;
    assert.equal(existsSync(join(runDir, "lib")), true);
    await factory.close();
    await creation;
    assert.equal(existsSync(runDir), false);
  }
});

test("a package.json above the run folder does not say what an action's files are", async (t) => {
  const outer = temporaryFolder(t);
  chmodSync(outer, 0o711);
  writeFileSync(join(outer, "package.json"), '{"type":"module"}');
  const { factory } = bench(t, { runDir: join(outer, "r") });
  const container = await factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 256, env: {} });
  const code = zip([{ name: "index.js", content: "exports.main = () => ({ kind: typeof module })" }]).toString(
    "base64",
  );
  const answer = await container.init({ value: { code, main: "main", binary: true } }, 10_000);
  assert.equal(answer.kind === "answer" && answer.status, 200, JSON.stringify(answer));
  assert.deepEqual(valueOf(await run(container)), { kind: "object" });
});

test("containers made at once are all there", async (t) => {
  const b = bench(t);
  const containers = await Promise.all(Array.from({ length: 6 }, () => b.start(NOP)));
  const answers = await Promise.all(containers.map((container, i) => run(container, { i })));
  assert.deepEqual(
    answers.map(valueOf),
    [0, 1, 2, 3, 4, 5].map((i) => ({ i })),
  );
  assert.equal((await b.factory.list()).length, 6);
});

test("another factory attaches to a container that lost its maker, and ends it", async (t) => {
  const b = bench(t);
  const { descriptor, pid, uid } = await orphan(t, b);
  const found = await b.factory.list();
  assert.deepEqual(found, [descriptor]);
  const container = await b.factory.attach(descriptor);
  // It prints into pipes that nobody holds any more.
  assert.deepEqual(valueOf(await run(container, { a: 1 })), { a: 1 });
  assert.deepEqual(valueOf(await run(container, { a: 2 })), { a: 2 });
  assert.deepEqual(await container.logs({ bytesMax: 1000, waitMs: 0 }), []);
  await container.destroy();
  await container.ended;
  assert.equal(existsSync(`/proc/${pid}/exe`), false);
  if (uid !== undefined) assert.deepEqual(processesOf(uid), []);
  assert.deepEqual(await b.factory.list(), []);
});

test("a container known only by its descriptor is ended, dead or alive", async (t) => {
  const b = bench(t);
  const alive = await orphan(t, b);
  await b.factory.destroy(alive.descriptor);
  assert.deepEqual(
    processesWhere((_, pid) => pid === alive.pid),
    [],
  );
  const dead = await orphan(t, b);
  process.kill(dead.pid, "SIGKILL");
  await until(() => processesWhere((_, pid) => pid === dead.pid).length === 0, "it is dead");
  await assert.rejects(b.factory.attach(dead.descriptor), { code: "invoker/container-failed" });
  assert.deepEqual(await b.factory.list(), []);
  assert.deepEqual(readdirSync(join(b.runDir, "c")), []);
});

test("a pid that another process has now is left alone", async (t) => {
  const b = bench(t);
  const stranger = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
  t.after(() => stranger.kill("SIGKILL"));
  const id = containerId();
  const folder = join(b.runDir, "c", id);
  mkdirSync(folder);
  const where = { version: 1, folder, socket: join(folder, "s"), pid: stranger.pid ?? 0, startTime: 1 };
  const descriptor: ContainerDescriptor = { id, kind: "nodejs:24", memoryMb: 128, where };
  writeFileSync(join(b.dataDir, "containers", `${id}.json`), JSON.stringify(descriptor));
  await assert.rejects(b.factory.attach(descriptor), { code: "invoker/container-failed" });
  assert.deepEqual(await b.factory.list(), []);
  assert.equal(existsSync(folder), false);
  assert.notEqual(stateOf(stranger.pid ?? 0), "Z");
});

test("a descriptor written before its process began leads to whatever did begin", { skip: needsRoot }, async (t) => {
  const b = bench(t);
  const { descriptor, uid = -1 } = await orphan(t, b);
  const { pid: _, startTime: __, ...where } = descriptor.where;
  writeFileSync(join(b.dataDir, "containers", `${descriptor.id}.json`), JSON.stringify({ ...descriptor, where }));
  assert.equal(processesOf(uid).length, 1);
  assert.deepEqual(await b.factory.list(), []);
  assert.deepEqual(processesOf(uid), []);
});

/** A container of another process on the same folders, which is killed once the container is initialised. */
async function orphan(
  t: TestContext,
  b: ReturnType<typeof bench>,
): Promise<{ descriptor: ContainerDescriptor; pid: number; uid: number | undefined }> {
  const settings = JSON.stringify({ options: b.settings.options, dataDir: b.dataDir, resultBytesMax: 1_048_576 });
  const script = `
    import { ProcessFactory } from "./src/invoker/factory/process/factory.ts";
    import { systemClock as clock } from "./src/kernel/clock.ts";
    import { silentLog as log } from "./src/kernel/log.ts";
    const factory = new ProcessFactory({ ...${settings}, clock, log });
    const container = await factory.create({ id: "${containerId()}", kind: "nodejs:24", memoryMb: 128, env: {} });
    const code = "function main(a) { console.log('x'); console.error('y'); return a; }";
    await container.init({ value: { code, main: "main" } }, 5000);
    console.log(JSON.stringify(container.descriptor));
    setInterval(() => {}, 1000);`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const maker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => maker.kill("SIGKILL"));
  const text = await new Promise<string>((resolve, reject) => {
    maker.stdout.once("data", (data: Buffer) => resolve(data.toString()));
    maker.once("exit", () => reject(new Error("the maker ended")));
  });
  const ended = new Promise((resolve) => maker.once("exit", resolve));
  maker.kill("SIGKILL");
  await ended;
  const descriptor = JSON.parse(text) as ContainerDescriptor;
  const { pid, uid } = descriptor.where as { pid: number; uid?: number };
  return { descriptor, pid, uid };
}
