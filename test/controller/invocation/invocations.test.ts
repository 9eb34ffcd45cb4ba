import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalInvocations } from "../../../src/controller/invocation/invocations.ts";
import { recoverJournal } from "../../../src/controller/invocation/recovery.ts";
import { ManualClock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import { asId, type Incarnation } from "../../../src/kernel/ids.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { ActivationStore, StoredActivation } from "../../../src/store/ports.ts";
import { actionOf, identityOf, messageNumber, outcomeOf } from "../../support/messages.ts";
import { ScriptedInvoker } from "../../support/scripted-invoker.ts";

const me = asId<Incarnation>("me");
const transactionId = asId<never>("tid");
const guest = asId<never>("guest");

function platform(over: { activations?: Partial<ActivationStore>; inFlightMax?: number } = {}) {
  const clock = new ManualClock();
  const stores = memoryStores({ clock });
  const activations = overlay(stores.activations, over.activations ?? {});
  const invoker = new ScriptedInvoker();
  const options = { ...defaultOptions().invocation, inFlightMax: over.inFlightMax ?? 100 };
  const random = seededRandom("invocations");
  const invocations = new LocalInvocations({ options, invoker, activations, me, clock, random, log: silentLog });
  const call = (payload = {}, waitMs?: number) =>
    invocations.invoke({
      identity: identityOf(),
      action: actionOf(),
      payload,
      transactionId,
      ...(waitMs === undefined ? undefined : { waitMs }),
    });
  return { activations, invoker, invocations, call, random };
}

function overlay(base: ActivationStore, over: Partial<ActivationStore>): ActivationStore {
  return new Proxy(base, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in over ? over : target, key);
      return typeof value === "function" ? (value.bind(key in over ? over : target) as unknown) : value;
    },
  });
}

