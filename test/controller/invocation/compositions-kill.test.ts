import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivationRecord } from "../../../src/kernel/activation.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import { isJsonObject } from "../../../src/kernel/json.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { ActivationStore, Stores } from "../../../src/store/ports.ts";
import { identityOf } from "../../support/messages.ts";
import { type Act, gate, guest, House, until } from "./house.ts";

const add: Act = (args) => ({ n: (isJsonObject(args) && typeof args["n"] === "number" ? args["n"] : 0) + 1 });
const conduct: Act = (args) => {
  if ("error" in args) return { error: args.error ?? null };
  const { i = 0, n = 0 } = args as Record<string, number>;
  const action = ["a", "inner", "again"][i];
  return action === undefined ? { params: { n } } : { action, params: { n }, state: { i: i + 1 } };
};
const ACTS = { a: add, again: add, conduct };
/** A, a nested sequence of two, a conductor of three steps (one of them nested again), and what may be run again. */
const RESULT = { n: 1 + 2 + 4 + 1 };

async function deploy(house: House): Promise<void> {
  await house.put("a");
  await house.put("again", { annotations: { "retry-on-loss": true } });
  await house.put("inner", { components: ["a", "a"] });
  await house.put("conduct", { annotations: { conductor: true } });
  await house.put("s", { components: ["a", "inner", "conduct", "again"] });
}

/** A process whose store does `writes` writes, the last of them done or not, and then nothing is heard of it again. */
class Dying {
  readonly house: House;
  isDead = false;
  #left: number;

