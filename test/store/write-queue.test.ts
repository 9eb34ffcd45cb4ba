import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { isPlatformError, PlatformError } from "../../src/kernel/errors.ts";
import { defaultOptions } from "../../src/kernel/options/options.ts";
import type { AnyReply, WriteOp } from "../../src/store/sqlite/messages.ts";
import { WriteQueue } from "../../src/store/sqlite/write-queue.ts";
import { idOf } from "../conformance/stores-support.ts";

/** A writer that answers when told. */
class PacedWriter {
  readonly batches: { readonly ops: readonly WriteOp[]; readonly answer: PromiseWithResolvers<readonly AnyReply[]> }[] =
    [];

  request(ops: readonly WriteOp[]): Promise<readonly AnyReply[]> {
    const answer = Promise.withResolvers<readonly AnyReply[]>();
    this.batches.push({ ops, answer });
    return answer.promise;
  }

  /** Answers the oldest batch; gives the ids that were in it. */
  async answer(): Promise<string[]> {
    const batch = this.batches.shift();
    assert.ok(batch);
    batch.answer.resolve(batch.ops.map(() => true));
    await turn();
    return batch.ops.map((op) => (op[0] === "mark" ? op[1] : op[0]));
  }
}

const options = { ...defaultOptions().store, groupCommitMs: 1000, groupCommitMax: 3 };
const markOf = (n: number) => ["mark", idOf(n), 1, "alice"] as const;
const isUnavailable = (error: unknown): boolean => isPlatformError(error, "store/unavailable");

function queueOn(writer: PacedWriter): WriteQueue {
  return new WriteQueue(writer, options, () => {});
}

test("an idle writer is given at once what came in one turn", async () => {
  const writer = new PacedWriter();
  const queue = queueOn(writer);
  const writes = [1, 2].map((n) => queue.submit<"mark">(markOf(n), 0));
  await turn();
  assert.deepEqual(await writer.answer(), [idOf(1), idOf(2)]);
  assert.deepEqual(await Promise.all(writes), [true, true]);
});

test("what comes during a commit goes together when it is done, in order", async () => {
  const writer = new PacedWriter();
  const queue = queueOn(writer);
  void queue.submit<"mark">(markOf(1), 0);
  await turn();
  void queue.submit<"mark">(markOf(2), 0);
  await turn();
  void queue.submit<"mark">(markOf(3), 0);
  await turn();
  assert.equal(writer.batches.length, 1);
  await writer.answer();
  assert.deepEqual(await writer.answer(), [idOf(2), idOf(3)]);
});

test("two batches are out at most, and none is larger than groupCommitMax", async () => {
  const writer = new PacedWriter();
  const queue = queueOn(writer);
  for (let n = 0; n < 10; n += 1) void queue.submit<"mark">(markOf(n), 0);
  const sizes: number[] = [];
  await turn();
  await turn();
  while (writer.batches.length > 0) {
    assert.ok(writer.batches.length <= 2);
    sizes.push((await writer.answer()).length);
  }
  assert.deepEqual(sizes, [3, 3, 3, 1]);
});

test("a barrier opens when what was submitted before it is settled, and not for what came after", async () => {
  const writer = new PacedWriter();
  const queue = queueOn(writer);
  await queue.settled();
  void queue.submit<"mark">(markOf(1), 0);
  let open = false;
  const barrier = queue.settled().then(() => (open = true));
  await turn();
  void queue.submit<"mark">(markOf(2), 0);
  assert.equal(open, false);
  await writer.answer();
  await barrier;
  await writer.answer();
});

test("a lost batch fails its own writes and the queue goes on", async () => {
  const writer = new PacedWriter();
  const queue = queueOn(writer);
  const lost = queue.submit<"mark">(markOf(1), 0);
  await turn();
  writer.batches.shift()?.answer.reject(new PlatformError("store/unavailable", "the writer stopped"));
  await assert.rejects(lost, isUnavailable);
  await queue.settled();
  const next = queue.submit<"mark">(markOf(2), 0);
  await turn();
  await writer.answer();
  assert.equal(await next, true);
});

test("the line is bounded by the size of what waits too", async () => {
  const writer = new PacedWriter();
  const queue = queueOn(writer);
  const large = queue.submit<"mark">(markOf(1), 300 * 1_048_576);
  await assert.rejects(queue.submit<"mark">(markOf(2), 1), isUnavailable);
  await turn();
  await writer.answer();
  assert.equal(await large, true);
  const next = queue.submit<"mark">(markOf(2), 1);
  await turn();
  await writer.answer();
  assert.equal(await next, true);
});
