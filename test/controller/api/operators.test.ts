import assert from "node:assert/strict";
import { test } from "node:test";
import { audienceOfFigures, isReady } from "../../../src/controller/api/operators.ts";
import type { FleetView, InvokerHealth } from "../../../src/controller/metrics/fleet.ts";
import type { PromisedActivation } from "../../../src/kernel/activation.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { GUEST, nextId, quietFleet, recordOf, source, startApi, SYSTEM } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";

function fleetOf(
  health: Readonly<Record<string, InvokerHealth>>,
  active: readonly PromisedActivation[] = [],
): FleetView {
  return { ...quietFleet, invokers: () => health, active: () => active };
}

function promised(path: string): PromisedActivation {
  return {
    activationId: nextId(),
    transactionId: asId("t"),
    action: { namespace: asId("guest"), path: asId(path), version: "0.0.2", revision: asId("1") },
    caller: { subject: "guest", namespace: asId("guest") },
    acceptedAt: 1,
    recordAnnotations: [],
    retryOnLoss: false,
  };
}

test("the health of invokers is for everybody, in OpenWhisk's words", async () => {
  const fleet = fleetOf({ invoker0: "up", invoker1: "unhealthy", "invoker2/a": "down" });
  await using api = await startApi({ fleet });
  for (const path of ["/invokers", "/invokers/"]) {
    const { body } = await api.call("GET", path, { auth: null });
    assert.deepEqual(body, { invoker0: "up", invoker1: "unhealthy", "invoker2/a": "down" });
  }
  assert.equal((await api.call("GET", "/invokers/healthy/count", { auth: null })).text, "1");
});

test("readiness is a share: one sick invoker of three is no reason where half are enough", async () => {
  const fleet = fleetOf({ invoker0: "up", invoker1: "up", invoker2: "unresponsive" });
  await using half = await startApi({ fleet, options: { server: { readinessFraction: 0.5 } } });
  const ready = await half.call("GET", "/invokers/ready", { auth: null });
  assert.deepEqual([ready.status, ready.body], [200, { healthy: "2/3" }]);
  await using all = await startApi({ fleet });
  const unready = await all.call("GET", "/invokers/ready", { auth: null });
  assert.deepEqual([unready.status, unready.body], [500, { unhealthy: "1/3" }]);
});

test("the share is exact at its edges, and no invokers are never enough", () => {
  assert.equal(isReady({ healthy: 2, all: 3 }, 2 / 3), true);
  assert.equal(isReady({ healthy: 2, all: 3 }, 0.67), false);
  assert.equal(isReady({ healthy: 99, all: 100 }, 0.99), true);
  assert.equal(isReady({ healthy: 0, all: 1 }, 0), true);
  assert.equal(isReady({ healthy: 0, all: 0 }, 0), false);
});

test("what runs is told as pairs of id and action, to the platform's key", async () => {
  const running = [promised("a"), promised("pkg/b")];
  const fleet = fleetOf({ invoker0: "up" }, running);
  await using api = await startApi({ fleet });
  for (const path of ["/activation", "/activation/"]) {
    assert.equal((await api.call("GET", path, { auth: null })).status, 401);
    assert.equal((await api.call("GET", path)).status, 403);
    assert.deepEqual((await api.call("GET", path, { auth: SYSTEM })).body, [
      [running[0]?.activationId, "guest/a@0.0.2"],
      [running[1]?.activationId, "guest/pkg/b@0.0.2"],
    ]);
  }
  // Their number names nobody.
  assert.equal((await api.call("GET", "/activation/count", { auth: null })).text, "2");
});

test("figures are open on loopback, closed beyond it, and as the operator says where he says", async () => {
  assert.equal(audienceOfFigures({ metrics: "auto", host: "127.0.0.1" }), "everyone");
  assert.equal(audienceOfFigures({ metrics: "auto", host: "::1" }), "everyone");
  assert.equal(audienceOfFigures({ metrics: "auto", host: "0.0.0.0" }), "system");
  assert.equal(audienceOfFigures({ metrics: "auto", host: "127.0.0.1.example.org" }), "system");
  await using closed = await startApi({ options: { server: { metrics: "system-key" } } });
  for (const path of ["/metrics", "/activation/count"]) {
    assert.equal((await closed.call("GET", path, { auth: null })).status, 401);
    assert.equal((await closed.call("GET", path, { auth: GUEST })).status, 403);
    assert.equal((await closed.call("GET", path, { auth: SYSTEM })).status, 200);
  }
  await using open = await startApi({ options: { server: { metrics: "open", host: "0.0.0.0" } } });
  for (const path of ["/metrics", "/activation/count", "/activation"]) {
    assert.equal((await open.call("GET", path, { auth: null })).status, 200, path);
  }
});

