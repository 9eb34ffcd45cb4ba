import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { type CallOptions, GUEST, OTHER, recordOf, source, startApi } from "./harness.ts";

const ACTIONS = "/api/v1/namespaces/_/actions";
// What counts as nested is outside of strings, wherever their quotes and backslashes are.
const BRACKETS_IN_STRINGS = {
  a: "[".repeat(2000),
  b: `"${"[".repeat(2000)}\\`,
  c: `\\"\\\\"${"{".repeat(2000)}`,
  d: "",
};
const JSON_TYPE = { "content-type": "application/json" };

test("a non-blocking call is accepted with the activation's id", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  for (const query of ["", "?blocking=false", "?result=true", "?blocking=&timeout=5"]) {
    const post = await api.call("POST", `${ACTIONS}/a${query}`, { json: { n: 1 } });
    assert.equal(post.status, 202, query);
    assert.deepEqual(Object.keys(post.body), ["activationId"]);
    assert.equal(post.headers["x-openwhisk-activation-id"], post.body.activationId);
  }
  assert.ok(api.invocations.calls.every((call) => call.waitMs === undefined));
});

test("what is invoked is what was asked for, by whom", async () => {
  await using api = await startApi();
  const put = await api.call("PUT", `${ACTIONS}/a`, { json: { ...source(), parameters: [{ key: "p", value: 1 }] } });
  const headers = { "x-request-id": "my-transaction" };
  await api.call("POST", `${ACTIONS}/a?blocking=true&timeout=1234`, { json: { n: [1] }, headers });
  const [call] = api.invocations.calls;
  assert.ok(call !== undefined);
  assert.deepEqual(call.payload, { n: [1] });
  assert.equal(call.waitMs, 1234);
  assert.equal(call.transactionId, "my-transaction");
  assert.equal(call.identity.authKey, GUEST);
  assert.equal(call.identity.namespace, "guest");
  assert.equal(call.action.version, put.body.version);
  assert.deepEqual(call.action.parameters, [{ key: "p", value: 1 }]);
});

test("a blocking call answers the record, or the result alone, with the status its end deserves", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  const ends = [
    [0, 200, "success", { ok: 1 }],
    [1, 502, "application error", { error: { nested: true } }],
    [
      2,
      502,
      "action developer error",
      { error: "The action did not produce a valid response and exited unexpectedly." },
    ],
    [3, 500, "whisk internal error", { error: "lost" }],
  ] as const;
  for (const [statusCode, http, word, result] of ends) {
    api.invocations.answer = (request) => ({ kind: "done", record: recordOf(request, { result, statusCode }) });
    const whole = await api.call("POST", `${ACTIONS}/a?blocking=true`);
    assert.equal(whole.status, http);
    assert.deepEqual(whole.body.response, { status: word, success: statusCode === 0, result });
    assert.deepEqual(whole.body.logs, []);
    assert.equal(whole.headers["x-openwhisk-activation-id"], whole.body.activationId);
    const bare = await api.call("POST", `${ACTIONS}/a?blocking=true&result=true`, { swagger: false });
    assert.equal(bare.status, http);
    assert.deepEqual(bare.body, result);
  }
});

test("an array comes back bare, whatever was asked for", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  api.invocations.answer = (request) => ({ kind: "done", record: recordOf(request, { result: [1, "two"] }) });
  for (const query of ["", "&result=true"]) {
    assert.deepEqual((await api.call("POST", `${ACTIONS}/a?blocking=true${query}`)).body, [1, "two"]);
  }
});

test("a wait that is over is a 202", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  api.invocations.answer = () => ({ kind: "accepted", activationId: "f".repeat(32) as never });
  const post = await api.call("POST", `${ACTIONS}/a?blocking=true&result=true&timeout=1`);
  assert.equal(post.status, 202);
  assert.deepEqual(post.body, { activationId: "f".repeat(32) });
});

