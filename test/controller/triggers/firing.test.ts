import assert from "node:assert/strict";
import { test } from "node:test";
import type { InvokeRequest } from "../../../src/controller/invocation/port.ts";
import type { FiringIds } from "../../../src/controller/triggers/firing.ts";
import { inParallel } from "../../../src/controller/triggers/parallel.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import {
  type ActivationId,
  asId,
  type EntityPath,
  type Namespace,
  type TransactionId,
} from "../../../src/kernel/ids.ts";
import type { ActivationStore, Stores } from "../../../src/store/ports.ts";
import { identityOf } from "../../support/messages.ts";
import { type Harness, nextId, source, startApi } from "../api/harness.ts";

const TREE = "/api/v1/namespaces/_";
const GUEST = asId<Namespace>("guest");

test("every way a rule can fail is its line in the record, and stops no other rule", async () => {
  await using api = await startApi();
  await prepare(api, ["good", "gone", "busy", "broken", "throttled"]);
  await api.call("DELETE", `${TREE}/actions/gone`);
  answerBy(api, {
    busy: () => Promise.reject(new PlatformError("store/unavailable", "disk full")),
    broken: () => Promise.reject(new TypeError("a defect")),
    throttled: () => Promise.reject(new PlatformError("limits/rate", "Too many requests in the last minute")),
  });
  const lines = await linesOf(api, await fire(api));
  const { activationId, ...good } = lines["good"];
  assert.equal(activationId.length, 32);
  assert.deepEqual(good, { statusCode: 0, success: true, rule: "guest/r-good", action: "guest/good" });
  assert.deepEqual(
    ["gone", "busy", "broken", "throttled"].map((name) => [
      lines[name].statusCode,
      lines[name].success,
      lines[name].error,
    ]),
    [
      [1, false, "The requested resource does not exist."],
      [3, false, "disk full"],
      [3, false, "There was an internal server error."],
      [1, false, "Too many requests in the last minute"],
    ],
  );
});

test("the actions of rules are throttled as invocations, one by one", async () => {
  await using api = await startApi();
  await prepare(api, ["a", "b", "c"]);
  const identity = identityOf({ invocationsPerMinute: 2 });
  const lines = Object.values(await linesOf(api, await fire(api, { identity })));
  const failed = lines.filter(({ success }) => success === false);
  assert.equal(lines.length, 3);
  assert.deepEqual(
    failed.map(({ statusCode, error }) => [statusCode, error]),
    [[1, "Too many requests in the last minute (count: 3, allowed: 2)."]],
  );
  assert.equal(api.invocations.calls.length, 2);
});

test("kinds that the namespace may not use, and kinds of the past, fail as they do for a caller", async () => {
  await using api = await startApi();
  await prepare(api, ["a"]);
  const identity = identityOf({ allowedKinds: ["nodejs:99"] });
  const [line] = Object.values(await linesOf(api, await fire(api, { identity })));
  assert.deepEqual(
    [line.statusCode, line.error],
    [1, "The supplied authentication is not authorized to access actions of kind 'nodejs:24'."],
  );
});

test("arguments that together are too large for a call are told to each rule", async () => {
  await using api = await startApi();
  await prepare(api, ["a", "b"], { parameters: [{ key: "p", value: "x".repeat(700_000) }] });
  const payload = { q: "y".repeat(400_000) };
  const lines = await linesOf(api, await fire(api, { payload }));
  for (const name of ["a", "b"]) {
    assert.equal(lines[name].statusCode, 1);
    assert.match(lines[name].error, /^Request larger than allowed: 110\d{4} > 1048576 bytes\.$/);
  }
  const exact = { p: "", q: "y".repeat(1_048_576 - '{"p":"","q":""}'.length) };
  const fits = await linesOf(api, await fire(api, { payload: exact }));
  assert.equal(fits["a"].statusCode, 0);
});

test("a firing that could start nothing just now is refused and leaves no record; one that started something is not", async () => {
  await using api = await startApi();
  await prepare(api, ["a", "b"]);
  const closing = (): Promise<never> =>
    Promise.reject(new PlatformError("invoker/closing", "the platform is stopping"));
  answerBy(api, { a: closing, b: closing });
  await assert.rejects(fire(api), { code: "invoker/closing" });
  const reply = await api.call("POST", `${TREE}/triggers/t`, { json: {} });
  assert.deepEqual([reply.status, reply.headers["retry-after"]], [503, "1"]);
  assert.deepEqual((await api.call("GET", `${TREE}/activations`)).body, []);
  answerBy(api, { a: closing });
  const lines = await linesOf(api, await fire(api));
  assert.deepEqual([lines["a"].statusCode, lines["b"].statusCode], [3, 0]);
});

