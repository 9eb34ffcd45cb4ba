import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Container } from "../../../src/invoker/factory.ts";
import { bench, type Bench, needsRoot, placeOf, processesOf, processesWhere, run, until, valueOf } from "./fixture.ts";

const LOGS = { bytesMax: 1_048_576, waitMs: 5000 };

/** Destroys the container and looks whether anything is left of it: processes, files, claims. */
async function assertNothingLeft({ dataDir }: Bench, container: Container): Promise<void> {
  const { pid, uid, folder } = placeOf(container);
  await container.destroy();
  await container.ended;
  const members =
    uid === undefined ? processesWhere((_, each) => each === pid || mentions(each, container)) : processesOf(uid);
  assert.deepEqual(members, []);
  assert.equal(existsSync(folder), false);
  assert.deepEqual(readdirSync(join(dataDir, "containers")), []);
}

function mentions(pid: number, container: Container): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`__SKEIN_CONTAINER=${container.descriptor.id}\0`);
  } catch {
    return false;
  }
}

test("a function that never returns is ended", async (t) => {
  const b = bench(t);
  const container = await b.start("function main() { for (;;); }");
  assert.deepEqual(await run(container, {}, 100), { kind: "timeout" });
  await assertNothingLeft(b, container);
});

for (const shared of [false, true]) {
  const how = shared ? "with Skein's own user" : "with a user of its own";
  const skip = shared ? false : needsRoot;
  const options = shared ? { uidFrom: 0 } : {};

  test(`children that leave the session are ended, ${how}`, { skip }, async (t) => {
    const b = bench(t, options);
    const container = await b.start(`const { spawn } = require("node:child_process");
      function main() {
        // A double fork with a session of its own, whose parent is gone at once.
        spawn("setsid", ["sh", "-c", "sleep 1000 & sleep 1001 & exit 0"], { detached: true, stdio: "ignore" }).unref();
        return new Promise((ok) => setTimeout(() => ok({}), 100)); }`);
    await run(container);
    const orphans = () => processesWhere((status, pid) => /^Name:\s+sleep/m.test(status) && mentions(pid, container));
    await until(() => orphans().length === 2, "two orphans");
    await assertNothingLeft(b, container);
    assert.deepEqual(orphans(), []);
  });

  test(`a function that fills its heap is out of memory, ${how}`, { skip }, async (t) => {
    const b = bench(t, options);
    const container = await b.start(
      "const kept = []; function main() { for (;;) kept.push(new Array(1000).fill({})); }",
      { memoryMb: 128 },
    );
    assert.deepEqual(await run(container, {}, 60_000), { kind: "gone", reason: "out-of-memory" });
    await assertNothingLeft(b, container);
  });
}

test("a function that fills buffers is out of memory", async (t) => {
  const b = bench(t);
  const container = await b.start(
    `const kept = []; function main() { return new Promise(() => setInterval(() => kept.push(Buffer.alloc(8 << 20, 1)), 5)); }`,
    { memoryMb: 128 },
  );
  assert.deepEqual(await run(container, {}, 60_000), { kind: "gone", reason: "out-of-memory" });
  await assertNothingLeft(b, container);
});

test("memory of a function's children counts", async (t) => {
  const b = bench(t);
  const container = await b.start(
    `const { spawn } = require("node:child_process"); function main() { return new Promise(() => {
      spawn(process.execPath, ["-e", "const k = []; setInterval(() => k.push(Buffer.alloc(8 << 20, 1)), 5)"], { detached: true }); }); }`,
    { memoryMb: 128 },
  );
  assert.deepEqual(await run(container, {}, 60_000), { kind: "gone", reason: "out-of-memory" });
  await assertNothingLeft(b, container);
});

test("a fork bomb is bounded by its own user's limit and ended", { skip: needsRoot }, async (t) => {
  const b = bench(t, { processesMax: 64 });
  const container = await b.start(`const { spawn } = require("node:child_process");
    const more = () => spawn("sh", ["-c", "while :; do sleep 1000 & done"], { detached: true, stdio: "ignore" }).on("error", () => {});
    function main() { setInterval(more, 5); return new Promise(() => {}); }`);
  const { uid = -1 } = placeOf(container);
  const answer = run(container, {}, 3000);
  await until(() => processesOf(uid).length > 20, "it forks");
  assert.deepEqual(await answer, { kind: "timeout" });
  assert.ok(processesOf(uid).length <= 64);
  await assertNothingLeft(b, container);
});

