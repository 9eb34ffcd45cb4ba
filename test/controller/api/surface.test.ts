import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { createController } from "../../../src/controller/controller.ts";
import { isPlatformError } from "../../../src/kernel/errors.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { optionsSchema } from "../../../src/kernel/options/options.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import { Metrics } from "../../../src/controller/metrics/metrics.ts";
import {
  ADVERT,
  basic,
  GUEST,
  OTHER,
  quietFleet,
  recordOf,
  ScriptedInvocations,
  source,
  startApi,
  SYSTEM,
} from "./harness.ts";

const TREE = "/api/v1/namespaces/_";

test("what is outside of the namespaces is for everyone", async () => {
  await using api = await startApi();
  const root = await api.call("GET", "/", { auth: null });
  assert.deepEqual(root.body.api_paths, ["/api/v1"]);
  assert.equal(root.body.limits.actions_per_minute, 60_000);
  assert.equal(root.body.limits.max_action_memory, 512 * 1_048_576);
  assert.deepEqual(root.body.runtimes.nodejs[0], {
    kind: "nodejs:24",
    image: "",
    deprecated: false,
    default: true,
    attached: true,
    requireMain: false,
  });
  assert.equal((await api.call("GET", "/ping", { auth: null })).text, "pong");
  for (const path of ["/api/v1", "/api/v1/"]) {
    const info = await api.call("GET", path, { auth: null });
    assert.equal(info.body.api_version_path, "v1");
    assert.deepEqual(info.body.swagger_paths, { ui: "/docs", "api-docs": "/api-docs" });
  }
  for (const path of ["/api-docs", "/api/v1/api-docs"]) {
    const docs = await api.call("GET", path, { auth: null });
    assert.equal(docs.body.basePath, "/api/v1");
    const invoke = docs.body.paths["/namespaces/{namespace}/actions/{name}"].post;
    assert.equal(Object.keys(invoke.responses).join(" "), "200 202 400 401 403 404 409 413 415 429 500 502 503");
  }
});

test("a namespace knows its name and its limits", async () => {
  await using api = await startApi({ options: { limits: { preset: "openwhisk", firesPerMinute: 7 } } });
  assert.deepEqual((await api.call("GET", "/api/v1/namespaces")).body, ["guest"]);
  assert.deepEqual((await api.call("GET", "/api/v1/namespaces/", { auth: OTHER })).body, ["other"]);
  const limits = await api.call("GET", `${TREE}/limits`);
  assert.deepEqual(limits.body, {
    invocationsPerMinute: 60,
    concurrentInvocations: 30,
    firesPerMinute: 7,
    minActionMemory: 128,
    maxActionMemory: 512,
    minActionLogs: 0,
    maxActionLogs: 10,
    minActionTimeout: 100,
    maxActionTimeout: 300_000,
    minActionConcurrency: 1,
    maxActionConcurrency: 200,
    maxActionInstances: 30,
    maxParameterSize: "1048576 B",
  });
  assert.equal((await api.call("GET", "/api/v1/namespaces/other/limits")).status, 403);
});

test("the status is for the platform's own key", async () => {
  await using api = await startApi();
  assert.equal((await api.call("GET", "/status", { auth: null })).status, 401);
  assert.equal((await api.call("GET", "/status")).status, 403);
  assert.deepEqual((await api.call("GET", "/status", { auth: SYSTEM })).body, { controller: "up" });
});

test("who does not show a whole key of an unblocked subject is nobody", async () => {
  await using api = await startApi();
  const [uuid = "", key = ""] = GUEST.split(":");
  const wrong = [
    `${uuid}:${key.slice(0, 63)}`,
    `${uuid}:${key}x`,
    `${uuid}:${"x".repeat(64)}`,
    `x:${key}`,
    uuid,
    "",
    ":",
    `:${key}`,
    "x".repeat(2000),
  ];
  const headers = [...wrong.map(basic), "", "Bearer x", "Basic", "Basic !!", basic(GUEST).replace("Basic", "Digest")];
  for (const authorization of headers) {
    const get = await api.call("GET", "/api/v1/namespaces", { auth: null, headers: { authorization } });
    assert.equal(get.status, 401, authorization);
    assert.equal(get.body.error, "The supplied authentication is invalid");
    assert.equal(get.headers["www-authenticate"], 'Basic realm="OpenWhisk secure realm"');
    assert.equal(get.headers["x-skein-error"], "auth/invalid");
  }
  assert.equal((await api.call("GET", "/api/v1/namespaces", { auth: null })).status, 401);
  const lower = { authorization: basic(GUEST).replace("Basic", "basic") };
  assert.equal((await api.call("GET", "/api/v1/namespaces", { auth: null, headers: lower })).status, 200);
});

