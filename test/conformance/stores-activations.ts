import assert from "node:assert/strict";
import { asId } from "../../src/kernel/ids.ts";
import {
  alice,
  all,
  bob,
  type Claim,
  entryOf,
  guest,
  hello,
  idOf,
  other,
  recordOf,
  starts,
  T0,
} from "./stores-support.ts";

/** What every activation store must do. */
export function claimActivations(claim: Claim): void {
  claimRecords(claim);
  claimLists(claim);
  claimJournal(claim);
}

function claimRecords(claim: Claim): void {
  claim("a finished activation is got back as it was, in its own namespace only", async ({ stores }) => {
    const record = recordOf(1);
    assert.equal(await stores.activations.finish(record, hello), "stored");
    assert.deepEqual(await stores.activations.get(guest, idOf(1)), { kind: "final", record });
    assert.equal(await stores.activations.get(other, idOf(1)), undefined);
    assert.equal(await stores.activations.get(guest, idOf(2)), undefined);
  });

  claim("a get sees a finish that is still on its way", async ({ stores }) => {
    const finished = stores.activations.finish(recordOf(1), hello);
    const got = await stores.activations.get(guest, idOf(1));
    assert.equal(got?.kind, "final");
    assert.equal(await finished, "stored");
  });

  claim("a list and a count see every finish begun before them", async ({ stores }) => {
    const finishes = Array.from({ length: 300 }, (_, n) => stores.activations.finish(recordOf(n), hello));
    const [listed, counted] = await Promise.all([
      stores.activations.list({ ...all, limit: 1000 }),
      stores.activations.count(all),
    ]);
    assert.equal(listed.length, 300);
    assert.equal(counted, 300);
    await Promise.all(finishes);
  });

  claim("the first record of an activation stays", async ({ stores }) => {
    await stores.activations.finish(recordOf(1), hello);
    assert.equal(await stores.activations.finish(recordOf(1, { name: "second" }), hello), "already-final");
    const got = await stores.activations.get(guest, idOf(1));
    assert.equal(got?.kind === "final" && got.record.name, "hello");
    assert.equal(await stores.activations.count(all), 1);
  });

  claim("an activation without a record leaves none", async ({ stores }) => {
    assert.equal(await stores.activations.finish(recordOf(1), { ...hello, keep: false }), "stored");
    assert.equal(await stores.activations.get(guest, idOf(1)), undefined);
    assert.equal(await stores.activations.count(all), 0);
  });

  claim("records survive a reopening", async ({ stores, reopen }) => {
    if (reopen === undefined) return;
    await stores.activations.finish(recordOf(1), hello);
    await stores.activations.accept(entryOf(2));
    const again = await reopen();
    assert.equal((await again.activations.get(guest, idOf(1)))?.kind, "final");
    assert.deepEqual(await again.activations.unfinished(undefined, 10), [entryOf(2)]);
    assert.equal(await again.activations.count(all), 1);
  });
}

