import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { later } from "../../src/kernel/instants.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { defaultOptions } from "../../src/kernel/options/options.ts";
import { Invoker } from "../../src/invoker/invoker.ts";
import { type MessageChange, Told, message } from "./messages.ts";
import { bench, until } from "./process/fixture.ts";

const CODE = `let calls = 0;
async function main({ name }) {
  calls += 1;
  console.log("call", calls);
  return { hello: name, calls, action: process.env.__OW_ACTION_NAME, host: process.env.__OW_API_HOST };
}`;

test("with processes: cold, warm, paused and resumed, logs of each run, and nothing left", async (t) => {
  const { factory } = bench(t);
  const invoker = new Invoker({
    options: { ...defaultOptions().invoker, memoryMb: 1024, prewarm: [{ kind: "nodejs:24", memoryMb: 256, count: 1 }] },
    resultBytesMax: 1_048_576,
    factory,
    readCode: () => Promise.resolve(new TextEncoder().encode(CODE)),
    apiHost: () => "http://host",
    clock: systemClock,
    log: silentLog,
  });
  const run = async (change: MessageChange = {}): Promise<Told> => {
    const told = new Told();
    invoker.dispatch(message(change), told);
    await told.over;
    assert.equal(told.refused, undefined);
    return told;
  };
  await invoker.start();
  await until(() => invoker.status().prewarmed === 1, "a stem cell");
  const cold = await run();
  const expected = { hello: "world", action: "/guest/hello", host: "http://host" };
  assert.deepEqual(cold.result?.response.result, { ...expected, calls: 1 });
  assert.ok(cold.result?.initTimeMs !== undefined);
  const warm = await run();
  assert.deepEqual(warm.result?.response.result, { ...expected, calls: 2 });
  assert.equal(warm.result?.initTimeMs, undefined);
  assert.match(warm.logs?.join("\n") ?? "", /^\S{30} stdout: call 2$/);
  await until(() => invoker.status().paused === 1, "a paused container");
  assert.deepEqual((await run()).result?.response.result, { ...expected, calls: 3 });
  assert.deepEqual((await run({ caller: "other" })).result?.response.result, { ...expected, calls: 1 });
  await invoker.close(later(systemClock.now(), 5000));
  assert.deepEqual(await factory.list(), []);
});
