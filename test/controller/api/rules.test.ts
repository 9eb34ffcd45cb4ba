import assert from "node:assert/strict";
import { test } from "node:test";
import { RULES_PER_TRIGGER_MAX } from "../../../src/controller/entities/rule-catalog.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { type Harness, OTHER, type Reply, source, startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";
const RULES = `${TREE}/rules`;
const MISSING = "The requested resource does not exist.";

test("a new rule comes back whole and active, and its trigger tells of it", async () => {
  await using api = await startApi();
  await prepare(api);
  const put = await api.call("PUT", `${RULES}/r`, {
    json: { trigger: "/_/t", action: "/_/a", annotations: [{ key: "x", value: 1 }], status: "inactive" },
  });
  assert.equal(put.status, 200);
  const { updated, ...rest } = put.body;
  assert.ok(Math.abs(updated - Date.now()) < 10_000);
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "r",
    version: "0.0.1",
    publish: false,
    annotations: [{ key: "x", value: 1 }],
    trigger: { path: "guest", name: "t" },
    action: { path: "guest", name: "a" },
    status: "active",
  });
  assert.deepEqual((await api.call("GET", `${RULES}/r`)).body, put.body);
  const trigger = await api.call("GET", `${TREE}/triggers/t`);
  assert.deepEqual(trigger.body.rules, { "guest/r": { action: { path: "guest", name: "a" }, status: "active" } });
});

test("actions in packages and through bindings can be named, as texts and as rules show them", async () => {
  await using api = await startApi();
  await prepare(api);
  const put = await api.call("PUT", `${RULES}/r`, { json: { trigger: "guest/t", action: "/_/pkg/a" } });
  assert.deepEqual(put.body.action, { path: "guest/pkg", name: "a" });
  const { trigger, action } = put.body;
  const back = await api.call("PUT", `${RULES}/r?overwrite=true`, { json: { trigger, action }, swagger: false });
  assert.deepEqual([back.status, back.body.action, back.body.version], [200, action, "0.0.2"]);
  await putPackage(api, "bound", { namespace: "guest", name: "pkg" });
  const bound = await api.call("PUT", `${RULES}/b`, { json: { trigger: "/_/t", action: "/guest/bound/a" } });
  assert.deepEqual(bound.body.action, { path: "guest/bound", name: "a" });
});

test("whatever a rule needs and does not find is named in a 400, and nothing is kept", async () => {
  await using api = await startApi();
  await prepare(api);
  const malformed = (text: string) => `The request content was malformed:\n${text}`;
  const both = "rule requires a valid trigger and a valid action";
  const wrong = "Resource by this name exists but is not in this collection.";
  const unqualified =
    "The fully qualified name of the entity must contain at least the namespace and the name of the entity.";
  const cases: readonly (readonly [unknown, string])[] = [
    [{ trigger: "/_/none", action: "/_/a" }, "trigger /guest/none does not exist"],
    [{ trigger: "/_/t", action: "/_/none" }, "action /guest/none does not exist"],
    [{ trigger: "/_/t", action: "/_/none/a" }, "action /guest/none/a does not exist"],
    [{ trigger: "/_/t" }, both],
    [{ action: "/_/a" }, both],
    [{}, both],
    [{ trigger: "/_/a", action: "/_/a" }, wrong],
    [{ trigger: "/_/t", action: "/_/t" }, wrong],
    [{ trigger: "t", action: "/_/a" }, malformed(unqualified)],
    [{ trigger: "/_/t", action: "/_/!" }, malformed("fully qualified name malformed")],
    [{ trigger: 3, action: "/_/a" }, malformed("fully qualified name malformed")],
    [{ trigger: { path: "guest" }, action: "/_/a" }, malformed("fully qualified name malformed")],
    [
      { trigger: "/_/t", action: "/_/a", annotations: 1 },
      malformed("annotations malformed: an array of objects with 'key' and 'value' is expected"),
    ],
    [[], malformed("Object expected")],
  ];
  for (const [json, text] of cases) {
    const reply = await api.call("PUT", `${RULES}/r`, { json });
    assert.deepEqual([reply.status, reply.body.error], [400, text], JSON.stringify(json));
    assert.equal((await api.call("GET", `${RULES}/r`)).status, 404);
  }
});

