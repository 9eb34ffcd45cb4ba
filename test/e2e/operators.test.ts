import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, Platform, temporaryFolder } from "../support/platform.ts";

test("the platform says what it does, and stops and starts its intake on an operator's word", async (t) => {
  const dataDir = temporaryFolder(t);
  const platform = await Platform.start({ dataDir });
  t.after(() => platform.stop());
  const key = readFileSync(join(dataDir, "keys", "whisk.system"), "utf8").trim();
  const system = { authorization: `Basic ${Buffer.from(key).toString("base64")}` };
  const ask = async (path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> => {
    const response = await fetch(platform.url + path, { ...init, signal: AbortSignal.timeout(30_000) });
    return { status: response.status, text: await response.text() };
  };
  const metric = async (series: string): Promise<number | undefined> => {
    const line = (await ask("/metrics")).text.split("\n").find((text) => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };

  assert.deepEqual(await eventually(() => whenReady(ask), "a ready invoker"), { healthy: "1/1" });
  assert.deepEqual(JSON.parse((await ask("/invokers")).text), { invoker0: "up" });
  // No stem cell is of this size: one cold start, then a warm one.
  await platform.deploy("slow", "main = ({ ms = 0 }) => new Promise((done) => setTimeout(done, ms, {}))", {
    limits: { memory: 128 },
  });
  for (let call = 0; call < 2; call += 1) await platform.call("POST", "actions/slow?blocking=true", {});
  await platform.call("POST", "actions/slow?blocking=true", { ms: "nonsense" });
  await eventually(
    async () =>
      (await metric('counter_controller_activation_finish_total{status="success"}')) === 3 ? true : undefined,
    "three records",
  );
  assert.equal(await metric('counter_invoker_containerStart_total{state="cold"}'), 1);
  assert.equal(await metric('counter_invoker_containerStart_total{state="warm"}'), 2);
  assert.equal(await metric("histogram_invoker_activationInit_milliseconds_count"), 1);
  assert.equal(await metric("histogram_scheduler_waitTime_milliseconds_count"), 3);
  assert.ok(((await metric('gauge_invoker_containerPoolMemory{state="used"}')) ?? 0) >= 128);

  const running = platform.call("POST", "actions/slow?blocking=true", { ms: 1500 });
  await eventually(async () => ((await ask("/activation/count")).text === "1" ? true : undefined), "one in flight");
  const [[id, name]] = JSON.parse((await ask("/activation", { headers: system })).text) as [[string, string]];
  assert.equal(name, "guest/slow@0.0.1");
  assert.equal((await ask("/activation")).status, 401);
  assert.equal((await ask("/disable", { method: "POST", headers: system })).text, "controller is disabled");
  assert.equal((await platform.call("POST", "actions/slow?blocking=true", {})).status, 503);
  assert.equal((await ask("/invokers/ready")).status, 500);
  const { status, body } = await running;
  assert.deepEqual([status, body.activationId], [200, id], "what ran has ended");
  assert.equal((await platform.call("GET", "actions/slow")).status, 200);
  await ask("/enable", { method: "POST", headers: system });
  assert.equal((await platform.call("POST", "actions/slow", {})).status, 202);
  assert.equal(await platform.stop(), 0);
});

async function whenReady(ask: (path: string) => Promise<{ status: number; text: string }>): Promise<unknown> {
  const { status, text } = await ask("/invokers/ready");
  return status === 200 ? (JSON.parse(text) as unknown) : undefined;
}
