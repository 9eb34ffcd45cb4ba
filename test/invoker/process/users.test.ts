import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { ContainerUsers } from "../../../src/invoker/factory/process/users.ts";

const FROM = 70_000;

function folders(t: { after: (fn: () => void) => void }): { readonly claimsDir: string; readonly owner: string } {
  const dir = mkdtempSync(join(tmpdir(), "skein-users-test-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const owner = join(dir, "run");
  mkdirSync(owner);
  mkdirSync(join(dir, "claims"), { mode: 0o700 });
  return { claimsDir: join(dir, "claims"), owner };
}

/** Ids claimed by a thread with an instance of its own, from the moment that `gate` opens. */
function claiming(options: { claimsDir: string; owner: string; gate: Int32Array; count: number }): Promise<number[]> {
  const module = new URL("../../../src/invoker/factory/process/users.ts", import.meta.url).href;
  const script = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(${JSON.stringify(module)}).then(({ ContainerUsers }) => {
      const { gate, count, ...settings } = workerData;
      const users = new ContainerUsers({ ...settings, from: ${FROM}, isInUse: () => false });
      Atomics.add(gate, 1, 1);
      Atomics.wait(gate, 0, 0);
      parentPort.postMessage(Array.from({ length: count }, () => users.claim()));
    });`;
  return new Promise((resolve, reject) => {
    new Worker(script, { eval: true, workerData: options }).once("message", resolve).once("error", reject);
  });
}

test("instances that find the same stale claims at once never get the same id", async (t) => {
  const { claimsDir, owner } = folders(t);
  const count = 100;
  for (let uid = FROM; uid < FROM + 2 * count; uid += 1) writeFileSync(join(claimsDir, String(uid)), "/nowhere/run");
  const owners = ["a", "b", "c"].map((name) => join(owner, name));
  for (const dir of owners) mkdirSync(dir);
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const claims = owners.map((dir) => claiming({ claimsDir, owner: dir, gate, count }));
  while (Atomics.load(gate, 1) < owners.length) await new Promise((resolve) => setTimeout(resolve, 5));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);

  const all = (await Promise.all(claims)).map((uids, index) => uids.map((uid) => ({ uid, owner: owners[index] })));
  const given = all.flat();
  assert.equal(new Set(given.map((claim) => claim.uid)).size, owners.length * count);
  for (const { uid, owner } of given) assert.equal(readFileSync(join(claimsDir, String(uid)), "utf8"), owner);
});

test("an id of an instance that is there is left alone, one that it gave back is free", (t) => {
  const { claimsDir, owner } = folders(t);
  const other = join(owner, "other");
  mkdirSync(other);
  const isInUse = (): boolean => false;
  const first = new ContainerUsers({ from: FROM, owner, isInUse, claimsDir });
  assert.equal(first.claim(), FROM);
  const second = new ContainerUsers({ from: FROM, owner: other, isInUse, claimsDir });
  assert.equal(second.claim(), FROM + 1);
  first.release(FROM);
  assert.equal(new ContainerUsers({ from: FROM, owner: other, isInUse, claimsDir }).claim(), FROM);
});

test("an id with a process is skipped, whatever its claim says", (t) => {
  const { claimsDir, owner } = folders(t);
  const users = new ContainerUsers({ from: FROM, owner, isInUse: (uid) => uid === FROM, claimsDir });
  assert.equal(users.claim(), FROM + 1);
});