test("every answer has CORS headers and a transaction id, errors too", async () => {
  await using api = await startApi();
  const calls: readonly [string, string, string | null][] = [
    ["GET", "/ping", null],
    ["GET", "/nowhere", null],
    ["GET", "/api/v1/namespaces", null],
    ["GET", "/api/v1/namespaces", GUEST],
    ["GET", `${TREE}/actions/none`, GUEST],
    ["POST", `${TREE}/actions/none`, GUEST],
    ["PUT", `${TREE}/actions`, GUEST],
    ["GET", `${TREE}/actions/%zz`, GUEST],
    ["HEAD", `${TREE}/actions`, GUEST],
    ["OPTIONS", `${TREE}/actions/none`, null],
    ["OPTIONS", "/nowhere", null],
    ["GET", `/${"x".repeat(9000)}`, null],
  ];
  for (const [method, path, auth] of calls) {
    const reply = await api.call(method, path, { auth });
    const where = `${method} ${path.slice(0, 60)}`;
    assert.equal(reply.headers["access-control-allow-origin"], "*", where);
    assert.equal(
      reply.headers["access-control-allow-headers"],
      "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent",
    );
    assert.equal(reply.headers["access-control-allow-methods"], "GET, DELETE, POST, PUT, HEAD");
    assert.match(String(reply.headers["x-request-id"]), /^[0-9a-zA-Z]{32}$/, where);
    if (reply.status >= 400 && method !== "HEAD") {
      assert.deepEqual(Object.keys(reply.body), ["error", "code"]);
      assert.equal(reply.body.code, reply.headers["x-request-id"]);
      assert.ok(reply.headers["x-skein-error"] !== undefined);
    }
  }
});

test("OPTIONS is answered everywhere, to everyone", async () => {
  await using api = await startApi();
  for (const path of ["/", "/api/v1/namespaces", `${TREE}/actions/a`, "/nowhere"]) {
    assert.equal((await api.call("OPTIONS", path, { auth: null })).status, 200);
  }
});

test("a caller may name its transaction, but not as the platform does", async () => {
  await using api = await startApi();
  const named = async (id: string) =>
    (await api.call("GET", "/nowhere", { headers: { "x-request-id": id } })).headers["x-request-id"];
  assert.equal(await named("my-own_1"), "my-own_1");
  for (const id of ["sid_invoker", "", "x".repeat(300), "a b"]) assert.match(String(await named(id)), /^\w{32}$/, id);
});

test("verbs that are not served are refused with those that are", async () => {
  await using api = await startApi();
  const refusals: readonly [string, string, string][] = [
    ["PUT", `${TREE}/actions`, "GET"],
    ["POST", `${TREE}/actions`, "GET"],
    ["DELETE", `${TREE}/actions/`, "GET"],
    ["PATCH", `${TREE}/actions/a`, "GET, PUT, DELETE, POST"],
    ["HEAD", `${TREE}/actions/a`, "GET, PUT, DELETE, POST"],
    ["POST", `${TREE}/activations`, "GET"],
    ["DELETE", `${TREE}/activations/${"0".repeat(32)}`, "GET"],
    ["PUT", `${TREE}/activations/${"0".repeat(32)}/logs`, "GET"],
    ["PUT", `${TREE}/limits`, "GET"],
    ["POST", "/api/v1/namespaces", "GET"],
    ["POST", "/", "GET"],
    ["DELETE", "/ping", "GET"],
  ];
  for (const [method, path, allow] of refusals) {
    const reply = await api.call(method, path);
    assert.equal(reply.status, 405, `${method} ${path}`);
    assert.equal(reply.headers["allow"], allow);
    if (method === "HEAD") continue;
    assert.equal(reply.body.error, `HTTP method not allowed, supported methods: ${allow}`);
  }
  assert.equal((await api.call("PATCH", `${TREE}/actions/a`, { auth: null })).status, 401);
});

