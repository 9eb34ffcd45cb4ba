import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isPlatformError } from "../../src/kernel/errors.ts";
import { silentLog } from "../../src/kernel/log.ts";
import type { Stores } from "../../src/store/ports.ts";
import { Batches } from "../../src/store/sqlite/batch.ts";
import { DATABASE_FILE } from "../../src/store/sqlite/database.ts";
import { type AnyReply, isFailure, type WriteOp } from "../../src/store/sqlite/messages.ts";
import { WorkerLink } from "../../src/store/sqlite/worker-link.ts";
import { entityOf, entryOf, guest, idOf, recordOf } from "../conformance/stores-support.ts";
import { closeAll, openIn, withFolder } from "./folder.ts";

const MIB = 1_048_576;

/** Runs `use` on a small file system of its own; undefined where this user may not mount one. */
async function withSmallDisk(mib: number, use: (mount: string) => Promise<void>): Promise<boolean> {
  const mount = mkdtempSync(join(tmpdir(), "skein-disk-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", mount]).status !== 0) {
    rmSync(mount, { recursive: true });
    return false;
  }
  try {
    await use(mount);
  } finally {
    await closeAll();
    spawnSync("umount", ["-l", mount]);
    rmSync(mount, { recursive: true, force: true });
  }
  return true;
}

function freeBytes(mount: string): number {
  const { bavail, bsize } = statfsSync(mount);
  return bavail * bsize;
}

function isUnavailable(error: unknown): boolean {
  return isPlatformError(error, "store/unavailable");
}

/** Finishes activations until one is refused; gives the number of those acknowledged. */
async function finishUntilRefused(stores: Stores, max: number): Promise<number> {
  for (let n = 0; n < max; n += 1) {
    try {
      await stores.activations.finish(recordOf(n, { logs: ["x".repeat(20_000)] }), { path: "hello" });
    } catch (error) {
      assert.ok(isUnavailable(error), String(error));
      assert.match(String(error), /full|disk|I\/O/i);
      return n;
    }
  }
  throw new Error("the disk never became full");
}

test("on a full disk writes are refused with the cause, nothing acknowledged is lost, and space brings the service back", async (t) => {
  const mounted = await withSmallDisk(8, async (mount) => {
    const dir = join(mount, "data");
    mkdirSync(dir);
    const ballast = join(mount, "ballast");
    writeFileSync(ballast, Buffer.alloc(4 * MIB));
    const stores = await openIn(dir);
    const acknowledged = await finishUntilRefused(stores, 1000);
    assert.ok(acknowledged > 0);
    await assert.rejects(stores.attachments.put(Buffer.alloc(freeBytes(mount) + MIB, 7)), isUnavailable);
    // Reading goes on meanwhile.
    assert.equal(await stores.activations.count({ namespace: guest, skip: 0 }), acknowledged);
    assert.equal((await stores.activations.get(guest, idOf(0)))?.kind, "final");
    rmSync(ballast);
    assert.equal(await stores.activations.finish(recordOf(acknowledged), { path: "hello" }), "stored");
    await stores.activations.accept(entryOf(5000));
    assert.equal((await stores.artifacts.put(entityOf("a"), "absent")).kind, "ok");
    assert.ok(await stores.attachments.put(Buffer.alloc(1000)));
    await stores.close();

    const again = await openIn(dir);
    assert.equal(await again.activations.count({ namespace: guest, skip: 0 }), acknowledged + 1);
    for (let n = 0; n <= acknowledged; n += 1) {
      assert.equal((await again.activations.get(guest, idOf(n)))?.kind, "final");
    }
    assert.deepEqual(await again.activations.unfinished(undefined, 10), [entryOf(5000)]);
    await again.close();
  });
  if (!mounted) t.skip("needs the right to mount a small file system");
});

test("a data folder on a read-only disk is refused at open, and served again once it can be written", async (t) => {
  const mounted = await withSmallDisk(8, async (mount) => {
    const dir = join(mount, "data");
    const stores = await openIn(dir);
    await stores.activations.finish(recordOf(1), { path: "hello" });
    await stores.close();
    assert.equal(spawnSync("mount", ["-o", "remount,ro", mount]).status, 0);
    await assert.rejects(
      openIn(dir),
      (error) => isPlatformError(error, "data/unusable") && /read-only/.test(error.message),
    );
    await assert.rejects(openIn(join(mount, "new")), (error) => isPlatformError(error, "data/unusable"));
    assert.equal(spawnSync("mount", ["-o", "remount,rw", mount]).status, 0);
    const again = await openIn(dir);
    assert.equal((await again.activations.get(guest, idOf(1)))?.kind, "final");
    await again.close();
  });
  if (!mounted) t.skip("needs the right to mount a small file system");
});

test("a path below a file is no data folder", async () => {
  const dir = mkdtempSync(join(tmpdir(), "skein-store-"));
  writeFileSync(join(dir, "file"), "");
  await assert.rejects(openIn(join(dir, "file", "data")), (error) => isPlatformError(error, "data/unusable"));
  rmSync(dir, { recursive: true });
});

test("a database that turned read-only refuses each write and says why", async () => {
  await withFolder(async (dir) => {
    await (await openIn(dir)).close();
    const db = new DatabaseSync(join(dir, DATABASE_FILE), { readOnly: true });
    const accept = ["accept", idOf(1), guest, 0, "alice", "{}"] as const;
    const mark = ["mark", idOf(1), 1, "alice"] as const;
    for (const reply of new Batches(db).commit([accept, mark])) {
      assert.ok(isFailure(reply));
      assert.equal(reply.failed, "store/unavailable");
      assert.match(reply.message, /readonly/);
    }
    db.close();
  });
});

test("a writer thread that died is replaced at the next write", async () => {
  await withFolder(async (parent) => {
    const folder = join(parent, "missing");
    const database = join(folder, DATABASE_FILE);
    const link = new WorkerLink<readonly WriteOp[], readonly AnyReply[]>({
      name: "writer",
      database,
      clock: systemClock,
      log: silentLog,
    });
    const mark = ["mark", idOf(1), 1, "alice"] as const;
    await assert.rejects(link.request([mark]), isUnavailable);
    await (await openIn(folder)).close();
    assert.deepEqual(await link.request([mark]), [false]);
    await link.close();
  });
});