test("the id is given away only when every rule is journaled and the record is stored", async () => {
  const steps: string[] = [];
  const { wrap, gates } = gatedFinish(steps);
  await using api = await startApi({ wrap });
  await prepare(api, ["a", "b"]);
  const holds = new Map<string, PromiseWithResolvers<void>>();
  for (const name of ["a", "b"]) holds.set(name, Promise.withResolvers());
  const hold = async (name: string): Promise<void> => {
    await holds.get(name)?.promise;
    steps.push(name);
  };
  answerBy(api, { a: () => hold("a"), b: () => hold("b") });
  const fired = fire(api).then(() => steps.push("answered"));
  for (const name of ["b", "a"]) {
    await settle();
    holds.get(name)?.resolve();
  }
  await settle();
  assert.deepEqual(steps, ["b", "a", "finish begins"]);
  gates.open();
  await fired;
  assert.deepEqual(steps, ["b", "a", "finish begins", "finished", "answered"]);
});

test("a record that cannot be stored refuses the firing", async () => {
  await using api = await startApi({
    wrap: overActivations({ finish: () => Promise.reject(new PlatformError("store/unavailable", "disk full")) }),
  });
  await prepare(api, ["a"]);
  const reply = await api.call("POST", `${TREE}/triggers/t`, { json: {} });
  assert.deepEqual([reply.status, reply.headers["x-skein-error"]], [503, "store/unavailable"]);
});

test("fired again under the same ids, it does what is missing and nothing twice", async () => {
  let firstTry = true;
  const over = (stores: Stores): Partial<ActivationStore> => ({
    finish: async (record, how) => {
      if (firstTry && record.name === "t") throw new PlatformError("store/unavailable", "the process died here, say");
      return await stores.activations.finish(record, how);
    },
  });
  await using api = await startApi({ wrap: (stores) => overActivations(over(stores))(stores) });
  await prepare(api, ["a", "b"]);
  api.invocations.answer = async ({ action, activationId }) => {
    assert.ok(activationId);
    if (action.path === "b" && firstTry) throw new PlatformError("invoker/closing", "not at the first try");
    await keepTrace(api, activationId);
    return { kind: "accepted", activationId };
  };
  const ids = idsOf("1");
  await assert.rejects(fire(api, { ids }), { code: "store/unavailable" });
  firstTry = false;
  assert.deepEqual(names(api.invocations.calls), ["a", "b"]);
  const fired = await fire(api, { ids });
  assert.deepEqual(fired, { kind: "fired", activationId: ids.trigger });
  assert.deepEqual(names(api.invocations.calls), ["a", "b", "b"], "a was there already");
  const lines = await linesOf(api, fired);
  assert.equal(lines["a"].activationId, ids.rule(asId("r-a")));
  assert.equal(lines["b"].activationId, ids.rule(asId("r-b")));
  assert.deepEqual(await fire(api, { ids }), fired);
  assert.equal(api.invocations.calls.length, 3, "its record says that all is done");
  const other = await fire(api, { ids: idsOf("2") });
  assert.equal(other.kind, "fired");
  assert.equal(api.invocations.calls.length, 5);
});

test("a namespace that keeps no records fires all the same", async () => {
  await using api = await startApi();
  await prepare(api, ["a"]);
  const fired = await fire(api, { identity: identityOf({ storeActivations: false }) });
  assert.equal(fired.kind, "fired");
  assert.equal(api.invocations.calls.length, 1);
  assert.deepEqual((await api.call("GET", `${TREE}/activations`)).body, []);
});

test("200 rules of one trigger each start once, a bounded number at a time, and each has its line", async () => {
  await using api = await startApi();
  await prepare(api, ["a"]);
  for (let i = 0; i < 199; i += 1) {
    const put = await api.call("PUT", `${TREE}/rules/r${i}`, { json: { trigger: "/_/t", action: "/_/a" } });
    assert.equal(put.status, 200);
  }
  let [now, most] = [0, 0];
  api.invocations.answer = async () => {
    now += 1;
    most = Math.max(most, now);
    await settle();
    now -= 1;
    return { kind: "accepted", activationId: nextId() };
  };
  const fired = await fire(api);
  assert.equal(api.invocations.calls.length, 200);
  assert.ok(most > 1 && most <= 32, `${most} at once`);
  const [id] = fired.kind === "fired" ? [fired.activationId] : [];
  const record = await api.call("GET", `${TREE}/activations/${id}`);
  const lines = record.body.logs.map((line: string) => JSON.parse(line));
  assert.equal(new Set(lines.map(({ rule }: { rule: string }) => rule)).size, 200);
  assert.equal(new Set(lines.map(({ activationId }: { activationId: string }) => activationId)).size, 200);
  assert.equal((await api.call("GET", `${TREE}/triggers/t`)).body.rules["guest/r198"].status, "active");
});

