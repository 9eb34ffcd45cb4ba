import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isPlatformError } from "../../src/kernel/errors.ts";
import type { Stores } from "../../src/store/ports.ts";
import { testStores } from "../conformance/stores.ts";
import { entityOf, entryOf, guest, idOf, recordOf } from "../conformance/stores-support.ts";
import { openIn, withFolder } from "./folder.ts";

testStores("sqlite", async (clock) => {
  const dir = mkdtempSync(join(tmpdir(), "skein-store-"));
  const opened: Stores[] = [];
  const open = async (): Promise<Stores> => {
    const stores = await openIn(dir, clock);
    opened.push(stores);
    return stores;
  };
  return {
    stores: await open(),
    // Beside the old one, which has not been closed: what it acknowledged must be there all the same.
    reopen: open,
    close: async () => {
      for (const stores of opened) await stores.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

test("the data folder is private, and a closed store leaves no log behind", async () => {
  await withFolder(async (parent) => {
    const dir = join(parent, "deep", "data");
    const stores = await openIn(dir);
    await stores.artifacts.put(entityOf("a"), "absent");
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    for (const file of readdirSync(dir)) assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
    await stores.close();
    assert.deepEqual(readdirSync(dir), ["skein.db"]);
  });
});

test("writes beyond writesWaitingMax are refused, those before are kept", async () => {
  await withFolder(async (dir) => {
    const stores = await openIn(dir, undefined, { writesWaitingMax: 100 });
    const writes = Array.from({ length: 150 }, (_, n) => stores.activations.finish(recordOf(n), { path: "hello" }));
    const results = await Promise.allSettled(writes);
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 50);
    for (const { reason } of refused) assert.ok(isPlatformError(reason, "store/unavailable"));
    assert.equal(await stores.activations.count({ namespace: guest, skip: 0 }), 100);
    assert.equal(await stores.activations.finish(recordOf(149), { path: "hello" }), "stored");
    await stores.close();
  });
});

test("close finishes what was begun and refuses what comes after", async () => {
  await withFolder(async (dir) => {
    const stores = await openIn(dir);
    const begun = [stores.activations.accept(entryOf(1)), stores.activations.finish(recordOf(2), { path: "hello" })];
    await Promise.all([...begun, stores.close()]);
    for (const late of [
      () => stores.activations.finish(recordOf(3), { path: "hello" }),
      () => stores.activations.get(guest, idOf(2)),
      () => stores.activations.list({ namespace: guest, skip: 0, limit: 1 }),
    ]) {
      await assert.rejects(late, (error) => isPlatformError(error, "store/unavailable"));
    }
    const again = await openIn(dir);
    assert.equal((await again.activations.get(guest, idOf(1)))?.kind, "pending");
    assert.equal((await again.activations.get(guest, idOf(2)))?.kind, "final");
    await again.close();
  });
});

test("one write that cannot be done does not spoil its batch", async () => {
  await withFolder(async (dir) => {
    const stores = await openIn(dir);
    const good = Array.from({ length: 50 }, (_, n) => stores.activations.finish(recordOf(n), { path: "hello" }));
    // The column is an integer: the database itself refuses this one.
    const bad = stores.activations.finish(recordOf(50, { start: 0.5 }), { path: "hello" });
    const more = Array.from({ length: 50 }, (_, n) => stores.activations.finish(recordOf(60 + n), { path: "hello" }));
    await assert.rejects(bad, (error) => isPlatformError(error, "store/unavailable"));
    const results = await Promise.all([...good, ...more]);
    assert.ok(results.every((result) => result === "stored"));
    assert.equal(await stores.activations.count({ namespace: guest, skip: 0 }), 100);
    await stores.close();
  });
});

test("an attachment whose bytes changed on disk is found out, and mended by a put when it was cut short", async () => {
  await withFolder(async (dir) => {
    const stores = await openIn(dir);
    const bytes = new TextEncoder().encode("exports.main = () => ({})");
    const digest = await stores.attachments.put(bytes);
    const file = join(dir, "code", digest.slice(7, 9), digest);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    writeFileSync(file, "exports.main = () => ({!)");
    await assert.rejects(stores.attachments.get(digest), (error) => isPlatformError(error, "store/corrupted"));
    truncateSync(file, 3);
    await stores.attachments.put(bytes);
    assert.deepEqual(new Uint8Array((await stores.attachments.get(digest)) ?? []), bytes);
    await stores.close();
  });
});

test("another process's changes reach a watcher", async () => {
  await withFolder(async (dir) => {
    const [mine, theirs] = [await openIn(dir), await openIn(dir)];
    const abort = new AbortController();
    const watch = mine.changes.watch(undefined, abort.signal)[Symbol.asyncIterator]();
    const next = watch.next();
    await theirs.artifacts.put(entityOf("a"), "absent");
    assert.equal((await next).value?.id, "guest/a");
    abort.abort();
    await mine.close();
    await theirs.close();
  });
});