function claimLists(claim: Claim): void {
  claim("lists are newest start first, whatever the order of finishing", async ({ stores }) => {
    for (const n of [3, 1, 5, 2, 4]) await stores.activations.finish(recordOf(n), hello);
    assert.deepEqual(await starts(stores.activations, all), [5, 4, 3, 2, 1]);
  });

  claim("since and upto are inclusive", async ({ stores }) => {
    for (const n of [1, 2, 3, 4, 5]) await stores.activations.finish(recordOf(n), hello);
    assert.deepEqual(await starts(stores.activations, { ...all, since: T0 + 2, upto: T0 + 4 }), [4, 3, 2]);
    assert.deepEqual(await starts(stores.activations, { ...all, since: T0 + 4 }), [5, 4]);
    assert.deepEqual(await starts(stores.activations, { ...all, upto: T0 + 1 }), [1]);
    assert.equal(await stores.activations.count({ ...all, since: T0 + 2, upto: T0 + 4 }), 3);
    assert.equal(await stores.activations.count({ ...all, since: T0 + 6 }), 0);
  });

  claim("pages join without gap or repetition, and skipping past the end gives nothing", async ({ stores }) => {
    // Ten start together: their order must hold still from page to page.
    for (let n = 0; n < 20; n += 1) await stores.activations.finish(recordOf(n, { start: T0 + (n % 2) }), hello);
    const seen: string[] = [];
    for (let skip = 0; skip < 24; skip += 3) {
      for (const record of await stores.activations.list({ ...all, skip, limit: 3 })) seen.push(record.activationId);
    }
    assert.equal(new Set(seen).size, 20);
    assert.equal(seen.length, 20);
    assert.deepEqual(await stores.activations.list({ ...all, skip: 20 }), []);
    assert.deepEqual(await stores.activations.list({ ...all, limit: 0 }), []);
  });

  claim("a count is what is left after skip, never below zero", async ({ stores }) => {
    for (let n = 0; n < 5; n += 1) await stores.activations.finish(recordOf(n), hello);
    assert.equal(await stores.activations.count({ namespace: guest, skip: 2 }), 3);
    assert.equal(await stores.activations.count({ namespace: guest, skip: 9 }), 0);
    assert.equal(await stores.activations.count({ namespace: other, skip: 0 }), 0);
  });

  claim("a path filters exactly, and namespaces do not mix", async ({ stores }) => {
    await stores.activations.finish(recordOf(1), { path: "hello" });
    await stores.activations.finish(recordOf(2), { path: "pkg/hello" });
    await stores.activations.finish(recordOf(3, { namespace: other }), { path: "hello" });
    assert.deepEqual(await starts(stores.activations, { ...all, path: "hello" }), [1]);
    assert.deepEqual(await starts(stores.activations, { ...all, path: "pkg/hello" }), [2]);
    assert.deepEqual(await starts(stores.activations, { ...all, path: "pkg" }), []);
    assert.deepEqual(await starts(stores.activations, { ...all, namespace: other }), [3]);
    assert.equal(await stores.activations.count({ ...all, path: "hello" }), 1);
    assert.equal(await stores.activations.count({ ...all, path: "hello", since: T0 + 2 }), 0);
  });
}

