import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

const SLEEPER = "function main({ ms }) { return new Promise((r) => setTimeout(() => r({ slept: ms }), ms)) }";

/** Starts a call that nobody waits for, and comes back once it runs. */
async function running(platform: Platform, name: string, ms: number): Promise<string> {
  const { status, body } = await platform.call("POST", `actions/${name}`, { ms });
  assert.equal(status, 202);
  const id = String(body.activationId);
  await eventually(async () => {
    const answer = await platform.call("GET", `activations/${id}`);
    return answer.headers.get("x-skein-activation-state") === "running" ? true : undefined;
  }, `${name} runs`);
  return id;
}

async function record(platform: Platform, id: string): Promise<JsonBody> {
  return eventually(async () => {
    const { status, body } = await platform.call("GET", `activations/${id}`);
    return status === 200 ? body : undefined;
  }, "the record");
}

test("a stop waits for what runs, and its record is there after the next start", async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await Platform.start({ dataDir });
  await first.deploy("sleeper", SLEEPER);
  const id = await running(first, "sleeper", 1_000);
  assert.equal(await first.stop(), 0);
  const second = await Platform.start({ dataDir });
  assert.deepEqual((await record(second, id)).response.result, { slept: 1_000 });
  assert.equal(await second.stop(), 0);
});

for (const how of ["kill -9", "a stop whose deadline passes"] as const) {
  test(`after ${how} begun work ends as lost, and begins again only where its action says so`, async (t) => {
    const dataDir = temporaryFolder(t);
    const first = await Platform.start({ dataDir, flags: ["--set", "server.shutdownMs=300"] });
    await first.deploy("once", SLEEPER);
    await first.deploy("again", SLEEPER, { annotations: [{ key: "retry-on-loss", value: true }] });
    const once = await running(first, "once", 3_000);
    const again = await running(first, "again", 3_000);
    if (how === "kill -9") await first.kill();
    else assert.equal(await first.stop(), 12);
    const second = await Platform.start({ dataDir });
    const lost = await record(second, once);
    assert.equal(lost.response.status, "whisk internal error");
    assert.match(lost.response.result.error, /was lost: the process that ran it ended before it answered/);
    assert.deepEqual((await record(second, again)).response, {
      result: { slept: 3_000 },
      status: "success",
      success: true,
    });
    assert.equal(await second.stop(), 0);
  });
}

test("a blocking call whose wait is over is a promise: 202, then its record, through a kill -9 as well", async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await Platform.start({ dataDir });
  await first.deploy("sleeper", SLEEPER);
  // Warm, so that the second call has surely begun when its wait is over: what had not begun would run again instead.
  assert.equal((await first.call("POST", "actions/sleeper?blocking=true", { ms: 0 })).status, 200);
  const answer = await first.call("POST", "actions/sleeper?blocking=true&timeout=500", { ms: 5_000 });
  assert.equal(answer.status, 202);
  await first.kill();
  const second = await Platform.start({ dataDir });
  assert.match((await record(second, answer.body.activationId)).response.result.error, /was lost/);
  assert.equal(await second.stop(), 0);
});
