import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../src/kernel/clock.ts";
import { asId, type Incarnation } from "../../../src/kernel/ids.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { messageNumber } from "../../support/messages.ts";
import { type Harness, type Reply, recordOf, source, startApi } from "./harness.ts";

const ME = asId<Incarnation>("test");
const MESSAGE = messageNumber(7);
const DAY_MS = 86_400_000;

/** An API with a web action that is never ready in time, and its first answer: 202 and where to ask again. */
async function late(path: string, annotations: Readonly<Record<string, JsonValue>> = {}) {
  const clock = new ManualClock();
  const api = await startApi({ clock });
  return { clock, ...(await firstOf(api, path, annotations)) };
}

async function firstOf(api: Harness, path: string, annotations: Readonly<Record<string, JsonValue>> = {}) {
  const all = Object.entries({ "web-export": true, ...annotations }).map(([key, value]) => ({ key, value }));
  await api.call("PUT", "/api/v1/namespaces/_/actions/slow", { json: { ...source(), annotations: all } });
  api.invocations.answer = async () => {
    await api.stores.activations.accept({ message: MESSAGE, state: "running", owner: ME });
    return { kind: "accepted", activationId: MESSAGE.activationId };
  };
  const first = await api.call("GET", `/api/v1/web/guest/default/${path}`, { auth: null });
  assert.equal(first.status, 202);
  const call = api.invocations.calls.at(-1);
  assert.ok(call !== undefined);
  const end = (result: JsonValue, statusCode: 0 | 1 | 2 = 0) =>
    api.stores.activations.finish(
      { ...recordOf(call, { result, statusCode }), activationId: MESSAGE.activationId },
      { path: "slow", owner: ME },
    );
  const location = String(first.headers["location"]);
  return { api, first, end, location, again: (headers = {}) => poll(api, location, headers) };
}

function poll(api: Harness, location: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return api.call("GET", location, { auth: null, headers });
}

test("a web action that outlives the wait says where its answer will be, and it is there, as it would have been", async () => {
  const { api, first, end, location, again } = await late("slow");
  await using _ = api;
  assert.deepEqual(first.body, { error: "Response not yet ready.", code: first.headers["x-request-id"] });
  assert.match(location, /^\/api\/v1\/web-results\/[\w-]+$/);
  assert.equal(first.headers["retry-after"], "1");
  assert.equal(first.headers["x-openwhisk-activation-id"], MESSAGE.activationId);
  assert.equal(first.headers["access-control-expose-headers"], "Location, Retry-After");
  const early = await again();
  assert.equal(early.status, 202);
  assert.equal(early.headers["location"], location);
  assert.equal(early.body.error, "Response not yet ready.");
  await end({ statusCode: 201, headers: { "Set-Cookie": ["a=b", "c=d"] }, body: "<p>late" });
  for (let times = 0; times < 2; times += 1) {
    const answer = await again();
    assert.equal(answer.status, 201);
    assert.equal(answer.text, "<p>late");
    assert.equal(answer.headers["content-type"], "text/html; charset=UTF-8");
    assert.deepEqual(answer.headers["set-cookie"], ["a=b", "c=d"]);
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["x-openwhisk-activation-id"], MESSAGE.activationId);
  }
  assert.equal((await again({ accept: "application/json" })).status, 406);
  assert.equal(api.invocations.calls.length, 1, "asking again runs nothing");
});

test("a late answer is projected by the extension that was asked for", async () => {
  const ends: readonly [string, JsonValue, 0 | 1 | 2, number, string][] = [
    ["slow.json", { a: 1 }, 0, 200, '{"a":1}'],
    ["slow.text", { body: [1] }, 0, 200, "[1]"],
    ["slow", { error: { statusCode: 404, body: "gone" } }, 1, 404, "gone"],
    ["slow.json", { error: "x" }, 2, 400, "There was an error processing your request."],
  ];
  for (const [path, result, statusCode, status, text] of ends) {
    const { api, end, again } = await late(path);
    await using _ = api;
    await end(result, statusCode);
    const answer = await again();
    assert.equal(answer.status, status);
    assert.equal(status === 400 ? answer.body.error : answer.text, text);
  }
});

