import assert from "node:assert/strict";
import { test } from "node:test";
import { EntityCache } from "../../../src/controller/cache/entity-cache.ts";
import type { Action } from "../../../src/controller/entities/action.ts";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import { actionOf } from "../../support/messages.ts";
import { addSubject, GUEST, type Harness, source, startApi } from "./harness.ts";
import { slowReads } from "./slow-reads.ts";

const ACTIONS = "/api/v1/namespaces/_/actions";
const GUEST_NS = asId<Namespace>("guest");

test("S1: no call that starts after an update was acknowledged runs an older version", async () => {
  await using api = await startApi({ wrap: slowReads });
  const patchOf = (version: string): number => Number(version.split(".")[2]);
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  let acknowledged = 1;
  const progress = { writing: true };
  const write = async (): Promise<void> => {
    for (let i = 0; i < 60; i += 1) {
      const put = await api.call("PUT", `${ACTIONS}/a?overwrite=true`, { json: {} });
      acknowledged = patchOf(put.body.version);
    }
    progress.writing = false;
  };
  let invoked = 0;
  const read = async (): Promise<void> => {
    while (progress.writing) {
      const floor = acknowledged;
      const post = await api.call("POST", `${ACTIONS}/a?blocking=true`);
      assert.ok(
        patchOf(post.body.version) >= floor,
        `ran 0.0.${patchOf(post.body.version)} after 0.0.${floor} was acknowledged`,
      );
      const get = await api.call("GET", `${ACTIONS}/a?code=false`);
      assert.ok(patchOf(get.body.version) >= floor);
      invoked += 1;
    }
  };
  await Promise.all([write(), read(), read(), read(), read()]);
  assert.ok(invoked > 20, `${invoked} rounds`);
});

test("a load that was under way during a change is given to those who waited, and to nobody after them", async () => {
  const { promise, resolve } = Promise.withResolvers<Action>();
  const old = actionOf();
  const loads: Promise<Action | undefined>[] = [promise, Promise.resolve({ ...old, version: "0.0.4" })];
  const cache = cacheOf(() => loads.shift() ?? Promise.resolve(undefined));
  cache.onFollowing();
  const early = cache.find(GUEST_NS, old.path);
  cache.invalidate("guest/hello");
  const late = cache.find(GUEST_NS, old.path);
  resolve(old);
  assert.equal((await early)?.version, "0.0.3");
  assert.equal((await late)?.version, "0.0.4");
  const held = cache.find(GUEST_NS, old.path);
  assert.ok(!(held instanceof Promise) && held.version === "0.0.4");
});

test("nothing is held before the feed is followed, nor after another process changed it", async () => {
  const action = actionOf();
  const cache = cacheOf(async () => action);
  await cache.find(GUEST_NS, action.path);
  assert.ok(cache.find(GUEST_NS, action.path) instanceof Promise);
  await cache.find(GUEST_NS, action.path);
  cache.onFollowing();
  await cache.find(GUEST_NS, action.path);
  assert.ok(!(cache.find(GUEST_NS, action.path) instanceof Promise));
  const change = { cursor: "1", kind: "action" as const, id: "guest/hello", deleted: false };
  cache.onChange({ ...change, revision: action.revision });
  assert.ok(!(cache.find(GUEST_NS, action.path) instanceof Promise), "its own write is no news");
  cache.onChange({ ...change, revision: asId("8") });
  assert.ok(cache.find(GUEST_NS, action.path) instanceof Promise);
});

test("writes of other processes reach the warm path through the feed", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  await warm(api);
  const id = { namespace: GUEST_NS, path: asId<EntityPath>("a") };
  const stored = await api.stores.artifacts.get(id);
  assert.ok(stored !== undefined);
  await api.stores.artifacts.put({ ...stored, body: { ...stored.body, version: "9.9.9" } }, stored.revision);
  await until(async () => (await api.call("POST", `${ACTIONS}/a?blocking=true`)).body.version === "9.9.9");
});

test("a key that is blocked, changed or made stops or starts working at once", async () => {
  await using api = await startApi();
  const status = async (auth: string) => (await api.call("GET", "/api/v1/namespaces", { auth })).status;
  const newcomer = `44444444-4444-4444-4444-444444444444:${"n".repeat(64)}`;
  for (let i = 0; i < 3; i += 1) {
    assert.equal(await status(GUEST), 200);
    assert.equal(await status(newcomer), 401);
  }
  await addSubject(api.stores, "newcomer", newcomer);
  await until(async () => (await status(newcomer)) === 200);
  const guest = await api.stores.subjects.get("guest");
  assert.ok(guest !== undefined);
  await api.stores.subjects.put({ ...guest, blocked: true }, guest.revision);
  await until(async () => (await status(GUEST)) === 401);
});

function cacheOf(load: () => Promise<Action | undefined>): EntityCache<Action> {
  return new EntityCache({ load, weigh: () => 1, bytesMax: 10 });
}

async function warm(api: Harness): Promise<void> {
  for (let i = 0; i < 3; i += 1) await api.call("POST", `${ACTIONS}/a?blocking=true`);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 2000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, "it did not come to hold in two seconds");
    await new Promise(setImmediate);
  }
}
