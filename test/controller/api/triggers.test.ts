import assert from "node:assert/strict";
import { test } from "node:test";
import { type Harness, OTHER, source, startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";
const TRIGGERS = `${TREE}/triggers`;

test("a new trigger comes back whole, with its defaults", async () => {
  await using api = await startApi();
  const put = await api.call("PUT", `${TRIGGERS}/t`, { json: {} });
  assert.equal(put.status, 200);
  const { updated, ...rest } = put.body;
  assert.ok(Math.abs(updated - Date.now()) < 10_000);
  const whole = { namespace: "guest", name: "t", version: "0.0.1", publish: false };
  assert.deepEqual(rest, { ...whole, annotations: [], parameters: [], limits: {} });
  assert.deepEqual((await api.call("GET", `${TRIGGERS}/t`)).body, put.body);
  const removed = await api.call("DELETE", `${TRIGGERS}/t`);
  assert.deepEqual([removed.status, removed.body], [200, put.body]);
  assert.deepEqual((await api.call("GET", `${TRIGGERS}/t`)).body.error, "The requested resource does not exist.");
});

test("an update bumps the patch, replaces parameters and annotations whole, and keeps what it does not name", async () => {
  await using api = await startApi();
  const json = { parameters: [{ key: "p", value: 1 }], annotations: [{ key: "a", value: 1 }], publish: true };
  await api.call("PUT", `${TRIGGERS}/t`, { json: { ...json, limits: { ignored: 1 }, version: "1.2.3" } });
  const second = await api.call("PUT", `${TRIGGERS}/t?overwrite=true`, {
    json: { annotations: [{ key: "b", value: [2] }], delAnnotations: ["b"] },
  });
  assert.equal(second.body.version, "1.2.4");
  assert.deepEqual(second.body.annotations, [{ key: "b", value: [2] }]);
  assert.deepEqual(second.body.parameters, json.parameters);
  assert.equal(second.body.publish, true);
  const third = await api.call("PUT", `${TRIGGERS}/t?overwrite=true`, { json: { parameters: [], version: "9.0.0" } });
  assert.deepEqual([third.body.parameters, third.body.version], [[], "9.0.0"]);
});

test("names are taken once: a second PUT, and another kind's name, are conflicts and change nothing", async () => {
  await using api = await startApi();
  const first = await api.call("PUT", `${TRIGGERS}/t`, { json: {} });
  const again = await api.call("PUT", `${TRIGGERS}/t`, { json: { publish: true } });
  assert.deepEqual([again.status, again.body.error], [409, "resource already exists"]);
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  const other = "Resource by this name exists but is not in this collection.";
  for (const [method, path, json] of [
    ["PUT", "triggers/a?overwrite=true", {}],
    ["GET", "triggers/a", undefined],
    ["DELETE", "triggers/a", undefined],
    ["POST", "triggers/a", {}],
    ["PUT", "actions/t?overwrite=true", source()],
  ] as const) {
    const reply = await api.call(method, `${TREE}/${path}`, { json });
    assert.deepEqual([reply.status, reply.body.error], [409, other], `${method} ${path}`);
  }
  assert.deepEqual((await api.call("GET", `${TRIGGERS}/t`)).body, first.body);
});

test("a feed must be an entity's path when the trigger is created, and is not looked at later", async () => {
  await using api = await startApi();
  const feed = (value: unknown) => ({ json: { annotations: [{ key: "feed", value }] } });
  for (const bad of ["", "/", "a//b", "/_/!", 3, null, { path: "x" }, "/whisk.system/alarms/alarm/"]) {
    const reply = await api.call("PUT", `${TRIGGERS}/bad`, feed(bad));
    assert.deepEqual([reply.status, reply.body.error], [400, "Feed name is not valid"], JSON.stringify(bad));
  }
  assert.equal((await api.call("GET", `${TRIGGERS}/bad`)).status, 404);
  for (const good of ["/whisk.system/alarms/alarm", "_/alarms", "alarm"]) {
    assert.equal((await api.call("PUT", `${TRIGGERS}/${good.length}`, feed(good))).status, 200, good);
  }
  assert.equal((await api.call("PUT", `${TRIGGERS}/5?overwrite=true`, feed("//"))).status, 200);
});

test("bodies that say what they should not are refused in words", async () => {
  await using api = await startApi();
  const bodies: readonly (readonly [unknown, RegExp])[] = [
    [[], /Object expected/],
    [{ parameters: {} }, /parameters malformed: an array of objects/],
    [{ annotations: [{ key: 1, value: 1 }] }, /annotations malformed/],
    [{ version: "1" }, /bad semantic version 1/],
    [{ publish: "yes" }, /publish malformed/],
    [{ limits: 3 }, /Object expected in field 'limits'/],
  ];
  for (const [json, text] of bodies) {
    const reply = await api.call("PUT", `${TRIGGERS}/t`, { json });
    assert.equal(reply.status, 400, JSON.stringify(json));
    assert.match(reply.body.error, text);
  }
  const large = await api.call("PUT", `${TRIGGERS}/t`, {
    json: { parameters: [{ key: "p", value: "x".repeat(1_048_576) }] },
  });
  assert.equal(large.status, 413);
  assert.match(large.body.error, /^parameters larger than allowed: 1048579 > 1048576 bytes\.$/);
  assert.equal((await api.call("GET", `${TRIGGERS}/t`)).status, 404);
});

test("lists are newest first and brief, and can be counted and paged", async () => {
  await using api = await startApi();
  for (const name of ["one", "two", "three"]) {
    await api.call("PUT", `${TRIGGERS}/${name}`, { json: { parameters: [{ key: "secret", value: 1 }] } });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const list = await api.call("GET", TRIGGERS);
  assert.deepEqual(
    list.body.map((item: { name: string }) => item.name),
    ["three", "two", "one"],
  );
  assert.deepEqual(Object.keys(list.body[0]).sort(), [
    "annotations",
    "name",
    "namespace",
    "publish",
    "updated",
    "version",
  ]);
  assert.deepEqual((await api.call("GET", `${TRIGGERS}?limit=1&skip=1`)).body[0].name, "two");
  assert.deepEqual((await api.call("GET", `${TRIGGERS}?count=true&skip=1`)).body, { triggers: 2 });
  const range = await api.call("GET", `${TRIGGERS}?limit=201`);
  assert.match(range.body.error, /The value '201' is not in the range of 0 to 200 for triggers\./);
});

test("triggers are their namespace's alone", async () => {
  await using api = await startApi();
  await api.call("PUT", `${TRIGGERS}/t`, { json: { publish: true } });
  for (const [method, path] of [
    ["GET", "triggers"],
    ["GET", "triggers/t"],
    ["PUT", "triggers/t?overwrite=true"],
    ["DELETE", "triggers/t"],
    ["POST", "triggers/t"],
  ] as const) {
    const json = method === "GET" || method === "DELETE" ? undefined : {};
    const reply = await api.call(method, `/api/v1/namespaces/guest/${path}`, { auth: OTHER, json });
    assert.equal(reply.status, 403, `${method} ${path}`);
    const resource = path === "triggers" ? "guest" : "guest/t";
    assert.equal(reply.body.error, `The supplied authentication is not authorized to access '${resource}'.`);
  }
});

test("without an active rule a firing is 204, has no body and leaves no record", async () => {
  await using api = await startApi();
  await prepare(api);
  await api.call("POST", `${TREE}/rules/r`, { json: { status: "inactive" } });
  for (const name of ["t", "bare"]) {
    const reply = await api.call("POST", `${TRIGGERS}/${name}`, { json: { a: 1 } });
    assert.deepEqual([reply.status, reply.text], [204, ""], name);
    assert.equal(reply.headers["content-length"], undefined);
    assert.equal(reply.headers["content-type"], undefined);
  }
  assert.equal(api.invocations.calls.length, 0);
  assert.deepEqual((await api.call("GET", `${TREE}/activations`)).body, []);
});

test("a firing is 202 with an id, under which a record without an end tells what came of each rule", async () => {
  await using api = await startApi();
  await prepare(api);
  await api.call("PUT", `${TREE}/rules/off`, { json: { trigger: "/_/t", action: "/_/a" } });
  await api.call("POST", `${TREE}/rules/off`, { json: { status: "inactive" } });
  const fired = await api.call("POST", `${TRIGGERS}/t`, {
    json: { q: "payload", own: 1 },
    headers: { "X-GitHub-Event": "push" },
  });
  assert.equal(fired.status, 202);
  assert.equal(fired.headers["x-openwhisk-activation-id"], fired.body.activationId);
  const [call] = api.invocations.calls;
  assert.ok(call);
  const { __ow_headers: headers, ...args } = call.payload;
  assert.deepEqual(args, { p: 1, q: "payload", own: 1 });
  assert.equal(Object(headers)["x-github-event"], "push");
  assert.equal(Object(headers).authorization, undefined, "a key is nobody else's business");
  assert.equal(call.waitMs, undefined);
  assert.equal(call.identity.namespace, "guest");
  const record = await api.call("GET", `${TREE}/activations/${fired.body.activationId}`);
  const { start, logs, ...rest } = record.body;
  assert.ok(Math.abs(start - Date.now()) < 10_000);
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "t",
    version: "0.0.1",
    subject: "guest",
    activationId: fired.body.activationId,
    response: { status: "success", success: true, result: { q: "payload", own: 1 } },
    annotations: [],
    publish: false,
  });
  assert.equal(logs.length, 2);
  assert.ok(
    logs.every((line: string) => line === JSON.stringify(JSON.parse(line))),
    "compact JSON",
  );
  const lines = logs.map((line: string) => JSON.parse(line)).sort(byStatus);
  assert.equal(lines[0].activationId.length, 32);
  delete lines[0].activationId;
  assert.deepEqual(lines, [
    { statusCode: 0, success: true, rule: "guest/r", action: "guest/a" },
    {
      statusCode: 1,
      success: false,
      error: "Rule 'guest/off' is inactive, action 'guest/a' was not activated.",
      rule: "guest/off",
      action: "guest/a",
    },
  ]);
  const list = await api.call("GET", `${TREE}/activations?name=t`);
  assert.equal(list.body.length, 1);
  for (const absent of ["end", "duration", "statusCode", "cause"]) assert.equal(list.body[0][absent], undefined);
});

