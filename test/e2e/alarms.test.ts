import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventually, type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

/** A platform that does not outlive its test, whatever fails. */
async function start(t: TestContext, dataDir: string): Promise<Platform> {
  const platform = await Platform.start({ dataDir });
  t.after(() => platform.kill());
  return platform;
}

/** Invokes something of the system's namespace, as any caller may. */
async function invoke(platform: Platform, path: string, params: object): Promise<{ status: number; body: JsonBody }> {
  const url = `${platform.url}/api/v1/namespaces/whisk.system/actions/${path}?blocking=true&result=true`;
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: platform.authorization, "content-type": "application/json" },
    body: JSON.stringify(params),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, body: await response.json() };
}

/** What `wsk trigger create --feed` and its like send. */
function feed(platform: Platform, name: string, event: string, params: object): ReturnType<typeof invoke> {
  const authKey = Buffer.from(platform.authorization.replace("Basic ", ""), "base64").toString();
  const life = { lifecycleEvent: event, triggerName: "/_/beat", authKey };
  return invoke(platform, `alarms/${name}`, { ...life, ...params });
}

async function record(platform: Platform, id: string): Promise<JsonBody> {
  return await eventually(async () => {
    const { status, body } = await platform.call("GET", `activations/${id}`);
    return status === 200 ? body : undefined;
  }, `the record of ${id}`);
}

test("the catalog is there for everybody from the first start on", async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await start(t, dataDir);
  const greeting = await invoke(first, "samples/greeting", {});
  assert.deepEqual(greeting.body, { payload: "Hello, stranger from somewhere!" });
  assert.deepEqual((await invoke(first, "utils/namespace", {})).body, { namespace: "guest" });
  const sorted = await invoke(first, "utils/sort", { lines: ["b", "a"] });
  assert.deepEqual(sorted.body, { lines: ["a", "b"], length: 2 });
  const fetched = await invoke(first, "samples/curl", { payload: `${first.url}/ping` });
  assert.deepEqual([fetched.body.status, fetched.body.body], [200, "pong"]);
  assert.equal(await first.stop(), 0);
  const second = await start(t, dataDir);
  assert.ok(!second.log.some((line) => line.includes("a package of the catalog was installed")), "once is enough");
  assert.equal((await invoke(second, "utils/echo", { a: 1 })).body.a, 1);
  assert.equal(await second.stop(), 0);
});

test("a trigger made with a feed rings its rules by the second, over kills too, and no second rings twice", async (t) => {
  const dataDir = temporaryFolder(t);
  let platform = await start(t, dataDir);
  await platform.deploy("tick", "function main(params) { return params }");
  assert.equal((await platform.call("PUT", "triggers/beat", {})).status, 200);
  const created = await feed(platform, "alarm", "CREATE", { cron: "* * * * * *", trigger_payload: { n: 7 } });
  assert.deepEqual(created, { status: 200, body: { status: "success" } });
  assert.equal((await platform.call("PUT", "rules/r", { trigger: "/_/beat", action: "/_/tick" })).status, 200);
  const { body: read } = await feed(platform, "alarm", "READ", {});
  assert.deepEqual([read.config.cron, read.config.payload, read.status.active], ["* * * * * *", { n: 7 }, true]);

  const fires = async (count: number): Promise<JsonBody[]> =>
    await eventually(async () => {
      const { body } = await platform.call("GET", "activations?name=beat&docs=true&limit=200");
      return body.length >= count ? body : undefined;
    }, `${count} firings`);
  for (const count of [2, 3, 4, 6]) {
    await fires(count);
    // Just about a tick, where there is something to be torn: before it fires, while it does, before it is noted, after.
    const aboutMs = [-5, 2, 5, 9][count % 4] ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000) + aboutMs));
    await platform.kill();
    platform = await start(t, dataDir);
  }
  const all = await fires(8);
  const ticks = all.map((one) => Number.parseInt(one.activationId.slice(0, 12), 16));
  assert.equal(new Set(ticks).size, ticks.length, "one record for each second");
  assert.ok(ticks.every((tick) => tick % 1000 === 0));

  const started = all.flatMap((one) => one.logs.map((line: string) => JSON.parse(line)));
  assert.ok(started.every((line) => line.success === true && line.rule === "guest/r"));
  assert.equal(new Set(started.map((line) => line.activationId)).size, started.length);
  const runs = await Promise.all(started.map((line) => record(platform, line.activationId)));
  assert.ok(runs.every(({ response: { result, status } }) => status !== "success" || result.n === 7));
  const { body: counted } = await platform.call("GET", "activations?name=tick&limit=200");
  const known = new Set(started.map((line) => line.activationId));
  const extra = counted.filter((one: JsonBody) => !known.has(one.activationId));
  assert.ok(
    extra.every((one: JsonBody) => !ticks.includes(Number.parseInt(one.activationId.slice(0, 12), 16))),
    "a second that was rung twice",
  );

  assert.deepEqual((await feed(platform, "alarm", "PAUSE", {})).body, { status: "success" });
  const { body: paused } = await feed(platform, "alarm", "READ", {});
  assert.deepEqual([paused.status.active, paused.status.reason.message], [false, "Paused"]);
  assert.deepEqual((await feed(platform, "alarm", "UPDATE", { cron: "0 0 1 1 *" })).body, { status: "success" });
  assert.deepEqual((await feed(platform, "alarm", "UNPAUSE", {})).body, { status: "success" });
  assert.equal((await platform.call("GET", "alarms/beat")).body.status.active, true);
  assert.deepEqual((await feed(platform, "alarm", "DELETE", {})).body, { status: "success" });
  assert.equal((await platform.call("GET", "alarms/beat")).status, 404);
  assert.deepEqual((await feed(platform, "alarm", "DELETE", {})).body, { status: "success" }, "gone is gone");
  assert.equal(await platform.stop(), 0);
});

