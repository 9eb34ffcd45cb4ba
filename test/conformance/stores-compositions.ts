import assert from "node:assert/strict";
import {
  alice,
  all,
  bob,
  type Claim,
  compositionEntryOf,
  compositionOf,
  entryOf,
  guest,
  hello,
  idOf,
  recordOf,
} from "./stores-support.ts";

/** How every activation store keeps what a composition has come to. */
export function claimCompositions(claim: Claim): void {
  claim("an advance replaces the message of its entry and nothing else", async ({ stores: { activations } }) => {
    await activations.accept(compositionEntryOf(1, 0));
    await activations.accept(compositionEntryOf(2, 0));
    await activations.mark(idOf(1), "running", alice);
    assert.equal(await activations.advance(compositionOf(1, 3), alice), true);
    assert.equal(await activations.advance(compositionOf(1, 7), alice), true);
    const advanced = { ...compositionEntryOf(1, 7), state: "running" } as const;
    assert.deepEqual(await activations.get(guest, idOf(1)), { kind: "pending", entry: advanced });
    assert.deepEqual(await activations.unfinished(undefined, 10), [advanced, compositionEntryOf(2, 0)]);
  });

  claim("an entry takes over what was written, not what becomes of it", async ({ stores: { activations } }) => {
    await activations.accept(compositionEntryOf(1, 0));
    const composition = { step: 1 };
    await activations.advance({ ...compositionOf(1, 1), composition }, alice);
    composition.step = 2;
    const [entry] = await activations.unfinished(undefined, 10);
    assert.deepEqual(entry?.message, { ...compositionOf(1, 1), composition: { step: 1 } });
  });

  claim(
    "an advance by another than the owner, or of what is gone, changes nothing",
    async ({ stores: { activations } }) => {
      await activations.accept(compositionEntryOf(1, 0));
      assert.equal(await activations.advance(compositionOf(1, 1), bob), false);
      assert.equal(await activations.advance(compositionOf(2, 1), alice), false);
      assert.deepEqual(await activations.unfinished(undefined, 10), [compositionEntryOf(1, 0)]);
      await activations.finish(recordOf(1), { ...hello, owner: alice });
      assert.equal(await activations.advance(compositionOf(1, 2), alice), false);
      assert.deepEqual(await activations.get(guest, idOf(1)), { kind: "final", record: recordOf(1) });
      assert.deepEqual(await activations.unfinished(undefined, 10), []);
    },
  );

  claim("after an adoption only the successor may advance", async ({ stores: { activations } }) => {
    await activations.accept(compositionEntryOf(1, 0));
    const [before, adopted, after] = await Promise.all([
      activations.advance(compositionOf(1, 1), alice),
      activations.adopt(idOf(1), alice, bob),
      activations.advance(compositionOf(1, 2), alice),
    ]);
    assert.deepEqual([before, adopted, after], [true, true, false]);
    assert.deepEqual(await activations.unfinished(undefined, 10), [compositionEntryOf(1, 1, bob)]);
    assert.equal(await activations.advance(compositionOf(1, 2), bob), true);
    assert.deepEqual(await activations.unfinished(undefined, 10), [compositionEntryOf(1, 2, bob)]);
  });

  claim("racing advances leave the last one", async ({ stores: { activations } }) => {
    await activations.accept(compositionEntryOf(1, 0));
    const steps = Array.from({ length: 50 }, (_, step) => activations.advance(compositionOf(1, step), alice));
    assert.ok((await Promise.all(steps)).every(Boolean));
    assert.deepEqual(await activations.unfinished(undefined, 10), [compositionEntryOf(1, 49)]);
  });

  claim("an advance beside a finish never brings an entry back", async ({ stores: { activations } }) => {
    for (let n = 0; n < 20; n += 1) {
      await activations.accept(compositionEntryOf(n, 0));
      const finish = () => activations.finish(recordOf(n), { ...hello, owner: alice });
      const advance = () => activations.advance(compositionOf(n, 1), alice);
      const [finished, advanced] =
        n % 2 === 0
          ? await Promise.all([finish(), advance()])
          : (await Promise.all([advance(), finish()])).toReversed();
      assert.equal(finished, "stored");
      assert.equal(advanced, n % 2 === 1, "whoever came first is served first");
    }
    assert.deepEqual(await activations.unfinished(undefined, 100), []);
    assert.equal(await activations.count(all), 20);
  });

  claim("what was advanced survives a reopening", async ({ stores: { activations }, reopen }) => {
    if (reopen === undefined) return;
    await activations.accept(compositionEntryOf(1, 0));
    await activations.accept(entryOf(2));
    await activations.advance(compositionOf(1, 5), alice);
    const again = await reopen();
    assert.deepEqual(await again.activations.unfinished(undefined, 10), [compositionEntryOf(1, 5), entryOf(2)]);
  });
}
