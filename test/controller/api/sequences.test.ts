import assert from "node:assert/strict";
import { test } from "node:test";
import { isJsonObject } from "../../../src/kernel/json.ts";
import { GUEST, type Harness, OTHER, source, startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";

const sequence = (...components: string[]) => ({ exec: { kind: "sequence", components } });

async function put(api: Harness, path: string, json: object, auth = GUEST): Promise<void> {
  const reply = await api.call("PUT", `${TREE}/${path}`, { json, auth });
  assert.equal(reply.status, 200, reply.text);
}

async function refused(api: Harness, path: string, json: object): Promise<readonly [number, string]> {
  const reply = await api.call("PUT", `${TREE}/${path}`, { json });
  return [reply.status, reply.body.error];
}

test("a sequence is kept with its components resolved, and shows them in OpenWhisk's places", async () => {
  await using api = await startApi();
  await put(api, "actions/a", source());
  await put(api, "packages/p", {});
  await put(api, "actions/p/b", source());
  const reply = await api.call("PUT", `${TREE}/actions/s`, {
    json: { ...sequence("/_/a", "/guest/p/b"), annotations: [{ key: "web-export", value: true }] },
  });
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.body.exec, { kind: "sequence", components: ["/guest/a", "/guest/p/b"], binary: false });
  assert.deepEqual(reply.body.parameters, [{ key: "_actions", value: ["/guest/a", "/guest/p/b"] }]);
  const annotations = Object.fromEntries(reply.body.annotations.map(({ key, value }: never) => [key, value]));
  assert.equal(annotations.exec, "sequence");
  assert.equal(annotations["web-export"], true);
});

test("a sequence that cannot be is refused in OpenWhisk's words, and nothing is changed", async () => {
  await using api = await startApi();
  await put(api, "actions/a", source());
  await put(api, "triggers/t", {});
  const cursor = await api.stores.changes.head();
  const many = Array.from({ length: 51 }, () => "/_/a");
  const refusals = [
    [sequence(...many), 400, "Too many actions in the sequence."],
    [sequence(), 400, "No component specified for the sequence."],
    [sequence("/_/a", "/_/none"), 400, "Sequence component does not exist."],
    [sequence("/_/nowhere/none"), 400, "Sequence component does not exist."],
    [sequence("/_/s"), 400, "Sequence may not refer to itself."],
    [sequence("/_/t"), 409, "Resource by this name exists but is not in this collection."],
    [sequence("/other/x"), 403, "The supplied authentication is not authorized to access 'other/x'."],
  ] as const;
  for (const [json, status, text] of refusals) {
    assert.deepEqual(await refused(api, "actions/s", json), [status, text]);
  }
  assert.equal(await api.stores.changes.head(), cursor);
  await put(api, "actions/s", sequence(...many.slice(1)));
  // What exists is told before what is wrong with what would replace it.
  assert.equal((await refused(api, "actions/s", sequence("/_/none")))[0], 409);
});

test("a sequence may not come to contain itself through others, nor through a binding", async () => {
  await using api = await startApi();
  await put(api, "actions/a", source());
  await put(api, "packages/p", {});
  await put(api, "packages/b", { binding: { namespace: "_", name: "p" } });
  await put(api, "actions/p/s", sequence("/_/a"));
  await put(api, "actions/outer", sequence("/_/p/s", "/_/a"));
  const cyclic = [400, "Sequence may not refer to itself."];
  assert.deepEqual(await refused(api, "actions/p/s?overwrite=true", sequence("/_/outer")), cyclic);
  assert.deepEqual(await refused(api, "actions/p/s?overwrite=true", sequence("/_/b/s")), cyclic);
  assert.deepEqual(await refused(api, "actions/p/new", sequence("/_/b/new")), cyclic);
});

test("the limit counts what nested sequences contain", async () => {
  await using api = await startApi();
  await put(api, "actions/a", source());
  await put(api, "actions/half", sequence(...Array.from({ length: 25 }, () => "/_/a")));
  await put(api, "actions/full", sequence("/_/half", "/_/half"));
  assert.deepEqual(await refused(api, "actions/over", sequence("/_/full", "/_/a")), [
    400,
    "Too many actions in the sequence.",
  ]);
});

test("components of others are open where they are published", async () => {
  await using api = await startApi();
  await put(api, "packages/open", { publish: true }, OTHER);
  await put(api, "actions/open/x", source(), OTHER);
  await put(api, "packages/shut", {}, OTHER);
  await put(api, "actions/shut/x", source(), OTHER);
  await put(api, "actions/s", sequence("/other/open/x"));
  assert.equal((await refused(api, "actions/s2", sequence("/other/shut/x")))[0], 403);
  const run = await api.call("POST", `${TREE}/actions/s?blocking=true&result=true`, { json: { n: 1 } });
  assert.deepEqual([run.status, run.body], [200, { n: 1 }]);
  // Withdrawn: the caller may not even begin.
  await put(api, "packages/open?overwrite=true", { publish: false }, OTHER);
  const components = api.invocations.components.length;
  assert.equal((await api.call("POST", `${TREE}/actions/s?blocking=true`)).status, 403);
  assert.equal(api.invocations.components.length, components);
});

test("a replaced sequence keeps its annotations but for those named in delAnnotations", async () => {
  await using api = await startApi();
  await put(api, "actions/a", source());
  const annotations = [
    { key: "one", value: 1 },
    { key: "two", value: 2 },
  ];
  await put(api, "actions/s", { ...sequence("/_/a"), annotations });
  const reply = await api.call("PUT", `${TREE}/actions/s?overwrite=true`, {
    json: { ...sequence("/_/a", "/_/a"), delAnnotations: ["one"] },
  });
  const keys = reply.body.annotations.map(({ key }: { key: string }) => key);
  assert(keys.includes("two") && !keys.includes("one"));
  assert.equal(reply.body.version, "0.0.2");
});

test("a sequence is invoked like any action: throttled once, answered with its record or its result", async () => {
  await using api = await startApi({ options: { limits: { invocationsPerMinute: 3 } } });
  await put(api, "actions/a", source());
  await put(api, "actions/s", sequence("/_/a", "/_/a", "/_/a", "/_/a"));
  api.invocations.answerComponent = ({ args }) => (isJsonObject(args) ? { n: Number(args["n"] ?? 0) + 1 } : {});
  const whole = await api.call("POST", `${TREE}/actions/s?blocking=true`, { json: { n: 1 } });
  assert.equal(whole.status, 200);
  assert.deepEqual(whole.body.response, { status: "success", success: true, result: { n: 5 } });
  assert.equal(whole.body.logs.length, 4, "ids of components, which are known already");
  assert.equal(whole.headers["x-openwhisk-activation-id"], whole.body.activationId);
  const stored = await api.call("GET", `${TREE}/activations/${whole.body.activationId}`);
  assert.equal(stored.body.logs.length, 4);
  const failing = await api.call("POST", `${TREE}/actions/s?blocking=true&result=true`, { json: { n: "x" } });
  assert.equal(failing.status, 200);
  assert.equal((await api.call("POST", `${TREE}/actions/s`)).status, 202);
  assert.equal((await api.call("POST", `${TREE}/actions/s`)).status, 429);
  assert.equal(api.invocations.calls.length, 0, "a sequence runs nowhere itself");
});