test("what belongs to others may not be named, unless it is a published package's", async () => {
  await using api = await startApi();
  await prepare(api);
  const theirs = { auth: OTHER };
  await api.call("PUT", `${TREE}/triggers/t`, { json: {}, ...theirs });
  await api.call("PUT", `${TREE}/actions/a`, { json: source(), ...theirs });
  await putPackage(api, "open", undefined, { namespace: "other", publish: true });
  await putPackage(api, "shut", undefined, { namespace: "other" });
  for (const folder of ["open", "shut"]) {
    const put = await api.call("PUT", `${TREE}/actions/${folder}/a`, { json: source(), ...theirs });
    assert.equal(put.status, 200);
  }
  const refused = async (json: object, resource: string): Promise<void> => {
    const reply = await api.call("PUT", `${RULES}/r`, { json });
    assert.equal(reply.status, 403);
    assert.match(reply.body.error, /^The supplied authentication is not authorized to access /);
    assert.ok(reply.body.error.includes(resource), reply.text);
  };
  await refused({ trigger: "/other/t", action: "/_/a" }, "other/t");
  await refused({ trigger: "/_/t", action: "/other/a" }, "other/a");
  await refused({ trigger: "/_/t", action: "/other/shut/a" }, "other/shut");
  assert.equal((await putRule(api, "r", { action: "/other/open/a" })).status, 200);
  const foreign = await api.call("GET", "/api/v1/namespaces/guest/rules/r", theirs);
  assert.equal(foreign.status, 403);
});

test("a second PUT is a conflict; an update keeps what it does not name, keeps the status, and moves the link", async () => {
  await using api = await startApi();
  await prepare(api);
  await putRule(api, "r");
  const again = await putRule(api, "r");
  assert.deepEqual([again.status, again.body.error], [409, "resource already exists"]);
  await setStatus(api, "r", "inactive");
  const update = await api.call("PUT", `${RULES}/r?overwrite=true`, { json: { trigger: "/_/u" } });
  assert.equal(update.status, 200);
  assert.deepEqual(
    [update.body.version, update.body.status, update.body.trigger, update.body.action],
    ["0.0.2", "inactive", { path: "guest", name: "u" }, { path: "guest", name: "a" }],
  );
  assert.equal((await api.call("GET", `${TREE}/triggers/t`)).body.rules, undefined);
  const moved = (await api.call("GET", `${TREE}/triggers/u`)).body.rules;
  assert.deepEqual(moved, { "guest/r": { action: { path: "guest", name: "a" }, status: "inactive" } });
  await setStatus(api, "r", "active");
  assert.equal((await api.call("POST", `${TREE}/triggers/t`)).status, 204);
  assert.equal((await api.call("POST", `${TREE}/triggers/u`)).status, 202);
  const annotated = await api.call("PUT", `${RULES}/r?overwrite=true`, {
    json: { annotations: [{ key: "n", value: 1 }], publish: true },
  });
  assert.deepEqual([annotated.body.status, annotated.body.publish, annotated.body.version], ["active", true, "0.0.3"]);
});

test("enabling and disabling answers 200 with nothing, also when nothing changes, and counts at once", async () => {
  await using api = await startApi();
  await prepare(api);
  await putRule(api, "r");
  for (const status of ["active", "inactive", "inactive", "active"]) {
    const reply = await setStatus(api, "r", status);
    assert.deepEqual([reply.status, reply.text], [200, ""]);
    assert.equal((await api.call("GET", `${RULES}/r`)).body.status, status);
    const fired = await api.call("POST", `${TREE}/triggers/t`, { json: {} });
    assert.equal(fired.status, status === "active" ? 202 : 204);
  }
  assert.equal((await api.call("GET", `${RULES}/r`)).body.version, "0.0.1", "its status is no part of its version");
});

