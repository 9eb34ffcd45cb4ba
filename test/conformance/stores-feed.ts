import assert from "node:assert/strict";
import type { Change, Stores } from "../../src/store/ports.ts";
import { type Claim, entityOf, pathOf, recordOf, subjectOf } from "./stores-support.ts";

/** What every change feed must do. */
export function claimFeed(claim: Claim): void {
  claim("the feed gives changes of entities and subjects in order, and no activations", async ({ stores }) => {
    await put(stores, "a");
    await stores.subjects.put(subjectOf("ann"), "absent");
    await stores.activations.finish(recordOf(1), { path: "hello" });
    const changes = await stores.changes.read(undefined, 10);
    assert.deepEqual(
      changes.map(({ kind, id, deleted }) => ({ kind, id, deleted })),
      [
        { kind: "action", id: "guest/a", deleted: false },
        { kind: "subject", id: "ann", deleted: false },
      ],
    );
    assert.equal(changes.at(-1)?.cursor, await stores.changes.head());
    assert.equal(changes[0]?.revision, (await stores.artifacts.get(entityOf("a")))?.revision);
  });

  claim("an alarm is in the feed like any entity, written and deleted", async ({ stores }) => {
    const alarm = entityOf("tick", { kind: "alarm", link: pathOf("guest") });
    const made = await stores.artifacts.put(alarm, "absent");
    assert.ok(made.kind === "ok");
    const written = await stores.changes.read(undefined, 10);
    await stores.artifacts.delete(alarm, made.revision);
    const deleted = await stores.changes.read(written.at(-1)?.cursor, 10);
    assert.deepEqual(
      [...written, ...deleted].map((change) => [change.kind, change.id, change.deleted]),
      [
        ["alarm", "guest/tick", false],
        ["alarm", "guest/tick", true],
      ],
    );
  });

  claim("reading on from a cursor misses nothing", async ({ stores }) => {
    for (const path of ["a", "b", "c", "d", "e"]) await put(stores, path);
    const seen: string[] = [];
    let cursor: string | undefined;
    for (;;) {
      const page: readonly Change[] = await stores.changes.read(cursor, 2);
      if (page.length === 0) break;
      seen.push(...page.map((change) => change.id));
      cursor = page.at(-1)?.cursor;
    }
    assert.deepEqual(seen, ["guest/a", "guest/b", "guest/c", "guest/d", "guest/e"]);
  });

  claim("a delete is in the feed, also when the entity was made again", async ({ stores }) => {
    const revision = await put(stores, "a");
    await stores.artifacts.delete(entityOf("a"), revision);
    await put(stores, "a");
    const changes = await stores.changes.read(undefined, 10);
    assert.deepEqual(
      changes.slice(-2).map((change) => change.deleted),
      [true, false],
    );
    assert.ok(changes.every((change) => change.id === "guest/a"));
  });

  claim("of many writes of one entity at least the last is in the feed", async ({ stores }) => {
    let revision = await put(stores, "a");
    for (let n = 0; n < 20; n += 1) {
      const result = await stores.artifacts.put(entityOf("a"), revision);
      assert.ok(result.kind === "ok");
      revision = result.revision;
    }
    assert.equal((await stores.changes.read(undefined, 100)).at(-1)?.revision, revision);
  });

  claim("a refused write is not in the feed", async ({ stores }) => {
    await put(stores, "a");
    const head = await stores.changes.head();
    await stores.artifacts.put(entityOf("a"), "absent");
    assert.equal(await stores.changes.head(), head);
    assert.deepEqual(await stores.changes.read(head, 10), []);
  });

  claim("a watcher gets what was there, then what comes, and ends when told", async ({ stores }) => {
    await put(stores, "a");
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const change of stores.changes.watch(undefined, abort.signal)) {
      seen.push(change.id);
      if (seen.length === 1) void put(stores, "b");
      if (seen.length === 2) abort.abort();
    }
    assert.deepEqual(seen, ["guest/a", "guest/b"]);
  });

  claim("a watcher that waits ends without an error when it is aborted", async ({ stores }) => {
    const abort = new AbortController();
    const watch = stores.changes.watch(await stores.changes.head(), abort.signal)[Symbol.asyncIterator]();
    const next = watch.next();
    abort.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  claim("a watcher resumed at its cursor gets everything after it, once", async ({ stores }) => {
    const first = await take(stores, undefined, 1, () => put(stores, "a"));
    await put(stores, "b");
    await put(stores, "c");
    const rest = await take(stores, first[0]?.cursor, 2);
    assert.deepEqual(
      rest.map((change) => change.id),
      ["guest/b", "guest/c"],
    );
  });

  claim("a watcher follows a burst of concurrent writes to its end", async ({ stores }) => {
    const burst = () => Promise.all(Array.from({ length: 600 }, (_, n) => put(stores, `e${n}`)));
    const seen = await take(stores, undefined, 600, burst);
    assert.equal(new Set(seen.map((change) => change.id)).size, 600);
  });
}

async function put(stores: Stores, path: string) {
  const result = await stores.artifacts.put(entityOf(path), "absent");
  assert.ok(result.kind === "ok");
  return result.revision;
}

/** The first `count` changes after `cursor`, while `meanwhile` runs. */
async function take(
  stores: Stores,
  cursor: string | undefined,
  count: number,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<Change[]> {
  const abort = new AbortController();
  const running = meanwhile();
  const seen: Change[] = [];
  for await (const change of stores.changes.watch(cursor, abort.signal)) {
    seen.push(change);
    if (seen.length === count) abort.abort();
  }
  await running;
  return seen;
}
