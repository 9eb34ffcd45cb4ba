import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "../../../src/kernel/errors.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { isJsonObject } from "../../../src/kernel/json.ts";
import { identityOf } from "../../support/messages.ts";
import { type Act, annotation, gate, guest, House, until } from "./house.ts";

const add: Act = (args) => ({ n: (isJsonObject(args) && typeof args["n"] === "number" ? args["n"] : 0) + 1 });

async function chain(acts: Record<string, Act> = {}): Promise<House> {
  const house = new House({ acts: { a: add, b: add, c: add, ...acts } });
  await house.put("a");
  await house.put("b", { memory: 512 });
  await house.put("c", { memory: 128 });
  await house.put("s", { components: ["a", "b", "c"] });
  return house;
}

test("a blocking sequence answers its record, and every record names its cause", async () => {
  const house = await chain();
  const answered = await house.run("s", { n: 1 });
  assert.deepEqual(answered.response, { statusCode: 0, result: { n: 4 } });
  const stored = await house.record(answered.activationId);
  assert.deepEqual(stored, answered);
  assert.equal(stored.name, "s");
  assert.equal(stored.cause, undefined);
  assert.equal(stored.duration, 15);
  assert.deepEqual(
    stored.annotations.filter(({ key }) => key !== "waitTime"),
    [
      { key: "topmost", value: true },
      { key: "path", value: "guest/s" },
      { key: "kind", value: "sequence" },
      { key: "limits", value: { timeout: 60_000, memory: 512, logs: 10, concurrency: 1 } },
    ],
  );
  assert.equal(stored.logs.length, 3);
  for (const [index, id] of stored.logs.entries()) {
    const component = await house.record(id);
    assert.equal(component.name, ["a", "b", "c"][index]);
    assert.equal(component.cause, stored.activationId);
    assert.equal(annotation(component, "causedBy"), "sequence");
    assert.deepEqual(component.logs, ["a line"]);
  }
  assert.equal(house.compositions.inFlight(guest), 0);
  assert.deepEqual(await house.stores.activations.unfinished(undefined, 10), []);
});

test("parameters of a component are merged under what comes in, and an array takes their place", async () => {
  const house = new House({ acts: { list: () => [1, 2] } });
  await house.put("a", { parameters: { p: 1, q: 1 } });
  await house.put("list");
  await house.put("s", { components: ["a", "list", "a"] });
  const { response } = await house.run("s", { q: 2 });
  assert.deepEqual(response.result, [1, 2]);
  assert.deepEqual(
    house.invoker.begun.map(({ message }) => message.args),
    [{ p: 1, q: 2 }, { p: 1, q: 2 }, [1, 2]],
  );
});

test("final parameters of a sequence and of a conductor bind the caller, those of components do not", async () => {
  const house = new House();
  await house.put("a", { parameters: { p: 1 }, annotations: { final: true } });
  await house.put("s", { components: ["a"] });
  await house.put("c", { parameters: { p: 1 }, annotations: { final: true, conductor: true } });
  assert.deepEqual((await house.run("s", { p: 2 })).response.result, { p: 2 });
  await assert.rejects(house.run("c", { p: 2 }), { code: "request/malformed" });
  assert.equal(house.invoker.begun.length, 1);
});

test("a sequence whose components its caller may not use does not begin", async () => {
  const house = await chain();
  await house.put("s", { components: ["a", "/other/x"] });
  await assert.rejects(house.run("s"), { code: "auth/forbidden" });
  assert.equal(house.invoker.begun.length, 0);
  assert.equal(house.compositions.inFlight(guest), 0);
});

test("a component that is deleted in mid-run is missing in its turn; one that is updated runs as it is then", async () => {
  const first = gate();
  const house = await chain({
    a: async (args, message) => {
      await first.opened;
      return add(args, message) as never;
    },
  });
  const running = house.run("s");
  await until(() => house.invoker.begun[0], "the first component");
  await house.put("b", { memory: 256, parameters: { fresh: true } });
  await house.entities.actions.remove({ namespace: guest, path: asId("c") });
  first.open();
  const record = await running;
  assert.deepEqual(record.response, { statusCode: 1, result: { error: "Sequence component does not exist." } });
  assert.deepEqual(house.invoker.begun[1]?.message.args, { fresh: true, n: 1 });
  assert.equal(record.logs.length, 2);
});

test("a kind that the namespace may not use is refused inside of a sequence too", async () => {
  const house = new House({ identity: identityOf({ allowedKinds: ["java:8"] }) });
  await house.put("a");
  await house.put("s", { components: ["a"] });
  const { response } = await house.run("s");
  const error = "The supplied authentication is not authorized to access actions of kind 'nodejs:24'.";
  assert.deepEqual(response, { statusCode: 1, result: { error } });
});

test("a conductor's composition is recorded as such, pinned to the revision that began", async () => {
  const act: Act = (args) => {
    const { i = 0, n = 0 } = args as Record<string, number>;
    return i < 2 ? { action: "a", params: { n }, state: { i: i + 1 } } : { params: { n } };
  };
  const house = await chain({ conduct: act });
  await house.put("conduct", { annotations: { conductor: true }, memory: 256 });
  house.invoker.acts.set("a", async (args, message) => {
    await house.entities.actions.remove({ namespace: guest, path: asId("conduct") }).catch(() => undefined);
    return add(args, message) as never;
  });
  const answered = await house.run("conduct", { n: 1 });
  assert.deepEqual(answered.response, { statusCode: 0, result: { n: 3 } });
  assert.equal(answered.logs.length, 5);
  assert.equal(annotation(answered, "conductor"), true);
  assert.equal(annotation(answered, "topmost"), true);
  assert.equal(annotation(answered, "kind"), "sequence");
  const kinds = await Promise.all(answered.logs.map(async (id) => (await house.record(id)).name));
  assert.deepEqual(kinds, ["conduct", "a", "conduct", "a", "conduct"]);
});

