import assert from "node:assert/strict";
import { asId } from "../../src/kernel/ids.ts";
import { alice, all, type Claim, entryOf, guest, hello, idOf, other, recordOf, starts, T0 } from "./stores-support.ts";

/** How every activation store lets records go. */
export function claimRetention(claim: Claim): void {
  claimPruning(claim);
  claimErasing(claim);
}

function claimPruning(claim: Claim): void {
  claim("prune drops what started before, the oldest first, up to its limit", async ({ stores: { activations } }) => {
    for (let n = 0; n < 10; n += 1)
      await activations.finish(recordOf(n, n % 2 === 0 ? {} : { namespace: other }), hello);
    assert.equal(await activations.prune({ before: T0 + 6, limit: 4 }), 4);
    assert.deepEqual(await starts(activations, all), [8, 6, 4]);
    assert.equal(await activations.prune({ before: T0 + 6, limit: 100 }), 2);
    assert.equal(await activations.prune({ before: T0 + 6, limit: 100 }), 0);
    assert.deepEqual(await starts(activations, all), [8, 6]);
    assert.equal(await activations.count(all), 2);
    assert.equal(await activations.count({ namespace: other, skip: 0 }), 2);
  });

  claim("prune by size drops the oldest until the rest fits", async ({ stores: { activations } }) => {
    for (let n = 0; n < 10; n += 1) await activations.finish(recordOf(n, { logs: ["x".repeat(10_000)] }), hello);
    assert.equal(await activations.prune({ bytesMax: 1e9, limit: 100 }), 0);
    assert.equal(await activations.prune({ bytesMax: 55_000, limit: 100 }), 5);
    assert.deepEqual(await starts(activations, all), [9, 8, 7, 6, 5]);
    assert.equal(await activations.prune({ bytesMax: 0, limit: 100 }), 5);
    assert.equal(await activations.count(all), 0);
  });

  claim("prune leaves the journal alone", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    assert.equal(await activations.prune({ before: T0 + 100, bytesMax: 0, limit: 100 }), 0);
    assert.deepEqual(await activations.unfinished(undefined, 10), [entryOf(1)]);
  });
}

function claimErasing(claim: Claim): void {
  claim("erase drops the records of one namespace, up to its limit", async ({ stores: { activations } }) => {
    const namespaceOf = (n: number) => (n % 2 === 0 ? guest : other);
    for (let n = 0; n < 10; n += 1) await activations.finish(recordOf(n, { namespace: namespaceOf(n) }), hello);
    assert.equal(await activations.erase(guest, 0), 0);
    assert.equal(await activations.erase(guest, 2), 2);
    assert.equal((await activations.list(all)).length, 3);
    assert.equal(await activations.count(all), 3);
    assert.equal(await activations.erase(guest, 100), 3);
    assert.equal(await activations.erase(guest, 100), 0);
    assert.equal(await activations.erase(asId("nobody"), 100), 0);
    assert.deepEqual(await activations.list(all), []);
    assert.equal(await activations.count(all), 0);
    assert.equal(await activations.count({ ...all, path: "hello" }), 0);
    assert.equal(await activations.get(guest, idOf(0)), undefined);
    assert.deepEqual(await starts(activations, { ...all, namespace: other }), [9, 7, 5, 3, 1]);
    assert.equal(await activations.count({ ...all, namespace: other }), 5);
  });

  claim("what was erased counts no more towards the size that prune keeps", async ({ stores: { activations } }) => {
    const logs = ["x".repeat(10_000)];
    for (let n = 0; n < 5; n += 1) await activations.finish(recordOf(n, { logs }), hello);
    for (let n = 5; n < 10; n += 1) await activations.finish(recordOf(n, { logs, namespace: other }), hello);
    assert.equal(await activations.erase(guest, 100), 5);
    assert.equal(await activations.prune({ bytesMax: 55_000, limit: 100 }), 0);
    assert.equal(await activations.prune({ bytesMax: 50_000, limit: 100 }), 1);
    assert.equal(await activations.count({ ...all, namespace: other }), 4);
  });

  claim("an erased namespace takes records again, also under an erased id", async ({ stores: { activations } }) => {
    await activations.finish(recordOf(1), hello);
    await activations.erase(guest, 100);
    assert.equal(await activations.finish(recordOf(1), hello), "stored");
    assert.equal(await activations.finish(recordOf(2), hello), "stored");
    assert.deepEqual(await starts(activations, all), [2, 1]);
    assert.equal(await activations.count(all), 2);
  });

  claim("erase leaves the journal alone", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    await activations.finish(recordOf(2), hello);
    assert.equal(await activations.erase(guest, 100), 1);
    assert.deepEqual(await activations.unfinished(undefined, 10), [entryOf(1)]);
    assert.equal(await activations.finish(recordOf(1), { ...hello, owner: alice }), "stored");
    assert.equal(await activations.count(all), 1);
  });

  claim("erase takes what was finished before it, and the sums stay right beside writers", async ({ stores }) => {
    const { activations } = stores;
    const finish = (n: number, namespace = guest) => activations.finish(recordOf(n, { namespace }), hello);
    // More than one chunk of any store, each namespace still writing, two erasures in each other's way.
    const before = Array.from({ length: 700 }, (_, n) => finish(n));
    const erasures = [activations.erase(guest, 400), activations.erase(guest, 400)];
    const after = Array.from({ length: 300 }, (_, n) => finish(1000 + n, n % 3 === 0 ? guest : other));
    const erased = (await Promise.all(erasures)).reduce((sum, gone) => sum + gone, 0);
    await Promise.all([...before, ...after]);
    assert.ok(erased >= 700 && erased <= 800, String(erased));
    assert.equal((await activations.list({ ...all, limit: 1000 })).length, 800 - erased);
    assert.equal(await activations.count(all), 800 - erased);
    assert.equal(await activations.erase(guest, 1000), 800 - erased);
    assert.equal(await activations.count(all), 0);
    assert.equal(await activations.count({ ...all, namespace: other }), 200);
  });

  claim("what was erased is gone after a reopening", async ({ stores: { activations }, reopen }) => {
    if (reopen === undefined) return;
    await activations.finish(recordOf(1), hello);
    await activations.finish(recordOf(2, { namespace: other }), hello);
    await activations.erase(guest, 100);
    const again = await reopen();
    assert.equal(await again.activations.get(guest, idOf(1)), undefined);
    assert.equal(await again.activations.count(all), 0);
    assert.equal(await again.activations.count({ ...all, namespace: other }), 1);
  });
}