test("what is not served is not found; below the API only callers are told so", async () => {
  await using api = await startApi();
  assert.equal((await api.call("GET", "/nowhere", { auth: null })).status, 404);
  assert.equal((await api.call("GET", "/api/v1/nowhere", { auth: null })).status, 401);
  for (const path of ["/api/v1/nowhere", "/api/v1/namespaces/guest", `${TREE}/actions/a/b/c`, `${TREE}/limits/x`]) {
    const reply = await api.call("GET", path);
    assert.equal(reply.status, 404, path);
    assert.equal(reply.body.error, "The requested resource does not exist.");
  }
});

test("bodies and URIs have bounds", async () => {
  await using api = await startApi({ options: { server: { bodyBytesMax: 2048 } } });
  const put = await api.call("PUT", `${TREE}/actions/a`, { json: source("x".repeat(2048)) });
  assert.equal(put.status, 413);
  assert.match(put.body.error, /^Request larger than allowed: 20\d\d > 2048 bytes\.$/);
  const stranger = await api.call("PUT", `${TREE}/actions/a`, { json: source("x".repeat(4096)), auth: null });
  assert.equal(stranger.status, 401, "nobody's body is not read");
  const long = await api.call("GET", `${TREE}/actions/a?${"x".repeat(8192)}`);
  assert.equal(long.status, 414);
});

test("what is no HTTP is answered once, and the connection ends", async () => {
  await using api = await startApi();
  const { hostname, port } = new URL(api.url);
  for (const [bytes, status] of [
    ["NONSENSE\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(40_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(port), hostname);
    socket.write(bytes);
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    await once(socket, "close");
    assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text);
    assert.ok("error" in (JSON.parse(text.split("\r\n\r\n")[1] ?? "") as object));
  }
});

test("closing lets what runs finish, takes nothing new, and is idempotent", async () => {
  await using api = await startApi();
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  const gate = Promise.withResolvers<void>();
  api.invocations.answer = async (request) => {
    await gate.promise;
    return { kind: "done", record: recordOf(request, { result: { late: true } }) };
  };
  const running = api.call("POST", `${TREE}/actions/a?blocking=true&result=true`);
  while (api.invocations.calls.length === 0) await new Promise(setImmediate);
  const closed = [api.controller.close(), api.controller.close()];
  await assert.rejects(api.call("GET", "/ping"), { code: "ECONNREFUSED" });
  gate.resolve();
  const reply = await running;
  assert.deepEqual(reply.body, { late: true });
  assert.equal(reply.headers["connection"], "close");
  await Promise.all(closed);
});

test("closing cuts what does not end in time", async () => {
  await using api = await startApi({ options: { server: { shutdownMs: 20 } } });
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  api.invocations.answer = () => new Promise(() => {});
  const running = api.call("POST", `${TREE}/actions/a?blocking=true`);
  const cut = assert.rejects(running);
  while (api.invocations.calls.length === 0) await new Promise(setImmediate);
  await api.controller.close();
  await cut;
});

test("listening beyond loopback needs TLS or a word for it, and a taken port is told by name", async () => {
  const stores = memoryStores({ clock: systemClock });
  const api = () =>
    createController({
      options: optionsSchema.parse({}),
      stores,
      invocations: new ScriptedInvocations(stores.activations),
      runtimes: ADVERT,
      status: () => ({}),
      fleet: quietFleet,
      metrics: new Metrics(),
      me: asId("test"),
      random: seededRandom("surface"),
      clock: systemClock,
      log: silentLog,
      version: "0",
    });
  await assert.rejects(api().listen({ host: "0.0.0.0", port: 0 }), (error) =>
    isPlatformError(error, "server/insecure"),
  );
  const first = api();
  const { url } = await first.listen({ host: "127.0.0.1", port: 0 });
  const port = Number(new URL(url).port);
  await assert.rejects(api().listen({ host: "127.0.0.1", port }), (error) => isPlatformError(error, "server/address"));
  await first.close();
});