test("a payload must be an object of at most a megabyte, and may be left out", async () => {
  await using api = await startApi();
  await prepare(api);
  for (const raw of ["[]", "3", "null", "{"]) {
    const reply = await api.call("POST", `${TRIGGERS}/t`, { raw, headers: { "content-type": "application/json" } });
    assert.equal(reply.status, 400, raw);
  }
  const large = await api.call("POST", `${TRIGGERS}/t`, { json: { x: "x".repeat(1_048_576) } });
  assert.deepEqual([large.status, large.body.error], [413, "Request larger than allowed: 1048584 > 1048576 bytes."]);
  const text = await api.call("POST", `${TRIGGERS}/t`, { raw: "{}", headers: { "content-type": "text/plain" } });
  assert.equal(text.status, 415);
  assert.equal(api.invocations.calls.length, 0);
  // With the parameter that the trigger adds.
  const q = "x".repeat(1_048_576 - '{"p":1,"q":""}'.length);
  await api.call("POST", `${TRIGGERS}/t`, { json: { q, __ow_headers: "mine" }, headers: { "x-own": "1" } });
  assert.equal(api.invocations.calls.length, 0, "one byte too many with its own headers");
  await api.call("POST", `${TRIGGERS}/t`, { json: { q }, headers: { "x-own": "1" } });
  assert.equal(Object(api.invocations.calls[0]?.payload["__ow_headers"])["x-own"], "1");
  const empty = await api.call("POST", `${TRIGGERS}/t`);
  assert.equal(empty.status, 202);
  const record = await api.call("GET", `${TREE}/activations/${empty.body.activationId}`);
  assert.deepEqual(record.body.response.result, {});
});