test("a status that is none is refused in OpenWhisk's words", async () => {
  await using api = await startApi();
  await prepare(api);
  await putRule(api, "r");
  const cases: readonly (readonly [unknown, string])[] = [
    [{ status: "on" }, "requirement failed: on is not a recognized rule state"],
    [{ status: "" }, "requirement failed:  is not a recognized rule state"],
    [{}, "key not found: status"],
    [{ status: 1 }, "'1' is not a recognized rule state, must be one of ['active', 'inactive']"],
    ["active", "Object expected"],
  ];
  for (const [json, text] of cases) {
    const reply = await api.call("POST", `${RULES}/r`, { json });
    assert.deepEqual([reply.status, reply.body.error], [400, `The request content was malformed:\n${text}`]);
  }
  const missing = await setStatus(api, "none", "active");
  assert.deepEqual([missing.status, missing.body.error], [404, MISSING]);
});

test("without its trigger a rule is inactive and cannot be enabled, and a new trigger of the name does not wake it", async () => {
  await using api = await startApi();
  await prepare(api);
  await putRule(api, "r");
  await api.call("DELETE", `${TREE}/triggers/t`);
  assert.equal((await api.call("GET", `${RULES}/r`)).body.status, "inactive");
  const enabled = await setStatus(api, "r", "active");
  assert.deepEqual([enabled.status, enabled.body.error], [404, "Only rules with existing triggers can be activated"]);
  assert.equal((await setStatus(api, "r", "inactive")).status, 200);
  const update = await api.call("PUT", `${RULES}/r?overwrite=true`, { json: { publish: true } });
  assert.deepEqual([update.status, update.body.error], [400, "trigger /guest/t does not exist"]);
  await api.call("PUT", `${TREE}/triggers/t`, { json: {} });
  assert.equal((await api.call("GET", `${RULES}/r`)).body.status, "inactive");
  assert.equal((await api.call("GET", `${TREE}/triggers/t`)).body.rules, undefined);
  assert.equal((await api.call("POST", `${TREE}/triggers/t`)).status, 204);
  assert.equal((await setStatus(api, "r", "active")).status, 200);
  assert.equal((await api.call("POST", `${TREE}/triggers/t`)).status, 202);
});

test("a name that something else took since is no trigger", async () => {
  await using api = await startApi();
  await prepare(api);
  await putRule(api, "r");
  await api.call("DELETE", `${TREE}/triggers/t`);
  await api.call("PUT", `${TREE}/actions/t`, { json: source() });
  assert.equal((await api.call("GET", `${RULES}/r`)).body.status, "inactive");
  assert.equal((await setStatus(api, "r", "active")).status, 404);
  assert.equal((await api.call("DELETE", `${RULES}/r`)).status, 200);
});

test("a rule can be deleted while it is active, says inactive then, and can be made again", async () => {
  await using api = await startApi();
  await prepare(api);
  const put = await putRule(api, "r");
  const removed = await api.call("DELETE", `${RULES}/r`);
  assert.equal(removed.status, 200);
  assert.deepEqual(removed.body, { ...put.body, status: "inactive" });
  assert.equal((await api.call("POST", `${TREE}/triggers/t`)).status, 204);
  assert.equal((await api.call("GET", `${TREE}/triggers/t`)).body.rules, undefined);
  const gone = await api.call("DELETE", `${RULES}/r`);
  assert.deepEqual([gone.status, gone.body.error], [404, MISSING]);
  assert.equal((await putRule(api, "r", { trigger: "/_/u" })).status, 200);
  assert.equal((await api.call("POST", `${TREE}/triggers/u`)).status, 202);
});