test("a closed intake takes no activations, whoever starts them, and serves the rest", async () => {
  await using api = await startApi();
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  await api.call("PUT", `${TREE}/actions/s`, { json: { exec: { kind: "sequence", components: ["/_/a"] } } });
  await api.call("PUT", `${TREE}/triggers/t`, { json: {} });
  await api.call("PUT", `${TREE}/rules/r`, { json: { trigger: "/_/t", action: "/_/a" } });
  assert.equal((await api.call("POST", "/disable", { auth: null })).status, 401);
  assert.equal((await api.call("POST", "/disable")).status, 403);
  assert.equal((await api.call("POST", `${TREE}/actions/a`)).status, 202, "nobody has closed it");

  const gate = Promise.withResolvers<void>();
  api.invocations.answer = async (request) => {
    await gate.promise;
    return { kind: "done", record: recordOf(request, { result: { late: true } }) };
  };
  const running = api.call("POST", `${TREE}/actions/a?blocking=true&result=true`);
  while (api.invocations.calls.length < 2) await new Promise(setImmediate);

  for (let time = 0; time < 2; time += 1) {
    const disabled = await api.call("POST", "/disable", { auth: SYSTEM });
    assert.deepEqual([disabled.status, disabled.text], [200, "controller is disabled"]);
  }
  for (const path of ["actions/a", "actions/a?blocking=true", "actions/s", "triggers/t"]) {
    const refused = await api.call("POST", `${TREE}/${path}`);
    assert.equal(refused.status, 503, path);
    assert.equal(refused.headers["x-skein-error"], "server/disabled");
    assert.equal(refused.headers["retry-after"], "1");
  }
  assert.equal(api.invocations.calls.length, 2);
  assert.deepEqual((await api.call("GET", "/invokers/ready", { auth: null })).body, { unhealthy: "1/1" });
  assert.equal((await api.call("GET", `${TREE}/actions/a`)).status, 200);
  assert.equal((await api.call("PUT", `${TREE}/actions/b`, { json: source() })).status, 200);
  gate.resolve();
  assert.deepEqual((await running).body, { late: true });

  const enabled = await api.call("POST", "/enable", { auth: SYSTEM });
  assert.deepEqual([enabled.status, enabled.text], [200, "controller is enabled"]);
  assert.equal((await api.call("POST", `${TREE}/actions/a?blocking=true`)).status, 200);
});

test("metrics count requests by route, calls by kind, refusals by limit and caches by what they held", async () => {
  await using api = await startApi({ options: { limits: { preset: "openwhisk", invocationsPerMinute: 3 } } });
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  await api.call("POST", `${TREE}/actions/a`);
  await api.call("POST", `${TREE}/actions/a?blocking=true`);
  api.invocations.flying = 30;
  assert.equal((await api.call("POST", `${TREE}/actions/a`)).status, 429);
  api.invocations.flying = 0;
  await api.call("POST", `${TREE}/actions/a`);
  assert.equal((await api.call("POST", `${TREE}/actions/a`)).status, 429);
  await api.call("PATCH", `${TREE}/actions/a`);
  await api.call("GET", "/api/v1/web/nobody/default/none.json", { auth: null });
  await api.call("GET", "/nowhere", { auth: null });
  await api.call("GET", `${TREE}/actions/${"x".repeat(300)}`);
  const reply = await api.call("GET", "/metrics", { auth: null });
  assert.equal(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const route = "/api/v1/namespaces/:namespace/actions/:name";
  for (const line of [
    `counter_http_requests_total{method="PUT",route="${route}",status="2xx"} 1`,
    `counter_http_requests_total{method="POST",route="${route}",status="2xx"} 3`,
    `counter_http_requests_total{method="POST",route="${route}",status="4xx"} 2`,
    `counter_http_requests_total{method="GET",route="${route}",status="4xx"} 1`,
    `counter_http_requests_total{method="other",route="${route}",status="4xx"} 1`,
    'counter_http_requests_total{method="any",route="none",status="4xx"} 1',
    'counter_http_requests_total{method="GET",route="/api/v1/web/*",status="4xx"} 1',
    "counter_controller_activation_start_total 2",
    "counter_controller_blockingActivation_start_total 1",
    "openwhisk_action_limit_timed_total 1",
    "openwhisk_action_limit_concurrent_total 1",
    'counter_database_cacheMiss_total{cache="action"} 1',
    'counter_database_cacheHit_total{cache="action"} 2',
  ]) {
    assert.ok(reply.text.split("\n").includes(line), `${line}\n${reply.text}`);
  }
});

test("no series is named by a user, however many names are used", async () => {
  await using api = await startApi();
  const series = async (): Promise<number> => (await api.call("GET", "/metrics")).text.split("\n").length;
  const use = async (name: string): Promise<void> => {
    await api.call("PUT", `${TREE}/actions/${name}`, { json: source() });
    await api.call("POST", `${TREE}/actions/${name}?blocking=true`);
    await api.call("GET", `/${name}`, { auth: null });
    await api.call("DELETE", `${TREE}/actions/${name}`);
  };
  await use("first");
  await series();
  const before = await series();
  for (let number = 0; number < 20; number += 1) await use(`secret-${number}`);
  assert.equal(await series(), before);
  assert.ok(!(await api.call("GET", "/metrics")).text.includes("secret"));
});
