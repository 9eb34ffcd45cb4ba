import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { FleetFigures, InvokerHealth } from "../../../src/controller/metrics/fleet.ts";
import { Metrics } from "../../../src/controller/metrics/metrics.ts";
import type { ActivationRecord, StatusCode } from "../../../src/kernel/activation.ts";
import { asId } from "../../../src/kernel/ids.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";

/** One series, by its name and labels as they are written. */
async function read(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split("\n").find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

function record(
  statusCode: StatusCode,
  annotations: Readonly<Record<string, JsonValue>>,
  duration: number | undefined = 7,
): ActivationRecord {
  return {
    namespace: asId("guest"),
    name: "a",
    version: "0.0.1",
    subject: "guest",
    activationId: asId("0".repeat(32)),
    start: 1,
    ...(duration < 0 ? {} : { end: 1 + duration, duration }),
    response: { statusCode, result: {} },
    logs: [],
    annotations: Object.entries(annotations).map(([key, value]) => ({ key, value })),
    publish: false,
  };
}

test("records are counted by how they ended, and timed where something ran", async () => {
  const metrics = new Metrics();
  metrics.onRecord(record(0, { kind: "nodejs:24", waitTime: 3, initTime: 40 }));
  metrics.onRecord(record(0, { kind: "nodejs:24", waitTime: 1 }));
  metrics.onRecord(record(2, { kind: "nodejs:24", waitTime: 1 }));
  const finished = "counter_controller_activation_finish_total";
  assert.equal(await read(metrics, `${finished}{status="success"}`), 2);
  assert.equal(await read(metrics, `${finished}{status="developer_error"}`), 1);
  assert.equal(await read(metrics, "histogram_invoker_activationRun_milliseconds_sum"), 21);
  assert.equal(await read(metrics, 'histogram_invoker_activationRun_milliseconds_bucket{le="5"}'), 0);
  assert.equal(await read(metrics, 'histogram_invoker_activationRun_milliseconds_bucket{le="10"}'), 3);
  assert.equal(await read(metrics, "histogram_invoker_activationInit_milliseconds_count"), 1);
  assert.equal(await read(metrics, "histogram_scheduler_waitTime_milliseconds_sum"), 5);
});

test("a sequence counts as over, but its time is its components'; a trigger is a record and no more", async () => {
  const metrics = new Metrics();
  metrics.onRecord(record(0, { kind: "sequence", waitTime: 3 }));
  metrics.onRecord(record(0, {}, -1));
  assert.equal(await read(metrics, 'counter_controller_activation_finish_total{status="success"}'), 1);
  assert.equal(await read(metrics, "histogram_invoker_activationRun_milliseconds_count"), 0);
  assert.equal(await read(metrics, "counter_database_saveDocumentBulk_total"), 2);
});

test("requests are counted by verb, route and class of status, each once however often it is read", async () => {
  const metrics = new Metrics();
  const tally = metrics.httpTally("GET", "/api/v1/namespaces/:namespace/actions");
  tally.count(200);
  tally.count(204);
  tally.count(404);
  assert.equal(metrics.httpTally("GET", "/api/v1/namespaces/:namespace/actions"), tally);
  const labels = 'method="GET",route="/api/v1/namespaces/:namespace/actions"';
  for (let reading = 0; reading < 2; reading += 1) {
    assert.equal(await read(metrics, `counter_http_requests_total{${labels},status="2xx"}`), 2);
    assert.equal(await read(metrics, `counter_http_requests_total{${labels},status="4xx"}`), 1);
    assert.equal(await read(metrics, `counter_http_requests_total{${labels},status="5xx"}`), undefined);
  }
});

test("what others keep is read when somebody asks", async () => {
  const metrics = new Metrics();
  let figures: FleetFigures = {
    containers: { free: 1, busy: 2 },
    memoryMb: { used: 768, free: 256 },
    starts: { cold: 3, prewarmed: 0, warm: 9 },
    inFlight: 4,
    buffered: 1,
  };
  const invokers: Readonly<Record<string, InvokerHealth>> = { invoker0: "up", invoker1: "up", invoker2: "down" };
  const caches = { action: { hits: 9, misses: 3 }, rule: { hits: 0, misses: 1 } };
  metrics.watch({
    fleet: { invokers: () => invokers, figures: () => figures, active: () => [] },
    caches: () => caches,
  });
  assert.equal(await read(metrics, 'gauge_invoker_containerPoolContainer{state="busy"}'), 2);
  assert.equal(await read(metrics, 'gauge_invoker_containerPoolMemory{state="free"}'), 256);
  assert.equal(await read(metrics, 'counter_invoker_containerStart_total{state="warm"}'), 9);
  assert.equal(await read(metrics, 'counter_database_cacheHit_total{cache="action"}'), 9);
  assert.equal(await read(metrics, 'counter_database_cacheMiss_total{cache="rule"}'), 1);
  assert.equal(await read(metrics, "gauge_loadbalancer_totalHealthyInvoker"), 2);
  assert.equal(await read(metrics, "gauge_loadbalancer_totalOfflineInvoker"), 1);
  figures = { ...figures, containers: { free: 3, busy: 0 }, starts: { cold: 3, prewarmed: 0, warm: 20 }, inFlight: 0 };
  assert.equal(await read(metrics, 'gauge_invoker_containerPoolContainer{state="busy"}'), 0);
  assert.equal(await read(metrics, 'counter_invoker_containerStart_total{state="warm"}'), 20);
  assert.equal(await read(metrics, "gauge_loadbalancer_activationsInflight"), 0);
});

test("the page for operators lists every series, and no others", async () => {
  const metrics = new Metrics();
  const figures = { containers: {}, memoryMb: {}, starts: {}, inFlight: 0, buffered: 0 };
  metrics.watch({ fleet: { invokers: () => ({}), figures: () => figures, active: () => [] }, caches: () => ({}) });
  metrics.watchProcess("1.2.3");
  const usual = /^(?:nodejs|process)_/;
  const told = [...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].flatMap(([, name = ""]) => name);
  const page = readFileSync(new URL("../../../docs/operating/metrics.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("<!-- series"), page.indexOf("<!-- end of series"));
  const listed = [...table.matchAll(/^\| `(\w+)` \|/gm)].flatMap(([, name = ""]) => name);
  assert.deepEqual(listed.toSorted(), told.filter((name) => !usual.test(name)).toSorted());
  assert.ok(told.includes("nodejs_eventloop_lag_seconds"));
  assert.equal(await read(metrics, 'skein_build_info{version="1.2.3"}'), 1);
});

test("every name keeps Prometheus's rules, and none is given twice", async () => {
  const metrics = new Metrics();
  const figures = { containers: {}, memoryMb: {}, starts: {}, inFlight: 0, buffered: 0 };
  metrics.watch({ fleet: { invokers: () => ({}), figures: () => figures, active: () => [] }, caches: () => ({}) });
  const names = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  assert.ok(names.length > 15);
  assert.equal(new Set(names.map(([, name]) => name)).size, names.length);
  for (const [, name = "", type] of names) {
    assert.match(name, /^[a-zA-Z_][a-zA-Z0-9_]*$/);
    if (type === "counter") assert.ok(name.endsWith("_total"), name);
  }
});