async function until<T>(probe: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

function pendingState(stored: StoredActivation | undefined): string | undefined {
  return stored?.kind === "pending" ? stored.entry.state : stored?.kind;
}

test("a non-blocking call is in the journal before its id is given away", async () => {
  const { call, activations } = platform();
  const result = await call();
  assert.equal(result.kind, "accepted");
  assert(result.kind === "accepted");
  assert.notEqual(await activations.get(guest, result.activationId), undefined);
});

test("a call whose journal entry cannot be written is refused and never dispatched", async () => {
  const failing = () => Promise.reject(new PlatformError("store/unavailable", "disk full"));
  const { call, invoker, invocations } = platform({ activations: { accept: failing } });
  await assert.rejects(call(), { code: "store/unavailable" });
  assert.equal(invoker.taken.length, 0);
  assert.equal(invocations.inFlight(guest), 0);
});

test("the same id given twice is accepted twice and runs once, before its end and after it", async () => {
  const { activations, invoker, invocations } = platform();
  const activationId = messageNumber(7).activationId;
  const call = () =>
    invocations.invoke({ identity: identityOf(), action: actionOf(), payload: {}, transactionId, activationId });
  assert.deepEqual(await call(), { kind: "accepted", activationId });
  assert.deepEqual(await call(), { kind: "accepted", activationId });
  const { events } = await invoker.next();
  events.onComplete(outcomeOf({ ok: true }), []);
  await until(async () => pendingState(await activations.get(guest, activationId)) === "final" || undefined, "the end");
  assert.deepEqual(await call(), { kind: "accepted", activationId });
  assert.equal(invoker.taken.length, 0);
  assert.equal(invocations.inFlight(guest), 0);
});

test("the running mark is durable before a promised activation enters a container", async () => {
  const { call, invoker, activations } = platform();
  await call();
  const { message, events } = await invoker.next();
  await events.beforeRun();
  assert.equal(pendingState(await activations.get(guest, message.activationId)), "running");
});

test("a blocking call waits for nothing before it runs, and its record follows its answer", async () => {
  const { call, invoker, activations, invocations } = platform();
  const answer = call({ name: "Ada" }, 60_000);
  const { message, events } = await invoker.next();
  assert.deepEqual(message.args, { name: "Ada" });
  assert.equal(events.beforeRun(), undefined);
  events.onResult(outcomeOf({ ok: true }));
  const result = await answer;
  assert(result.kind === "done");
  assert.deepEqual(result.record.response, { statusCode: 0, result: { ok: true } });
  assert.deepEqual(result.record.logs, []);
  events.onComplete(outcomeOf({ ok: true }), ["a line"]);
  const stored = await until(async () => activations.get(guest, message.activationId), "the record");
  assert(stored.kind === "final");
  assert.deepEqual(stored.record.logs, ["a line"]);
  await until(() => (invocations.inFlight(guest) === 0 ? true : undefined), "an empty sky");
});

test("a wait that is over becomes a promise: journaled as far as it has come, then 202", async () => {
  const { call, invoker, activations } = platform();
  const answer = call({}, 5);
  const { message, events } = await invoker.next();
  void events.beforeRun();
  const result = await answer;
  assert.deepEqual(result, { kind: "accepted", activationId: message.activationId });
  assert.equal(pendingState(await activations.get(guest, message.activationId)), "running");
  events.onResult(outcomeOf({ late: true }));
  events.onComplete(outcomeOf({ late: true }), []);
  const final = await until(async () => {
    const stored = await activations.get(guest, message.activationId);
    return stored?.kind === "final" ? stored : undefined;
  }, "the late record");
  assert.deepEqual(final.record.response.result, { late: true });
});

test("a blocking call that is refused hears the refusal and leaves nothing", async () => {
  const { call, invoker, activations, invocations } = platform();
  const answer = call({}, 60_000);
  const { message, events } = await invoker.next();
  events.onRefused(new PlatformError("invoker/buffer-full", "full"));
  await assert.rejects(answer, { code: "invoker/buffer-full" });
  assert.equal(await activations.get(guest, message.activationId), undefined);
  assert.equal(invocations.inFlight(guest), 0);
});

test("a promised activation that finds the buffer full is tried again", async () => {
  const { call, invoker } = platform();
  await call();
  const first = await invoker.next();
  first.events.onRefused(new PlatformError("invoker/buffer-full", "full"));
  const second = await invoker.next();
  assert.equal(second.message.activationId, first.message.activationId);
});

test("a promised activation that can never run ends as a whisk error", async () => {
  const { call, invoker, activations } = platform();
  await call();
  const { message, events } = await invoker.next();
  events.onRefused(new PlatformError("invoker/too-large", "the action needs 512 MB of 256 MB"));
  const final = await until(async () => {
    const stored = await activations.get(guest, message.activationId);
    return stored?.kind === "final" ? stored : undefined;
  }, "the whisk error");
  assert.equal(final.record.response.statusCode, 3);
});

test("a record that the store cannot take is offered again until it can", async () => {
  let refusals = 3;
  const clock = new ManualClock();
  const inner = memoryStores({ clock }).activations;
  const { call, invoker } = platform({
    activations: {
      accept: (entry) => inner.accept(entry),
      mark: (id, state, owner) => inner.mark(id, state, owner),
      finish: (record, how) => {
        refusals -= 1;
        return refusals >= 0 ? Promise.reject(new Error("disk full")) : inner.finish(record, how);
      },
    },
  });
  await call();
  const { message, events } = await invoker.next();
  await events.beforeRun();
  events.onResult(outcomeOf({}));
  events.onComplete(outcomeOf({}), []);
  const stored = await until(async () => {
    const found = await inner.get(guest, message.activationId);
    return found?.kind === "final" ? found : undefined;
  }, "the record");
  assert.equal(stored.record.activationId, message.activationId);
});

test("more activations in flight than allowed are refused by name, and change nothing", async () => {
  const { call, invocations } = platform({ inFlightMax: 2 });
  await call();
  await call();
  await assert.rejects(call(), { code: "invoker/buffer-full" });
  assert.equal(invocations.inFlight(guest), 2);
});

test("a payload that sets a final parameter is refused", async () => {
  const { invocations, invoker } = platform();
  const action = actionOf({
    parameters: [
      { key: "fixed", value: 1 },
      { key: "unset", value: null },
    ],
    annotations: [{ key: "final", value: true }],
  });
  const request = { identity: identityOf(), action, payload: { fixed: 2 }, transactionId };
  await assert.rejects(invocations.invoke(request), { code: "request/malformed" });
  await invocations.invoke({ ...request, payload: { unset: 3 } });
  assert.deepEqual((await invoker.next()).message.args, { fixed: 1, unset: 3 }, "what has no value is not final");
});

test("parameters are merged under the payload, and init parameters go to the environment", async () => {
  const { invocations, invoker } = platform();
  const action = actionOf({
    parameters: [
      { key: "a", value: 1 },
      { key: "b", value: 2 },
      { key: "SECRET", value: { deep: true }, init: true },
    ],
    annotations: [],
  });
  await invocations.invoke({ identity: identityOf(), action, payload: { b: 3 }, transactionId });
  const { message } = await invoker.next();
  assert.deepEqual(message.args, { a: 1, b: 3 });
  assert.deepEqual(message.initEnv, { SECRET: '{"deep":true}' });
  assert.equal(message.caller.apiKey, identityOf().authKey, "stored without the annotation means it wants the key");
});

test("a stop leaves unfinished promises in the journal and cuts waiting callers", async () => {
  const { call, invocations, invoker, activations } = platform();
  const promised = await call();
  assert(promised.kind === "accepted");
  const waiting = call({}, 60_000);
  const [first] = [await invoker.next(), await invoker.next()];
  const rejected = assert.rejects(waiting, { code: "invoker/closing" });
  assert.equal(await invocations.close(1), false, "something was cut");
  await rejected;
  first.events.onComplete(outcomeOf({ error: "killed by the stop" }), []);
  assert.equal((await activations.get(guest, promised.activationId))?.kind, "pending");
  await assert.rejects(call(), { code: "invoker/closing" });
});

test("a successor runs what never began, ends what had begun, and repeats what may be repeated", async () => {
  const { activations, invoker, invocations, random } = platform();
  const dead = asId<Incarnation>("dead");
  const fresh = messageNumber(1);
  const begun = messageNumber(2);
  const repeatable = messageNumber(3, { retryOnLoss: true });
  await activations.accept({ message: fresh, state: "accepted", owner: dead });
  await activations.accept({ message: begun, state: "running", owner: dead });
  await activations.accept({ message: repeatable, state: "running", owner: dead });
  const compositions = { resume: () => assert.fail("there are none") };
  const deps = { activations, invocations, compositions, me, page: 2, random, log: silentLog };
  const report = await recoverJournal(deps, new AbortController().signal);
  assert.deepEqual(report, { resumed: 2, lost: 1 });
  assert.deepEqual(
    invoker.taken.map(({ message }) => message.activationId),
    [fresh.activationId, repeatable.activationId],
  );
  const lost = await activations.get(guest, begun.activationId);
  assert(lost?.kind === "final");
  assert.equal(lost.record.response.statusCode, 3);
  assert.match(JSON.stringify(lost.record.response.result), /was lost/);
  for (const { events } of invoker.taken) {
    await events.beforeRun();
    events.onComplete(outcomeOf({ ok: true }), []);
  }
  const done = await until(async () => {
    const stored = await activations.get(guest, fresh.activationId);
    return stored?.kind === "final" ? stored : undefined;
  }, "the rerun's record");
  assert.equal(done.record.response.statusCode, 0);
});