  constructor(stores: Stores, me: string, { writes, lastIsDone }: { writes: number; lastIsDone: boolean }) {
    this.#left = writes;
    const never = new Promise<never>(() => {});
    const wrap = (inner: ActivationStore): ActivationStore =>
      new Proxy(inner, {
        get: (target, key: keyof ActivationStore) => {
          const method = target[key].bind(target) as (...args: unknown[]) => Promise<unknown>;
          if (!["accept", "mark", "advance", "adopt", "finish"].includes(key))
            return this.isDead ? () => never : method;
          return async (...args: unknown[]) => {
            if (this.isDead) return await never;
            this.#left -= 1;
            if (this.#left > 0) return await method(...args);
            this.isDead = true;
            this.house.invoker.isDead = true;
            if (lastIsDone) await method(...args);
            return await never;
          };
        },
      });
    this.house = new House({ stores, me, acts: ACTS, wrap });
  }
}

/** Starts `again` may be many; anything else at most one. */
function noteRuns(house: House, runs: Map<string, number>): void {
  for (const { path, message } of house.invoker.begun) {
    const { activationId: id } = message;
    runs.set(id, (runs.get(id) ?? 0) + 1);
    if (path !== "again") assert.equal(runs.get(id), 1, `${path} ${id} was run twice`);
  }
}

async function checkTree(house: House, id: string): Promise<ActivationRecord> {
  const record = await house.record(id);
  let last: ActivationRecord | undefined;
  for (const child of record.logs) {
    if (child === "a line") continue;
    last = await checkTree(house, child);
    assert.equal(last.cause, id);
  }
  if (last !== undefined && record.name !== "conduct") assert.deepEqual(record.response, last.response);
  return record;
}

for (const lastIsDone of [true, false]) {
  test(`wherever a process dies, its write ${lastIsDone ? "done" : "not done"}, a sequence goes on and runs nothing twice`, async () => {
    const outcomes = { ended: 0, lost: 0, refused: 0 };
    for (let writes = 1; ; writes += 1) {
      const stores = memoryStores({ clock: systemClock });
      const first = new Dying(stores, "first", { writes, lastIsDone });
      await deploy(first.house);
      let isAnswered = false;
      first.house.invoke("s").then(
        () => (isAnswered = true),
        () => (isAnswered = true),
      );
      const isOver = () => isAnswered && first.house.code.size === 0;
      await until(() => first.isDead || isOver() || undefined, "a death, or the end");
      const runs = new Map<string, number>();
      noteRuns(first.house, runs);
      const [entry] = await stores.activations.unfinished(undefined, 10);
      if (!first.isDead) {
        assert.equal(entry, undefined);
        assert(writes > 20, `only ${writes} writes`);
        break;
      }
      if (entry === undefined) {
        outcomes.refused += 1;
        continue;
      }
      const second = new House({ stores, me: "second", acts: ACTS });
      await second.recover();
      const record = await checkTree(second, entry.message.activationId);
      noteRuns(second, runs);
      assert.deepEqual(await stores.activations.unfinished(undefined, 10), []);
      if (record.response.statusCode === 0) {
        outcomes.ended += 1;
        assert.deepEqual(record.response.result, RESULT);
        assert.equal(record.logs.length, 4);
      } else {
        outcomes.lost += 1;
        // The conductor heard of its component's loss and took it for its own result.
        const isConductors = record.logs.length === 3 && record.response.statusCode === 1;
        assert(isConductors || record.response.statusCode === 3, JSON.stringify(record));
        assert.match(JSON.stringify(record.response.result), /The activation of 'guest\/(?:a|conduct)' was lost/);
      }
      assert.equal(second.compositions.inFlight(guest), 0);
    }
    assert(outcomes.ended > 10 && outcomes.lost > 5, JSON.stringify(outcomes));
  });
}

test("what may be run again survives one death after another, and comes to its end", async () => {
  const stores = memoryStores({ clock: systemClock });
  let dying = new Dying(stores, "p0", { writes: 3, lastIsDone: true });
  await deploy(dying.house);
  await dying.house.put("inner", { components: ["again", "again"] });
  await dying.house.put("t", { components: ["again", "inner", "again", "inner"] });
  void dying.house.invoke("t");
  await until(async () => !(await isEmpty(stores)) || undefined, "the promise");
  const id = (await stores.activations.unfinished(undefined, 1))[0]!.message.activationId;
  let deaths = 0;
  for (;;) {
    await until(async () => dying.isDead || (await isEmpty(stores)) || undefined, "a death, or the end");
    if (await isEmpty(stores)) break;
    deaths += 1;
    // Long enough for about one component each: to adopt, to begin (two writes), to end, to go on.
    dying = new Dying(stores, `p${deaths}`, { writes: 5 + (deaths % 2), lastIsDone: deaths % 3 === 0 });
    void dying.house.recover();
  }
  assert(deaths > 3, `${deaths} deaths`);
  const record = await checkTree(dying.house, id);
  assert.deepEqual(record.response, { statusCode: 0, result: { n: 6 } });
  assert.equal(record.logs.length, 4);
});

async function isEmpty(stores: Stores): Promise<boolean> {
  return (await stores.activations.unfinished(undefined, 1)).length === 0;
}

for (const components of [
  ["a", "inner", "a"],
  ["a", "inner"],
] as const) {
  test(`nothing follows a nested record that is not stored (${components.join(", ")})`, async () => {
    const stores = memoryStores({ clock: systemClock });
    let refusals = 0;
    const wrap = (inner: ActivationStore): ActivationStore =>
      new Proxy(inner, {
        get: (target, key: keyof ActivationStore) => {
          if (key !== "finish") return target[key].bind(target);
          return async (...[record, how]: Parameters<ActivationStore["finish"]>) => {
            if (record.name !== "inner") return await target.finish(record, how);
            refusals += 1;
            throw new PlatformError("store/unavailable", "disk full");
          };
        },
      });
    const house = new House({ stores, acts: ACTS, wrap });
    await deploy(house);
    await house.put("t", { components });
    const answer = await house.invoke("t");
    assert(answer.kind === "accepted");
    await until(() => refusals > 1 || undefined, "a second try");
    assert.equal(house.invoker.begun.length, 3);
    assert.equal((await stores.activations.get(guest, answer.activationId))?.kind, "pending");
    house.kill();
    const second = new House({ stores, me: "second", acts: ACTS });
    await second.recover();
    const record = await checkTree(second, answer.activationId);
    assert.deepEqual(record.response.result, { n: components.length + 1 });
  });
}

test("a wait that is over makes a promise of the composition as far as it has come", async () => {
  const hold = gate();
  const stores = memoryStores({ clock: systemClock });
  const house = new House({ stores, acts: { ...ACTS, slow: () => hold.opened.then(() => ({ n: 10 })) } });
  await deploy(house);
  await house.put("slow");
  await house.put("t", { components: ["a", "slow", "again"] });
  const answer = await house.invoke("t", {}, { waitMs: 20 });
  assert(answer.kind === "accepted");
  const [entry] = await stores.activations.unfinished(undefined, 10);
  assert.equal(entry?.message.activationId, answer.activationId);
  assert.equal(entry?.state, "running");
  hold.open();
  const record = await house.record(answer.activationId);
  assert.deepEqual(record.response.result, { n: 11 });
  assert.equal(record.logs.length, 3);
  for (const id of record.logs) await house.record(id);
});

test("after such a promise a kill finds the component lost, and says which", async () => {
  const stores = memoryStores({ clock: systemClock });
  const house = new House({ stores, acts: { ...ACTS, slow: () => new Promise(() => {}) } });
  await deploy(house);
  await house.put("slow");
  await house.put("t", { components: ["a", "slow", "again"] });
  const answer = await house.invoke("t", {}, { waitMs: 20 });
  assert(answer.kind === "accepted");
  house.kill();
  const second = new House({ stores, me: "second", acts: ACTS });
  assert.deepEqual(await second.recover(), { resumed: 1, lost: 0 });
  const record = await checkTree(second, answer.activationId);
  assert.equal(record.response.statusCode, 3);
  assert.match(JSON.stringify(record.response.result), /The activation of 'guest\/slow' was lost/);
  assert.equal(record.logs.length, 2);
  assert.equal(second.invoker.begun.length, 0);
});

test("a wait that is over between two components is a promise to go on with the next", async () => {
  const stores = memoryStores({ clock: systemClock });
  const looked = gate();
  let lookUps = 0;
  const artifacts = new Proxy(stores.artifacts, {
    get: (target, key: keyof Stores["artifacts"]) => {
      if (key !== "get") return target[key].bind(target);
      return async (id: Parameters<Stores["artifacts"]["get"]>[0]) => {
        // The first is for the caller's rights, before anything begins.
        if (id.path === "inner" && (lookUps += 1) > 1) await looked.opened;
        return await target.get(id);
      };
    },
  });
  const house = new House({ stores: { ...stores, artifacts }, acts: ACTS });
  await deploy(house);
  lookUps = 0;
  await house.put("t", { components: ["a", "inner"] });
  const answer = await house.invoke("t", {}, { waitMs: 20 });
  assert(answer.kind === "accepted");
  house.kill();
  looked.open();
  const second = new House({ stores, me: "second", acts: ACTS });
  await second.recover();
  const record = await checkTree(second, answer.activationId);
  assert.deepEqual(record.response.result, { n: 3 });
  assert.equal(second.invoker.begun.length, 2, "the first was not run again");
});

test("a wait that is over just when all has ended is answered by the end", async () => {
  for (let waitMs = 0; waitMs < 12; waitMs += 1) {
    const house = new House({ acts: ACTS });
    await deploy(house);
    const answer = await house.invoke("s", {}, { waitMs });
    const id = answer.kind === "accepted" ? answer.activationId : answer.record.activationId;
    assert.deepEqual((await checkTree(house, id)).response.result, RESULT);
    await until(async () => (await isEmpty(house.stores)) || undefined, "an empty journal");
  }
});

test("a promise that cannot be journaled is told to the caller, and the work goes on without one", async () => {
  const hold = gate();
  const refuse = () => Promise.reject(new PlatformError("store/unavailable", "disk full"));
  const wrap = (inner: ActivationStore): ActivationStore =>
    new Proxy(inner, {
      get: (target, key: keyof ActivationStore) => (key === "accept" ? refuse : target[key].bind(target)),
    });
  const house = new House({ acts: { ...ACTS, slow: () => hold.opened.then(() => ({})) }, wrap });
  await deploy(house);
  await house.put("slow");
  await house.put("t", { components: ["slow", "a"] });
  await assert.rejects(house.invoke("t"), { code: "store/unavailable" });
  assert.equal(house.invoker.begun.length, 0, "what was not accepted does not run");
  await until(() => house.compositions.inFlight(guest) === 0 || undefined, "nothing in flight");
  await assert.rejects(house.invoke("t", {}, { waitMs: 5 }), { code: "store/unavailable" });
  hold.open();
  await until(() => (house.compositions.inFlight(guest) === 0 ? true : undefined), "the end");
  const records = await house.stores.activations.list({ namespace: guest, path: "t", skip: 0, limit: 10 });
  assert.equal(records.length, 1);
});

test("the same id given twice begins one composition, before its end and after it", async () => {
  const house = new House({ acts: ACTS });
  await deploy(house);
  const activationId = house.code.nextId();
  const first = await Promise.all([house.invoke("s", {}, { activationId }), house.invoke("s", {}, { activationId })]);
  assert.deepEqual(first[0], { kind: "accepted", activationId });
  assert.deepEqual(first[1], first[0]);
  await house.record(activationId);
  const runs = house.invoker.begun.length;
  assert.deepEqual(await house.invoke("s", {}, { activationId }), first[0]);
  await until(() => house.compositions.inFlight(guest) === 0 || undefined, "nothing in flight");
  assert.equal(house.invoker.begun.length, runs);
});

test("a caller that is gone at the next start ends the composition, with records that say so", async () => {
  const stores = memoryStores({ clock: systemClock });
  // Dies with its first component to be looked for.
  const dying = new Dying(stores, "first", { writes: 1, lastIsDone: true });
  await deploy(dying.house);
  void dying.house.invoke("s");
  await until(() => dying.isDead || undefined, "the death");
  const second = new House({ stores, me: "second", acts: ACTS });
  second.identity = undefined;
  const [entry] = await stores.activations.unfinished(undefined, 1);
  await second.recover();
  const record = await checkTree(second, entry!.message.activationId);
  assert.deepEqual(record.response, {
    statusCode: 3,
    result: { error: "The composition was stopped: the namespace that began it is blocked or gone." },
  });
});

test("a stop waits for compositions; past its deadline the journaled ones stay for the next start", async () => {
  const house = new House({ acts: ACTS });
  await deploy(house);
  const running = house.invoke("s", {}, { waitMs: 60_000 });
  const promised = await house.invoke("s");
  assert(promised.kind === "accepted");
  assert.equal(await house.code.close(5_000), true);
  assert((await running).kind === "done");
  await house.record(promised.activationId);
  await assert.rejects(house.invoke("s"), { code: "invoker/closing" });

  const stores = memoryStores({ clock: systemClock });
  const slow = new House({ stores, acts: { ...ACTS, a: () => new Promise(() => {}) } });
  await deploy(slow);
  const waiting = assert.rejects(slow.invoke("s", {}, { waitMs: 60_000 }), { code: "invoker/closing" });
  const kept = await slow.invoke("s");
  await until(() => slow.invoker.begun[1], "two runs");
  assert.equal(await slow.code.close(1), false);
  await waiting;
  await until(() => (slow.code.size === 0 ? true : undefined), "nothing left");
  assert(kept.kind === "accepted");
  const entries = await stores.activations.unfinished(undefined, 10);
  assert.deepEqual(
    entries.map(({ message }) => message.activationId),
    [kept.activationId],
  );
});

test("an entry that this version cannot read stays in the journal and disturbs nobody", async () => {
  const stores = memoryStores({ clock: systemClock });
  const dying = new Dying(stores, "first", { writes: 2, lastIsDone: true });
  await deploy(dying.house);
  void dying.house.invoke("s");
  await until(() => dying.isDead || undefined, "the death");
  const [entry] = await stores.activations.unfinished(undefined, 1);
  assert(entry !== undefined && "composition" in entry.message);
  await stores.activations.advance({ ...entry.message, composition: { format: 99 } }, entry.owner);
  const second = new House({ stores, me: "second", acts: ACTS, identity: identityOf() });
  assert.deepEqual(await second.recover(), { resumed: 0, lost: 0 });
  assert.equal((await stores.activations.unfinished(undefined, 10)).length, 1);
});

test("a store that is busy for a moment holds a promised composition up, and no more", async () => {
  let calls = 0;
  const wrap = (inner: ActivationStore): ActivationStore =>
    new Proxy(inner, {
      get: (target, key: keyof ActivationStore) => {
        if (!["mark", "advance", "finish"].includes(key)) return target[key].bind(target);
        const method = target[key].bind(target) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          calls += 1;
          if (calls % 3 === 0) throw new PlatformError("store/unavailable", "busy");
          return await method(...args);
        };
      },
    });
  const house = new House({ acts: ACTS, wrap });
  await deploy(house);
  await house.put("t", { components: ["a", "inner", "a"] });
  const answer = await house.invoke("t");
  assert(answer.kind === "accepted");
  assert.deepEqual((await checkTree(house, answer.activationId)).response.result, { n: 4 });
  const ids = house.invoker.begun.map(({ message }) => message.activationId);
  assert.equal(new Set(ids).size, ids.length, "nothing ran twice");
});