test("a feed that cannot do what it is asked says why", async (t) => {
  const platform = await start(t, temporaryFolder(t));
  const errorOf = async (name: string, event: string, params: object): Promise<unknown> => {
    const { status, body } = await feed(platform, name, event, params);
    assert.equal(status, 502);
    return body.error.error;
  };
  assert.equal(await errorOf("alarm", "CREATE", { cron: "* * * * *" }), "The requested resource does not exist.");
  await platform.call("PUT", "triggers/beat", {});
  assert.equal(await errorOf("alarm", "CREATE", { cron: "soon" }), "cron pattern 'soon' is not valid");
  assert.equal(await errorOf("alarm", "CREATE", {}), "alarms trigger feed is missing the cron parameter");
  assert.equal(await errorOf("interval", "CREATE", {}), "interval trigger feed is missing the minutes parameter");
  assert.equal(await errorOf("once", "CREATE", {}), "alarms once trigger feed is missing the date parameter");
  assert.equal(
    await errorOf("once", "CREATE", { date: "2020-01-01" }),
    "date parameter '2020-01-01' must be in the future",
  );
  assert.equal(await errorOf("once", "FORGET", {}), "unsupported lifecycleEvent");
  assert.equal(
    await errorOf("once", "READ", { authKey: `x:${"y".repeat(64)}` }),
    "The supplied authentication is invalid",
  );
  assert.equal(await errorOf("once", "READ", { triggerName: "/a/b/c" }), "'/a/b/c' is not the name of a trigger");
  assert.equal(await errorOf("once", "READ", { triggerName: "" }), "no trigger name parameter was provided");
  assert.deepEqual((await platform.call("GET", "alarms")).body, []);
  assert.equal(await platform.stop(), 0);
});

test("an alarm that fires once is kept over downtime, fires late, and takes trigger and rules along", async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await start(t, dataDir);
  await first.deploy("tick", "function main(params) { return params }");
  await first.call("PUT", "triggers/beat", {});
  await first.call("PUT", "rules/r", { trigger: "/_/beat", action: "/_/tick" });
  const date = Date.now() + 1500;
  assert.equal((await feed(first, "once", "CREATE", { date, deleteAfterFire: "rules" })).status, 200);
  assert.equal(await first.stop(), 0);
  while (Date.now() <= date) await new Promise((resolve) => setTimeout(resolve, 50));

  const second = await start(t, dataDir);
  await eventually(
    async () => ((await second.call("GET", "triggers/beat")).status === 404 ? true : undefined),
    "its end",
  );
  assert.equal((await second.call("GET", "rules/r")).status, 404);
  // It goes last: what it takes along goes before it.
  await eventually(
    async () => ((await second.call("GET", "alarms")).body.length === 0 ? true : undefined),
    "the alarm's own end",
  );
  const { body: records } = await second.call("GET", "activations?name=beat&docs=true");
  assert.equal(records.length, 1);
  const run = await record(second, JSON.parse(records[0].logs[0]).activationId);
  assert.equal(run.response.status, "success");
  assert.equal(await second.stop(), 0);
});
