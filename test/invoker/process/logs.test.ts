import assert from "node:assert/strict";
import { test } from "node:test";
import { LogCollector, SENTINEL } from "../../../src/invoker/factory/process/logs.ts";
import { ManualClock } from "../../../src/kernel/clock.ts";

const TIME = "2023-11-14T22:13:20.000000000Z";
const OUT = `${TIME} stdout: `;
const WAIT = { bytesMax: 1_000_000, waitMs: 0 };
const END = `${SENTINEL}\n`;

function collector(options: { mark?: string; bytesMax?: number } = {}): LogCollector {
  return new LogCollector({
    clock: new ManualClock(),
    bytesMax: options.bytesMax ?? 10_000,
    ends: { by: "sentinel", mark: options.mark ?? "" },
  });
}

function print(logs: LogCollector, text: string | Buffer, end = END): void {
  logs.onBytes("stdout", Buffer.from(text));
  logs.onBytes("stdout", Buffer.from(end));
  logs.onBytes("stderr", Buffer.from(end));
}

test("output in pieces of any size gives the same lines", async () => {
  const bytes = Buffer.from(`one\ntwö 😀\n\nlast${END}next\n${END}`);
  for (let size = 1; size <= bytes.length; size += 1) {
    const logs = collector();
    for (let from = 0; from < bytes.length; from += size) logs.onBytes("stdout", bytes.subarray(from, from + size));
    logs.onBytes("stderr", Buffer.from(END + END));
    assert.deepEqual(await logs.take(WAIT), [`${OUT}one`, `${OUT}twö 😀`, OUT, `${OUT}last`]);
    assert.deepEqual(await logs.take(WAIT), [`${OUT}next`]);
  }
});

test("bytes that are no UTF-8 become replacement characters", async () => {
  const logs = collector();
  print(logs, Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a]));
  assert.deepEqual(await logs.take(WAIT), [`${OUT}a\ufffd\ufffdb`]);
});

test("with a mark, a plain sentinel in an action's output is its text", async () => {
  const logs = collector({ mark: "abc" });
  const end = `${SENTINEL} abc\n`;
  print(logs, `before\n${END}${SENTINEL} wrong\nafter\n`, end);
  assert.deepEqual(await logs.take(WAIT), [
    `${OUT}before`,
    `${OUT}${SENTINEL}`,
    `${OUT}${SENTINEL} wrong`,
    `${OUT}after`,
  ]);
});

test("a sentinel is found behind what is thrown away, in pieces of any size", async () => {
  const bytes = Buffer.from(`${"x".repeat(600)}\n${"y".repeat(300)}${END}next\n${END}`);
  for (let size = 1; size <= bytes.length; size += 7) {
    const logs = collector({ bytesMax: 500 });
    for (let from = 0; from < bytes.length; from += size) logs.onBytes("stdout", bytes.subarray(from, from + size));
    logs.onBytes("stderr", Buffer.from(END + END));
    const lines = await logs.take({ bytesMax: 500, waitMs: 0 });
    assert.deepEqual(lines, [
      `${TIME} stderr: Logs were truncated because the total bytes size exceeds the limit of 500 bytes.`,
    ]);
    assert.deepEqual(await logs.take(WAIT), [`${OUT}next`], `pieces of ${size}`);
  }
});

test("an endless line is thrown away without keeping it", async () => {
  const logs = collector({ bytesMax: 100_000 });
  const chunk = Buffer.alloc(65_536, "x");
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 4000; i += 1) logs.onBytes("stdout", chunk);
  assert.ok(process.memoryUsage.rss() - before < 100_000_000);
  print(logs, "");
  assert.equal((await logs.take(WAIT)).length, 1);
});

test("without its sentinel a log is what there is when the wait is over, and what comes late is nobody's", async () => {
  const logs = collector();
  logs.onBytes("stdout", Buffer.from("early\nunfinished"));
  assert.deepEqual(await logs.take({ bytesMax: 1000, waitMs: 1 }), [`${OUT}early`, `${OUT}unfinished`]);
  print(logs, "late\n");
  print(logs, "next\n");
  assert.deepEqual(await logs.take(WAIT), [`${OUT}next`]);
});

test("a log ends with the streams", async () => {
  const logs = collector();
  const taken = logs.take({ bytesMax: 1000, waitMs: 60_000 });
  logs.onBytes("stdout", Buffer.from("last words"));
  logs.onClose("stdout");
  logs.onClose("stderr");
  assert.deepEqual(await taken, [`${OUT}last words`]);
});

test("logs that nobody asked for are dropped when the next run begins", async () => {
  const logs = collector();
  logs.onFirstRun();
  logs.onAnswered();
  print(logs, "first\n");
  logs.onFirstRun();
  logs.onAnswered();
  print(logs, "second\n");
  assert.deepEqual(await logs.take(WAIT), [`${OUT}second`]);
});

test("a limit of no bytes gives no lines and waits for none", async () => {
  const logs = collector();
  assert.deepEqual(await logs.take({ bytesMax: 0, waitMs: 60_000 }), []);
  print(logs, "first\n");
  print(logs, "second\n");
  assert.deepEqual(await logs.take(WAIT), [`${OUT}second`]);
});

test("an unfinished line of a log that nobody asked for does not begin the next one", async () => {
  const logs = collector();
  logs.onFirstRun();
  logs.onBytes("stdout", Buffer.from("first"));
  logs.onAnswered();
  logs.onFirstRun();
  print(logs, "");
  logs.onAnswered();
  print(logs, "second\n");
  assert.deepEqual(await logs.take(WAIT), [`${OUT}second`]);
});

function ordered(bytesMax = 10_000): LogCollector {
  return new LogCollector({ clock: new ManualClock(), bytesMax, ends: { by: "order" } });
}

test("by order: what was there at the next look after the answer is the run's, sentinels are its text", async () => {
  const logs = ordered();
  logs.onBytes("stdout", Buffer.from(`one\n${END}two without an end`));
  logs.onAnswered();
  setImmediate(() => logs.onBytes("stdout", Buffer.from(", read in the turn after")));
  await logs.ending;
  logs.onBytes("stdout", Buffer.from("the next run's\n"));
  assert.deepEqual(await logs.take(WAIT), [
    `${OUT}one`,
    `${OUT}${SENTINEL}`,
    `${OUT}two without an end, read in the turn after`,
  ]);
  logs.onAnswered();
  await logs.ending;
  assert.deepEqual(await logs.take(WAIT), [`${OUT}the next run's`]);
});

test("by order: a log over its bound is thrown away to its end, and the next one is whole", async () => {
  const logs = ordered(500);
  logs.onBytes("stdout", Buffer.from(`${"x".repeat(600)}\nafter\n${"y".repeat(600)}`));
  logs.onAnswered();
  await logs.ending;
  assert.match((await logs.take({ bytesMax: 500, waitMs: 0 })).join("\n"), /^\S+ stderr: Logs were truncated/);
  logs.onBytes("stdout", Buffer.from("whole\n"));
  logs.onAnswered();
  await logs.ending;
  assert.deepEqual(await logs.take({ bytesMax: 500, waitMs: 0 }), [`${OUT}whole`]);
});