test("nested compositions have records of their own, which say that they are not topmost", async () => {
  const house = await chain();
  await house.put("outer", { components: ["a", "s"] });
  const outer = await house.run("outer");
  assert.deepEqual(outer.response.result, { n: 4 });
  const inner = await house.record(outer.logs[1]!);
  assert.equal(inner.name, "s");
  assert.equal(inner.cause, outer.activationId);
  assert.equal(annotation(inner, "topmost"), false);
  assert.equal(annotation(inner, "causedBy"), "sequence");
  assert.equal(annotation(inner, "path"), "guest/s");
  assert.equal(inner.logs.length, 3);
  const listed = await house.stores.activations.list({ namespace: guest, path: "s", skip: 0, limit: 10 });
  assert.deepEqual(
    listed.map(({ activationId }) => activationId),
    [inner.activationId],
  );
});

test("a composition counts as one in flight, its components do not", async () => {
  const hold = gate();
  const house = await chain({ a: () => hold.opened.then(() => ({})) });
  const running = house.run("s");
  await until(() => house.invoker.begun[0], "the first component");
  assert.equal(house.compositions.inFlight(guest), 1);
  assert.equal(house.code.size, 1);
  hold.open();
  await running;
  assert.equal(house.compositions.inFlight(guest), 0);
});

test("compositions beyond the bound of what is in flight are refused, and change nothing", async () => {
  const hold = gate();
  const house = new House({ inFlightMax: 1, acts: { a: () => hold.opened.then(() => ({})) } });
  await house.put("a");
  await house.put("s", { components: ["a"] });
  const running = house.run("s");
  await assert.rejects(house.invoke("s"), { code: "invoker/buffer-full" });
  await assert.rejects(house.invoke("a"), { code: "invoker/buffer-full" });
  assert.deepEqual(await house.stores.activations.unfinished(undefined, 10), []);
  hold.open();
  await running;
});

test("what is refused before anything ran is the caller's; once something ran it is tried again", async () => {
  const full = new PlatformError("invoker/buffer-full", "full");
  const house = await chain({ a: () => full });
  // A refusal in the script comes after the begin; the first component must never have begun.
  house.invoker.dispatch = (_message, events) => setImmediate(() => events.onRefused(full));
  await assert.rejects(house.run("s"), { code: "invoker/buffer-full" });
  assert.equal(house.compositions.inFlight(guest), 0);
  const again = await chain();
  const dispatch = again.invoker.dispatch.bind(again.invoker);
  let refusals = 2;
  again.invoker.dispatch = (message, events) => {
    if (message.action.path === "b" && (refusals -= 1) >= 0) setImmediate(() => events.onRefused(full));
    else dispatch(message, events);
  };
  assert.deepEqual((await again.run("s")).response.result, { n: 3 });
});

test("a component that no invoker can ever run ends the sequence as the platform's fault, with a record for both", async () => {
  const house = await chain();
  const dispatch = house.invoker.dispatch.bind(house.invoker);
  const error = new PlatformError("invoker/too-large", "it needs 512 MB of 256 MB");
  house.invoker.dispatch = (message, events) =>
    message.action.path === "b" ? void setImmediate(() => events.onRefused(error)) : dispatch(message, events);
  const record = await house.run("s");
  assert.equal(record.response.statusCode, 3);
  assert.equal(record.logs.length, 2);
  assert.deepEqual((await house.record(record.logs[1]!)).response, record.response);
});

test("a namespace that keeps no records gets none of its compositions either", async () => {
  const house = new House({ identity: identityOf({ storeActivations: false }) });
  await house.put("a");
  await house.put("inner", { components: ["a"] });
  await house.put("s", { components: ["a", "inner"] });
  assert.deepEqual((await house.run("s", { x: 1 })).response.result, { x: 1 });
  const promised = await house.invoke("s", { x: 1 });
  assert.equal(promised.kind, "accepted");
  await until(
    async () => (await house.stores.activations.unfinished(undefined, 1)).length === 0 || undefined,
    "the end",
  );
  assert.equal(await house.stores.activations.count({ namespace: guest, skip: 0 }), 0);
});

test("what is kept of a blocking sequence follows the level for blocking calls; a promised one's components are all kept", async () => {
  const options = { storeBlocking: "failures", storeNonBlocking: "failures" } as const;
  const names = async (house: House) => {
    const records = await house.stores.activations.list({ namespace: guest, skip: 0, limit: 10 });
    return records.map(({ name }) => name).sort();
  };
  const house = new House({ options });
  await house.put("a");
  await house.put("inner", { components: ["a"] });
  await house.put("s", { components: ["a", "inner"] });
  await house.run("s");
  assert.equal(await house.code.close(5_000), true);
  assert.deepEqual(await names(house), []);
  const second = new House({ options, stores: house.stores });
  await second.invoke("s");
  assert.equal(await second.code.close(5_000), true);
  // Its own record falls under the level for promised activations; it goes on from the others after a crash.
  assert.deepEqual(await names(second), ["a", "a", "inner"]);
});