test("lists are whole but for the status, newest first, and can be counted", async () => {
  await using api = await startApi();
  await prepare(api);
  for (const name of ["one", "two", "three"]) {
    await putRule(api, name);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const list = await api.call("GET", RULES);
  assert.deepEqual(
    list.body.map((item: { name: string }) => item.name),
    ["three", "two", "one"],
  );
  const { status, ...brief } = (await api.call("GET", `${RULES}/three`)).body;
  assert.equal(status, "active");
  assert.deepEqual(list.body[0], brief);
  assert.deepEqual((await api.call("GET", `${RULES}?count=true`)).body, { rules: 3 });
  assert.match((await api.call("GET", `${RULES}?limit=300`)).body.error, /in the range of 0 to 200 for rules/);
});

test("a name of another kind is a conflict", async () => {
  await using api = await startApi();
  await prepare(api);
  for (const [method, json] of [
    ["GET", undefined],
    ["PUT", { trigger: "/_/t", action: "/_/a" }],
    ["POST", { status: "active" }],
    ["DELETE", undefined],
  ] as const) {
    const reply = await api.call(method, `${RULES}/a?overwrite=true`, { json });
    const text = "Resource by this name exists but is not in this collection.";
    assert.deepEqual([reply.status, reply.body.error], [409, text], method);
  }
});

test("a trigger takes so many rules and no more, and room that was made is room", async () => {
  await using api = await startApi();
  await prepare(api);
  await putRule(api, "last");
  const last = await api.stores.artifacts.get({ namespace: asId("guest"), path: asId("last") });
  assert.ok(last);
  const { revision: _, ...document } = last;
  for (let i = 1; i < RULES_PER_TRIGGER_MAX; i += 1) {
    await api.stores.artifacts.put({ ...document, path: asId(`r${i}`) }, "absent");
  }
  const refused = await putRule(api, "more");
  assert.equal(refused.status, 400);
  assert.equal(refused.headers["x-skein-error"], "limits/rules");
  assert.equal(refused.body.error, "Too many rules for the trigger /guest/t (count: 1000, allowed: 1000).");
  assert.equal((await api.call("PUT", `${RULES}/last?overwrite=true`, { json: { publish: true } })).status, 200);
  assert.equal((await putRule(api, "elsewhere", { trigger: "/_/u" })).status, 200);
  const moved = await api.call("PUT", `${RULES}/elsewhere?overwrite=true`, { json: { trigger: "/_/t" } });
  assert.equal(moved.status, 400);
  await api.call("DELETE", `${RULES}/r1`);
  assert.equal((await putRule(api, "more")).status, 200);
  const { rules } = (await api.call("GET", `${TREE}/triggers/t`)).body;
  assert.equal(Object.keys(rules).length, RULES_PER_TRIGGER_MAX);
});

function putRule(api: Harness, name: string, over: object = {}): Promise<Reply> {
  return api.call("PUT", `${RULES}/${name}`, { json: { trigger: "/_/t", action: "/_/a", ...over } });
}

function setStatus(api: Harness, name: string, status: string): Promise<Reply> {
  return api.call("POST", `${RULES}/${name}`, { json: { status } });
}

/** Triggers `t` and `u`, actions `a` and `pkg/a`. */
async function prepare(api: Harness): Promise<void> {
  await putPackage(api, "pkg");
  for (const trigger of ["t", "u"]) await api.call("PUT", `${TREE}/triggers/${trigger}`, { json: {} });
  for (const action of ["a", "pkg/a"]) {
    const put = await api.call("PUT", `${TREE}/actions/${action}`, { json: source() });
    assert.equal(put.status, 200, put.text);
  }
}

async function putPackage(
  api: Harness,
  name: string,
  binding?: { readonly namespace: string; readonly name: string },
  { namespace = "guest", publish = false } = {},
): Promise<void> {
  await api.controller.entities.packages.write(
    { namespace: asId(namespace), path: asId(name) },
    () => ({
      version: "0.0.1",
      publish,
      parameters: [],
      annotations: [],
      ...(binding ? { binding: { namespace: asId(binding.namespace), path: asId(binding.name) } } : {}),
    }),
    { overwrite: false },
  );
}