test("the wait has bounds, and other values are refused before anything runs", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  for (const timeout of ["0", "-1", "60001", "x", "1.5", "1e3"]) {
    const post = await api.call("POST", `${ACTIONS}/a?blocking=true&timeout=${timeout}`);
    assert.equal(post.status, 400);
    assert.equal(
      post.body.error,
      "The query parameter 'timeout' was malformed:\nTimeout must be number of milliseconds up to 60000.",
    );
  }
  for (const name of ["blocking", "result"]) {
    assert.equal((await api.call("POST", `${ACTIONS}/a?${name}=perhaps`)).status, 400);
  }
  await api.call("POST", `${ACTIONS}/a?blocking=true`);
  assert.deepEqual(
    api.invocations.calls.map((call) => call.waitMs),
    [60_000],
  );
});

test("a payload is an object of bounded size and depth, or nothing", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  const refusals: readonly [CallOptions, number, RegExp][] = [
    [{ json: [1] }, 400, /The request content was malformed:\nObject expected/],
    [{ json: "text" }, 400, /Object expected/],
    [{ raw: "null", headers: JSON_TYPE }, 400, /Object expected/],
    [{ raw: "{", headers: JSON_TYPE }, 400, /^The request content was malformed:\n/],
    [{ raw: `{"a":${"[".repeat(500_000)}${"]".repeat(500_000)}}`, headers: JSON_TYPE }, 400, /nested more deeply/],
    [{ raw: "{}", headers: { "content-type": "text/plain" } }, 415, /Content-Type/],
    [{ json: { a: "x".repeat(1_048_576) } }, 413, /^Request larger than allowed: 1048584 > 1048576 bytes\.$/],
  ];
  for (const [options, status, text] of refusals) {
    const post = await api.call("POST", `${ACTIONS}/a?blocking=true`, { ...options, swagger: false });
    assert.equal(post.status, status);
    assert.match(post.body.error, text);
  }
  assert.equal(api.invocations.calls.length, 0);
  const accepted: readonly [CallOptions, JsonValue][] = [
    [{}, {}],
    [{ raw: "", headers: { "content-type": "text/plain" } }, {}],
    [{ raw: "", headers: JSON_TYPE }, {}],
    [{ json: { a: "x".repeat(1_048_568) } }, { a: "x".repeat(1_048_568) }],
    [{ json: BRACKETS_IN_STRINGS }, BRACKETS_IN_STRINGS],
    [{ raw: '{"__proto__":{"x":1}}', headers: JSON_TYPE }, JSON.parse('{"__proto__":{"x":1}}') as JsonValue],
  ];
  for (const [options, payload] of accepted) {
    assert.equal((await api.call("POST", `${ACTIONS}/a?blocking=true`, options)).status, 200);
    assert.deepEqual(api.invocations.calls.at(-1)?.payload, payload);
  }
});

test("a chunked payload is bounded too", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  const post = await api.call("POST", `${ACTIONS}/a`, {
    raw: Buffer.alloc(1_100_000, "x"),
    headers: { ...JSON_TYPE, "transfer-encoding": "chunked" },
    swagger: false,
  });
  assert.equal(post.status, 413);
  assert.equal(post.body.error, "Request larger than allowed: 1048577 > 1048576 bytes.");
});

test("what is over a namespace's rate is refused with the true numbers and when to come back", async () => {
  const clock = new ManualClock();
  await using api = await startApi({ clock, options: { limits: { invocationsPerMinute: 2 } } });
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  for (let i = 0; i < 2; i += 1) assert.equal((await api.call("POST", `${ACTIONS}/a`)).status, 202);
  for (let i = 0; i < 3; i += 1) {
    const post = await api.call("POST", `${ACTIONS}/a`);
    assert.equal(post.status, 429);
    assert.equal(post.body.error, "Too many requests in the last minute (count: 3, allowed: 2).");
    assert.equal(post.headers["x-skein-error"], "limits/rate");
    assert.equal(post.headers["retry-after"], "60");
  }
  assert.equal(
    (await api.call("POST", `${ACTIONS}/a`, { auth: OTHER })).status,
    404,
    "other namespaces are not touched",
  );
  const foreign = await api.call("POST", "/api/v1/namespaces/other/actions/a");
  assert.equal(foreign.status, 429, "the throttle comes before rights");
  clock.advance(60_000);
  assert.equal((await api.call("POST", `${ACTIONS}/a`)).status, 202);
  assert.equal((await api.call("GET", ACTIONS)).status, 200, "reads are not throttled");
});

