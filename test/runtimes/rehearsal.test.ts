import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Container, RuntimeAnswer } from "../../src/invoker/factory.ts";
import type { JsonValue } from "../../src/kernel/json.ts";
import { bench, containerId } from "../invoker/process/fixture.ts";

const { factory } = bench({ after });
/** The rehearsal begins 60 ms after ready and takes about 5 of CPU. */
const REHEARSED_MS = 300;

/** What an action can see of what was before it. */
const LOOK = `
const { readdirSync, readlinkSync } = require("node:fs");
function fds() {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try { return [readlinkSync("/proc/self/fd/" + fd).replace(/:.*/, "")]; } catch { return []; }
  });
}
function look() {
  return {
    env: Object.keys(process.env).sort(),
    work: readdirSync("."),
    folder: readdirSync("..").sort(),
    fds: fds().sort(),
    listeners: process.listenerCount("uncaughtException"),
    globals: Object.getOwnPropertyNames(globalThis).sort(),
  };
}`;
const LOOK_IN_RUN = `${LOOK}; function main() { return look(); }`;
const LOOK_IN_INIT = `${LOOK}; const seen = look(); function main() { return seen; }`;

test("an action in a stem cell that rehearsed sees what it sees in a fresh container, and logs nothing", async (t) => {
  const [fresh, rehearsed] = await Promise.all([make(t), make(t)]);
  const expected = await initAndRun(fresh, LOOK_IN_RUN);
  await delay(REHEARSED_MS);
  assert.deepEqual(await initAndRun(rehearsed, LOOK_IN_RUN), expected);
  assert.deepEqual(await rehearsed.logs({ bytesMax: 1_048_576, waitMs: 5000 }), []);
});

test("an init that comes before, during or after the rehearsal succeeds and sees nothing of it", async (t) => {
  const expected = await initAndRun(await make(t), LOOK_IN_INIT);
  for (let waitMs = 50; waitMs <= 80; waitMs += 2) {
    const container = await make(t);
    await delay(waitMs);
    assert.deepEqual(await initAndRun(container, LOOK_IN_INIT), expected, `after ${waitMs} ms`);
  }
});

async function make(t: { after(cleanUp: () => Promise<void>): void }): Promise<Container> {
  const container = await factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 256, env: {} });
  t.after(() => container.destroy());
  return container;
}

async function initAndRun(container: Container, code: string): Promise<JsonValue> {
  const value = { name: "act", main: "main", binary: false, code };
  valueOf(await container.init({ value }, 20_000));
  return valueOf(await container.run({ value: {} }, 20_000));
}

function valueOf(answer: RuntimeAnswer): JsonValue {
  assert.ok(answer.kind === "answer" && answer.body.kind === "json", JSON.stringify(answer));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body.value;
}
