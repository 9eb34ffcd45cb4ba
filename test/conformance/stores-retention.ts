import assert from "node:assert/strict";
import { all, type Claim, entryOf, hello, other, recordOf, starts, T0 } from "./stores-support.ts";

/** How every activation store lets records go. */
export function claimRetention(claim: Claim): void {
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