test("what is over a namespace's concurrency is refused with the true numbers", async () => {
  await using api = await startApi({ options: { limits: { concurrentInvocations: 5 } } });
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  api.invocations.flying = 5;
  const post = await api.call("POST", `${ACTIONS}/a`);
  assert.equal(post.status, 429);
  assert.equal(post.body.error, "Too many concurrent requests in flight (count: 5, allowed: 5).");
  assert.equal(post.headers["x-skein-error"], "limits/concurrency");
  assert.equal(post.headers["retry-after"], "1");
  api.invocations.flying = 4;
  assert.equal((await api.call("POST", `${ACTIONS}/a`)).status, 202);
});

test("a missing action, a foreign one and one of a dead runtime are not invoked", async () => {
  await using api = await startApi();
  const missing = await api.call("POST", `${ACTIONS}/none?blocking=true`);
  assert.equal(missing.status, 404);
  assert.equal(missing.body.error, "The requested resource does not exist.");
  const foreign = await api.call("POST", "/api/v1/namespaces/other/actions/a");
  assert.equal(foreign.status, 403);
  assert.equal(foreign.body.error, "The supplied authentication is not authorized to access 'other/a'.");
  await api.call("PUT", `${ACTIONS}/dead`, { json: source() });
  const id = { namespace: "guest" as never, path: "dead" as never };
  const stored = await api.stores.artifacts.get(id);
  assert.ok(stored !== undefined);
  const exec = { ...(stored.body["exec"] as object), kind: "nodejs:0.10" };
  await api.stores.artifacts.put({ ...stored, body: { ...stored.body, exec } }, stored.revision);
  const dead = await api.call("POST", `${ACTIONS}/dead`);
  assert.equal(dead.status, 400);
  assert.match(dead.body.error, /The 'nodejs:0.10' runtime is no longer supported/);
  assert.equal((await api.call("PUT", `${ACTIONS}/dead?overwrite=true`, { json: {} })).status, 400);
  assert.equal((await api.call("GET", `${ACTIONS}/dead`)).status, 200);
  assert.equal((await api.call("DELETE", `${ACTIONS}/dead`)).status, 200);
  assert.equal(api.invocations.calls.length, 0);
});

test("refusals of the invocation itself keep their codes; surprises say nothing of themselves", async () => {
  const logged: object[] = [];
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: object) => void logged.push(fields) };
  await using api = await startApi({ log });
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  api.invocations.answer = () => {
    throw new PlatformError(
      "request/malformed",
      "Request defines parameters that are not allowed (e.g., reserved properties).",
    );
  };
  assert.equal((await api.call("POST", `${ACTIONS}/a`)).status, 400);
  api.invocations.answer = () => {
    throw new PlatformError("invoker/buffer-full", "the buffer holds 10000 of 10000 activations");
  };
  const full = await api.call("POST", `${ACTIONS}/a?blocking=true`);
  assert.equal(full.status, 503);
  assert.equal(full.headers["x-skein-error"], "invoker/buffer-full");
  assert.equal(full.headers["retry-after"], "1");
  api.invocations.answer = () => {
    throw new Error("secret of the house");
  };
  const surprise = await api.call("POST", `${ACTIONS}/a?blocking=true`);
  assert.equal(surprise.status, 500);
  assert.deepEqual(surprise.body, {
    error: "There was an internal server error.",
    code: surprise.headers["x-request-id"],
  });
  assert.equal(logged.length, 1);
});

test("a request that is refused for itself does not bring the platform down with what it asked for", async () => {
  await using api = await startApi();
  const unheard: unknown[] = [];
  const note = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", note);
  try {
    for (const query of ["blocking=maybe", "blocking=true&timeout=0"]) {
      const reply = await api.call("POST", `${ACTIONS}/none?${query}`, { json: {} });
      assert.equal(reply.status, 400);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(unheard, []);
  } finally {
    process.off("unhandledRejection", note);
  }
});