test("an action with custom options keeps them in its late answer", async () => {
  const { api, first, end, again } = await late("slow", { "web-custom-options": true });
  await using _ = api;
  assert.equal(first.headers["access-control-expose-headers"], undefined);
  await end({ headers: { "access-control-allow-origin": "https://mine.example" }, body: "x" });
  const answer = await again();
  assert.equal(answer.headers["access-control-allow-origin"], "https://mine.example");
  assert.equal(answer.headers["access-control-allow-methods"], undefined);
});

test("a token holds for a day, and only whole", async () => {
  const { api, clock, end, location, again } = await late("slow");
  await using _ = api;
  await end({ body: "x" });
  clock.advance(DAY_MS - 1000);
  assert.equal((await again()).status, 200);
  for (const wrong of [location.slice(0, -1), `${location}A`, `${location.slice(0, -1)}!`, "/api/v1/web-results/x"]) {
    const refused = await poll(api, wrong);
    assert.equal(refused.status, 404);
    assert.equal(refused.body.error, "The requested resource does not exist.");
  }
  clock.advance(1000);
  assert.equal((await again()).status, 404);
});

test("another start of the platform answers the same token; another system key does not", async () => {
  const { api, end, location } = await late("slow");
  await using _ = api;
  await end({ body: "x" });
  await using twin = await startApi({
    clock: new ManualClock(),
    wrap: (stores) => ({ ...api.stores, subjects: stores.subjects }),
  });
  assert.equal((await poll(twin, location)).status, 200);
  const system = await twin.stores.subjects.get("whisk.system");
  assert.ok(system !== undefined);
  const namespaces = system.namespaces.map((namespace) => ({ ...namespace, key: "x".repeat(64) }));
  await twin.stores.subjects.put({ ...system, namespaces }, system.revision);
  twin.controller.authenticator.invalidate();
  assert.equal((await poll(twin, location)).status, 404);
});

test("a token whose record is gone leads nowhere", async () => {
  const { api, end, again } = await late("slow");
  await using _ = api;
  await end({ body: "x" });
  await api.stores.activations.prune({ before: Number.MAX_SAFE_INTEGER, limit: 10 });
  assert.equal((await again()).status, 404);
});

test("where no record will be kept, nobody is sent to one", async () => {
  await using levels = await startApi({ options: { invocation: { storeNonBlocking: "failures" } } });
  const { first } = await firstOf(levels, "slow");
  assert.equal(first.headers["location"], undefined);
  assert.equal(first.headers["retry-after"], undefined);
  const headers = { "x-ow-extra-logging": "on" };
  const asked = await levels.call("GET", "/api/v1/web/guest/default/slow", { auth: null, headers });
  assert.match(String(asked.headers["location"]), /^\/api\/v1\/web-results\//);
  assert.equal(levels.invocations.calls.at(-1)?.storedAlways, true);

  await using api = await startApi();
  const subject = await api.stores.subjects.get("guest");
  assert.ok(subject !== undefined);
  const namespaces = subject.namespaces.map((namespace) => ({ ...namespace, limits: { storeActivations: false } }));
  await api.stores.subjects.put({ ...subject, namespaces }, subject.revision);
  assert.equal((await firstOf(api, "slow")).first.headers["location"], undefined);
});

test("a store that cannot tell the key takes the place from a 202, not the 202", async () => {
  let away = false;
  await using api = await startApi({
    wrap: (stores) => ({
      ...stores,
      subjects: {
        get: (subject) => stores.subjects.get(subject),
        byUuid: (uuid) => stores.subjects.byUuid(uuid),
        byNamespace: (name) => (away ? Promise.reject(new Error("away")) : stores.subjects.byNamespace(name)),
        put: (subject, expected) => stores.subjects.put(subject, expected),
        delete: (subject, expected) => stores.subjects.delete(subject, expected),
        list: (after, limit) => stores.subjects.list(after, limit),
      },
    }),
  });
  await firstOf(api, "slow");
  api.controller.authenticator.invalidate();
  assert.equal((await api.call("GET", "/api/v1/web/guest/default/slow", { auth: null })).status, 202);
  const { answer } = api.invocations;
  api.invocations.answer = (request) => {
    api.controller.authenticator.invalidate();
    away = true;
    return answer(request);
  };
  const reply = await api.call("GET", "/api/v1/web/guest/default/slow", { auth: null });
  assert.deepEqual([reply.status, reply.headers["location"]], [202, undefined]);
});