function claimJournal(claim: Claim): void {
  claim("an accepted activation is pending until it is finished by its owner", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    assert.deepEqual(await activations.get(guest, idOf(1)), { kind: "pending", entry: entryOf(1) });
    assert.equal(await activations.get(other, idOf(1)), undefined);
    assert.equal(await activations.finish(recordOf(1), { ...hello, owner: alice }), "stored");
    assert.deepEqual(await activations.get(guest, idOf(1)), { kind: "final", record: recordOf(1) });
    assert.deepEqual(await activations.unfinished(undefined, 10), []);
  });

  claim("an id is accepted once, pending or final", async ({ stores: { activations } }) => {
    assert.equal(await activations.accept(entryOf(1)), "accepted");
    await activations.mark(idOf(1), "running", alice);
    assert.equal(await activations.accept(entryOf(1, bob)), "known");
    assert.deepEqual(await activations.unfinished(undefined, 10), [{ ...entryOf(1), state: "running" }]);
    await activations.finish(recordOf(1), { ...hello, owner: alice });
    await activations.finish(recordOf(2), hello);
    for (const n of [1, 2]) {
      assert.equal(await activations.accept(entryOf(n)), "known");
      assert.deepEqual(await activations.get(guest, idOf(n)), { kind: "final", record: recordOf(n) });
    }
    assert.deepEqual(await activations.unfinished(undefined, 10), []);
  });

  claim("of many that accept the same id at once one is told that it is new", async ({ stores: { activations } }) => {
    const owners = Array.from({ length: 10 }, (_, n) => asId<typeof alice>(`owner-${n}`));
    const answers = await Promise.all(owners.map((owner) => activations.accept(entryOf(1, owner))));
    assert.equal(answers.filter((answer) => answer === "accepted").length, 1);
    const winner = owners[answers.indexOf("accepted")];
    assert.deepEqual(await activations.unfinished(undefined, 10), [entryOf(1, winner)]);
  });

  claim("an acceptance after a finish that is on its way finds the id known", async ({ stores: { activations } }) => {
    const finished = activations.finish(recordOf(1), hello);
    assert.equal(await activations.accept(entryOf(1)), "known");
    assert.equal(await finished, "stored");
    assert.deepEqual(await activations.unfinished(undefined, 10), []);
  });

  claim("a mark moves an entry on and never back", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    assert.equal(await activations.mark(idOf(1), "running", alice), true);
    assert.equal(await activations.mark(idOf(1), "dispatched", alice), true);
    const got = await activations.get(guest, idOf(1));
    assert.equal(got?.kind === "pending" && got.entry.state, "running");
  });

  claim(
    "a mark by another than the owner, or of what is gone, changes nothing",
    async ({ stores: { activations } }) => {
      await activations.accept(entryOf(1));
      assert.equal(await activations.mark(idOf(1), "running", bob), false);
      assert.equal(await activations.mark(idOf(2), "running", alice), false);
      assert.deepEqual(await activations.unfinished(undefined, 10), [entryOf(1)]);
    },
  );

  claim("after an adoption only the successor may mark and finish", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    await activations.mark(idOf(1), "dispatched", alice);
    assert.equal(await activations.adopt(idOf(1), alice, bob), true);
    assert.equal(await activations.adopt(idOf(1), alice, bob), false);
    assert.equal(await activations.mark(idOf(1), "running", alice), false);
    assert.equal(await activations.finish(recordOf(1), { ...hello, owner: alice }), "not-owner");
    assert.equal((await activations.get(guest, idOf(1)))?.kind, "pending");
    assert.equal(await activations.finish(recordOf(1), { ...hello, owner: bob }), "stored");
    assert.equal(await activations.adopt(idOf(1), bob, alice), false);
  });

  claim("a journaled activation is not finished without an owner", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    assert.equal(await activations.finish(recordOf(1), hello), "not-owner");
    assert.deepEqual(await activations.unfinished(undefined, 10), [entryOf(1)]);
    assert.equal(await activations.count(all), 0);
  });

  claim("of racing finishes exactly one is stored", async ({ stores: { activations } }) => {
    await activations.accept(entryOf(1));
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        activations.finish(recordOf(1, { name: `racer-${n}` }), { ...hello, owner: alice }),
      ),
    );
    assert.equal(results.filter((result) => result === "stored").length, 1);
    assert.equal(results.filter((result) => result === "already-final").length, 19);
    assert.equal(await activations.count(all), 1);
  });

  claim("of a racing adoption and finish exactly one wins", async ({ stores: { activations } }) => {
    for (let n = 0; n < 20; n += 1) {
      await activations.accept(entryOf(n));
      const [finished, adopted] = await Promise.all([
        activations.finish(recordOf(n), { ...hello, owner: alice }),
        activations.adopt(idOf(n), alice, bob),
      ]);
      assert.equal(finished === "stored", !adopted);
    }
  });

  claim("a journaled activation without a record leaves the journal and nothing else", async ({ stores }) => {
    const { activations } = stores;
    await activations.accept(entryOf(1));
    const how = { ...hello, owner: alice, keep: false } as const;
    assert.equal(await activations.finish(recordOf(1), how), "stored");
    assert.equal(await activations.finish(recordOf(1), how), "already-final");
    assert.equal(await activations.get(guest, idOf(1)), undefined);
    assert.deepEqual(await activations.unfinished(undefined, 10), []);
  });

  claim("unfinished entries come in order and in pages, also after one that has gone", async ({ stores }) => {
    const { activations } = stores;
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => activations.accept(entryOf(n))));
    const first = await activations.unfinished(undefined, 2);
    assert.deepEqual(first, [entryOf(1), entryOf(2)]);
    await activations.finish(recordOf(2), { ...hello, owner: alice });
    assert.deepEqual(await activations.unfinished(idOf(2), 2), [entryOf(3), entryOf(4)]);
    assert.deepEqual(await activations.unfinished(idOf(4), 10), [entryOf(5), entryOf(6)]);
    assert.deepEqual(await activations.unfinished(idOf(6), 10), []);
  });
}