test("a function that prints without end costs neither memory nor its answer", async (t) => {
  const b = bench(t);
  const container =
    await b.start(`const chunk = Buffer.alloc(1 << 20, "no newline "); const { writeSync } = require("node:fs");
    function main({ n }) { for (let i = 0; i < n; i++) writeSync(1, chunk); return { n }; }`);
  const before = process.memoryUsage.rss();
  assert.deepEqual(valueOf(await run(container, { n: 2048 }, 60_000)), { n: 2048 });
  const lines = await container.logs(LOGS);
  assert.ok(process.memoryUsage.rss() - before < 200_000_000);
  assert.match(lines.at(-1) ?? "", /Logs were truncated/);
  await run(container, { n: 0 });
  assert.deepEqual(await container.logs(LOGS), []);
  await assertNothingLeft(b, container);
});

test("an action that prints sentinels keeps its log whole", async (t) => {
  const b = bench(t);
  const container = await b.start(`function main() { console.log("a\\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\\nb");
    console.error("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"); }`);
  for (let i = 0; i < 3; i += 1) {
    await run(container);
    assert.equal((await container.logs(LOGS)).length, 4);
  }
});

test("a function that closes what it finds open ends as gone", async (t) => {
  const b = bench(t);
  const container = await b.start(`const fs = require("node:fs"); function main() {
    for (let fd = 3; fd < 64; fd++) try { fs.closeSync(fd); } catch {} return new Promise(() => {}); }`);
  const answer = await run(container, {}, 2000);
  assert.notEqual(answer.kind, "answer");
  await assertNothingLeft(b, container);
});

test("an answer that a function writes itself is not given to the next run", async (t) => {
  const b = bench(t);
  const container = await b.start(`const fs = require("node:fs"); let forged = 0; function main({ forge }) {
    if (forge) for (let fd = 3; fd < 64; fd++) try {
      if (fs.readlinkSync("/proc/self/fd/" + fd).startsWith("socket:")) {
        fs.writeSync(fd, "HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n{\\"f\\":true}".repeat(2)); forged++; }
    } catch {} return { forged }; }`);
  await run(container, { forge: true });
  assert.ok(((valueOf(await run(container, { forge: false })) as { forged: number }).forged ?? 0) > 0);
  for (let i = 0; i < 3; i += 1) {
    const value = valueOf(await run(container, { forge: false }));
    assert.ok(typeof value === "object" && value !== null && "forged" in value, JSON.stringify(value));
  }
  await assertNothingLeft(b, container);
});

test("a function that exits is told apart from one that hangs up", async (t) => {
  const b = bench(t);
  const exits = await b.start(
    "function main() { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); }",
  );
  assert.deepEqual(await run(exits), { kind: "gone", reason: "exited" });
  await exits.ended;
  await assertNothingLeft(b, exits);
});

test("a function that deletes its files still runs, and locked folders are removed", async (t) => {
  const b = bench(t);
  const container = await b.start(`const fs = require("node:fs"); function main() {
    for (const name of fs.readdirSync("..")) fs.rmSync("../" + name, { recursive: true, force: true });
    fs.mkdirSync("../locked/deep", { recursive: true }); fs.writeFileSync("../locked/deep/f", "x");
    fs.chmodSync("../locked/deep", 0); fs.chmodSync("../locked", 0); return { done: true }; }`);
  assert.deepEqual(valueOf(await run(container)), { done: true });
  assert.deepEqual((valueOf(await run(container)) as object) !== null, true);
  await assertNothingLeft(b, container);
});

test("files of more than the limit cannot be written", async (t) => {
  const b = bench(t, { fileMbMax: 1 });
  const container = await b.start(`const fs = require("node:fs"); function main() {
    try { fs.writeFileSync("big", Buffer.alloc(2 << 20)); return { wrote: true }; } catch (e) { return { code: e.code }; } }`);
  assert.deepEqual(valueOf(await run(container)), { code: "EFBIG" });
});