test("in parallel means in order, bounded, and no further than the first failure", async () => {
  assert.deepEqual(await inParallel([], 3, () => 1), []);
  assert.deepEqual(await inParallel([3, 1, 2], 2, async (n) => n * 2), [6, 2, 4]);
  const begun: number[] = [];
  const failing = inParallel([0, 1, 2, 3, 4, 5], 2, async (n) => {
    begun.push(n);
    await settle();
    if (n === 1) throw new Error("no");
  });
  await assert.rejects(failing, /no/);
  await settle();
  assert.ok(!begun.includes(4), begun.join());
});

interface Fired {
  readonly identity?: ReturnType<typeof identityOf>;
  readonly payload?: Record<string, string>;
  readonly ids?: FiringIds;
}

function fire(api: Harness, over: Fired = {}) {
  return api.controller.firing.fire({
    identity: over.identity ?? identityOf(),
    trigger: { namespace: GUEST, path: asId("t") },
    payload: over.payload ?? {},
    transactionId: asId<TransactionId>("tid"),
    ...(over.ids === undefined ? {} : { ids: over.ids }),
  });
}

/** Trigger `t`, and for each name an action and the rule `r-<name>` between them. */
async function prepare(api: Harness, actions: readonly string[], trigger: object = {}): Promise<void> {
  await api.call("PUT", `${TREE}/triggers/t`, { json: trigger });
  for (const name of actions) {
    await api.call("PUT", `${TREE}/actions/${name}`, { json: source() });
    const put = await api.call("PUT", `${TREE}/rules/r-${name}`, { json: { trigger: "/_/t", action: `/_/${name}` } });
    assert.equal(put.status, 200, put.text);
  }
}

/** Has the actions named do that before they are accepted; the others are accepted. */
function answerBy(api: Harness, by: Readonly<Record<string, () => Promise<void>>>): void {
  api.invocations.answer = async ({ action }) => {
    await by[action.path]?.();
    return { kind: "accepted", activationId: nextId() };
  };
}

// Lines have different fields; assertions are what checks them.
// oxlint-disable-next-line typescript/no-explicit-any -- see above
async function linesOf(api: Harness, fired: Awaited<ReturnType<typeof fire>>): Promise<Record<string, any>> {
  assert.equal(fired.kind, "fired");
  const record = await api.call("GET", `${TREE}/activations/${fired.activationId}`);
  const lines = record.body.logs.map((line: string) => JSON.parse(line));
  return Object.fromEntries(lines.map((line: { action: string }) => [line.action.slice("guest/".length), line]));
}

function names(calls: readonly InvokeRequest[]): readonly string[] {
  return calls.map(({ action }) => action.path).sort();
}

/** Ids that a tick would derive. */
function idsOf(tick: string): FiringIds {
  const pad = (text: string): ActivationId =>
    asId(
      Buffer.from(text + tick)
        .toString("hex")
        .padStart(32, "0"),
    );
  return { trigger: pad("t"), rule: (rule: EntityPath) => pad(rule) };
}

/** What an accepted activation leaves in the store, sooner or later. */
async function keepTrace(api: Harness, activationId: ActivationId): Promise<void> {
  const record = {
    namespace: GUEST,
    name: "a",
    version: "0.0.1",
    subject: "guest",
    activationId,
    start: 1,
    response: { statusCode: 0, result: {} },
    logs: [],
    annotations: [],
    publish: false,
  } as const;
  await api.stores.activations.finish(record, { path: "a" });
}

function overActivations(over: Partial<ActivationStore>): (stores: Stores) => Stores {
  return (stores) => ({
    ...stores,
    activations: new Proxy(stores.activations, {
      get: (target, key) => {
        const value: unknown = Reflect.get(key in over ? over : target, key);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    }),
    close: () => stores.close(),
  });
}

/** Tells when a record begins to be stored, and holds it there. */
function gatedFinish(steps: string[]) {
  const gate = Promise.withResolvers<void>();
  const wrap = (stores: Stores): Stores =>
    overActivations({
      finish: async (record, how) => {
        steps.push("finish begins");
        await gate.promise;
        const result = await stores.activations.finish(record, how);
        steps.push("finished");
        return result;
      },
    })(stores);
  return { wrap, gates: { open: () => gate.resolve() } };
}

/** Lets everything that needs no outside go as far as it comes. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
}