test("firings are throttled by themselves, whatever came of them, and a refused one starts nothing", async () => {
  await using api = await startApi({ options: { limits: { firesPerMinute: 3, invocationsPerMinute: 100 } } });
  await prepare(api);
  const statuses = [];
  for (const name of ["t", "bare", "none", "t"]) {
    statuses.push((await api.call("POST", `${TRIGGERS}/${name}`, { json: {} })).status);
  }
  assert.deepEqual(statuses, [202, 204, 404, 429]);
  const refused = await api.call("POST", `${TRIGGERS}/t`, { json: {} });
  assert.equal(refused.body.error, "Too many requests in the last minute (count: 4, allowed: 3).");
  assert.ok(Number(refused.headers["retry-after"]) > 0);
  assert.equal(api.invocations.calls.length, 1);
  assert.equal((await api.call("POST", `${TREE}/actions/a`, { json: {} })).status, 202);
  assert.equal((await api.call("GET", `${TRIGGERS}/t`)).status, 200);
});

test("a name that is no trigger is not found, and other verbs are refused", async () => {
  await using api = await startApi();
  const fired = await api.call("POST", `${TRIGGERS}/none`, { json: {} });
  assert.deepEqual([fired.status, fired.body.error], [404, "The requested resource does not exist."]);
  assert.equal((await api.call("DELETE", `${TRIGGERS}/none`)).status, 404);
  assert.equal((await api.call("PUT", TRIGGERS, { json: {} })).status, 405);
  const long = await api.call("PUT", `${TRIGGERS}/${"n".repeat(257)}`, { json: {} });
  assert.deepEqual([long.status, long.body.error], [400, "Name segement longer than allowed: 257 > 256."]);
});

function byStatus(a: { statusCode: number }, b: { statusCode: number }): number {
  return a.statusCode - b.statusCode;
}

/** Action `a`, trigger `t` with two parameters and rule `r` between them; trigger `bare` without any. */
async function prepare(api: Harness): Promise<void> {
  const parameters = [
    { key: "p", value: 1 },
    { key: "q", value: 2 },
  ];
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  await api.call("PUT", `${TRIGGERS}/t`, { json: { parameters } });
  await api.call("PUT", `${TRIGGERS}/bare`, { json: {} });
  const rule = await api.call("PUT", `${TREE}/rules/r`, { json: { trigger: "/_/t", action: "/_/a" } });
  assert.equal(rule.status, 200, rule.text);
}
