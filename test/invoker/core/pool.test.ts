import assert from "node:assert/strict";
import { test } from "node:test";
import type { PoolEffect } from "../../../src/invoker/core/messages.ts";
import { OVERTAKE_MS } from "../../../src/invoker/core/placement.ts";
import { BACKOFF_MS, FAILURES_MAX, REFILL_DELAY_MS } from "../../../src/invoker/core/stems.ts";
import type { MessageChange } from "../messages.ts";
import { World, containerId } from "./world.ts";

const kinds = (effects: readonly PoolEffect[]): string[] => effects.map(({ kind }) => kind);

/** A container that served `change` and is free again. */
function warmed(world: World, change: MessageChange = {}): void {
  world.arrive(change);
  world.quiet();
}

const STEMS = { prewarm: [{ kind: "nodejs:24", memoryMb: 256, count: 1 }] };

test("a cold start creates, initialises, runs", () => {
  const world = new World();
  const id = world.arrive();
  world.quiet();
  assert.deepEqual(kinds(world.history), ["create", "init", "run"]);
  assert.equal(world.stateOf(id), "done");
  assert.deepEqual(world.states(), ["free"]);
});

test("a warm container serves the same caller, action and revision at once", () => {
  const world = new World();
  warmed(world);
  world.arrive();
  assert.deepEqual(kinds(world.history.slice(3)), ["run"]);
});

for (const [what, other] of Object.entries({
  caller: { caller: "someone-else" },
  action: { path: "other" },
  revision: { revision: "2" },
} satisfies Record<string, MessageChange>)) {
  test(`A2: a warm container never serves another ${what}`, () => {
    const world = new World();
    warmed(world);
    world.arrive(other);
    assert.deepEqual(kinds(world.history.slice(3)), ["create"]);
  });
}

test("of several warm containers the most recently used one serves", () => {
  const world = new World();
  world.arrive();
  world.arrive();
  world.quiet();
  world.advance(10);
  world.arrive();
  const { container } = world.next("run");
  world.quiet();
  for (let again = 0; again < 3; again += 1) {
    world.arrive();
    assert.equal(world.next("run").container, container);
    world.quiet();
  }
});

test("an activation that meets a container whose logs are being collected runs there", () => {
  const world = new World();
  const first = world.arrive();
  world.settle(world.next("create"));
  world.settle(world.next("init"));
  world.pending.length = 0;
  world.mark(first, "inside", "done");
  world.machine(containerId(1)).running.clear();
  world.tell({ kind: "answered", container: containerId(1), activation: first });
  assert.deepEqual(world.states(), ["settling"]);
  world.arrive();
  assert.deepEqual(world.states(), ["settling"]);
  assert.deepEqual(kinds(world.tell({ kind: "settled", container: containerId(1) })), ["run"]);
});

test("concurrency fills a container that is still starting, and no more than that", () => {
  const world = new World();
  for (let n = 0; n < 4; n += 1) world.arrive({ concurrency: 3, memoryMb: 128 });
  assert.deepEqual(kinds(world.history), ["create", "create"]);
  world.settle(world.next("create"));
  assert.deepEqual(kinds(world.history.slice(2)), ["init"]);
  world.settle(world.next("init"));
  assert.deepEqual(kinds(world.history.slice(3)), ["run", "run", "run"]);
});

test("a stem cell of the kind and exact memory is used, and replaced after a while", () => {
  const world = new World(STEMS);
  world.tell({ kind: "start" });
  world.quiet();
  assert.deepEqual(world.states(), ["prewarmed"]);
  world.arrive();
  assert.deepEqual(kinds(world.history.slice(1)), ["init"]);
  world.quiet();
  assert.deepEqual(kinds(world.advance(REFILL_DELAY_MS)), ["create"]);
});

test("a stem cell of other memory is not used", () => {
  const world = new World(STEMS);
  world.tell({ kind: "start" });
  world.quiet();
  world.arrive({ memoryMb: 128 });
  assert.deepEqual(kinds(world.history.slice(1)), ["create"]);
});

test("stem cells that fail back off, and are given up after a bounded number of attempts", () => {
  const world = new World(STEMS);
  world.tell({ kind: "start" });
  for (let failures = 1; failures < FAILURES_MAX; failures += 1) {
    world.settle(world.next("create"), 1);
    assert.deepEqual(kinds(world.advance(BACKOFF_MS * 2 ** (failures - 1) - 1)), []);
    assert.deepEqual(kinds(world.advance(1)), ["create"]);
  }
  world.settle(world.next("create"), 1);
  assert.equal(world.history.at(-1)?.kind, "prewarm-abandoned");
  assert.equal(world.pool.deadline(), undefined);
  // A start of the kind that works brings it back.
  world.arrive();
  world.quiet();
  assert.deepEqual(kinds(world.advance(60_000)).includes("create"), true);
});

test("the oldest idle containers make room, as many as are needed", () => {
  const world = new World();
  for (const path of ["a", "b", "c", "d"]) warmed(world, { path });
  const id = world.arrive({ path: "e", memoryMb: 512 });
  assert.deepEqual(
    world.pending.map((effect) => [effect.kind, effect.container]),
    [
      ["destroy", "c-1"],
      ["destroy", "c-2"],
    ],
  );
  world.quiet();
  assert.equal(world.stateOf(id), "done");
});

test("idle containers stay when even all of them would not make room", () => {
  const world = new World();
  warmed(world, { path: "a" });
  world.arrive({ path: "busy", memoryMb: 512 });
  world.settle(world.next("create"));
  world.settle(world.next("init"));
  world.arrive({ path: "big", memoryMb: 1024 });
  assert.deepEqual(world.states(), ["free", "running"]);
});

test("a stem cell gives way to an activation that cannot use it", () => {
  const world = new World({ ...STEMS, memoryMb: 256 });
  world.tell({ kind: "start" });
  world.quiet();
  const id = world.arrive({ kind: "python:3.13" });
  world.quiet();
  assert.equal(world.stateOf(id), "done");
});

test("refusals name their reason", () => {
  const world = new World({ memoryMb: 256, bufferMax: 1 });
  const refused = (change: MessageChange): unknown => {
    world.arrive(change);
    const last = world.history.at(-1);
    return last?.kind === "refuse" ? last.code : last?.kind;
  };
  assert.equal(refused({ memoryMb: 512 }), "invoker/too-large");
  assert.equal(refused({ kind: "cobol:68" }), "invoker/kind-unavailable");
  assert.equal(refused({}), "create");
  assert.equal(refused({}), "create");
  assert.equal(refused({}), "invoker/buffer-full");
  world.tell({ kind: "close" });
  assert.equal(refused({}), "invoker/closing");
});

test("a due head is served although a busy key could keep its container forever", () => {
  const world = new World({ memoryMb: 256 });
  world.arrive({ path: "hot" });
  world.settle(world.next("create"));
  world.settle(world.next("init"));
  const head = world.arrive({ path: "cold" });
  // Another hot one always waits when one ends.
  let overtakes = 0;
  for (let turn = 0; world.stateOf(head) === "waiting"; turn += 1) {
    assert.ok(turn < 1000, "the head starves");
    world.arrive({ path: "hot" });
    world.advance(10);
    const run = world.pending.find(({ kind }) => kind === "run");
    if (run === undefined) {
      world.settle(world.pending[0]!);
      continue;
    }
    overtakes += 1;
    world.settle(run);
    for (const collect of world.pending.filter(({ kind }) => kind === "collect")) world.settle(collect);
  }
  assert.ok(overtakes > 5 && overtakes <= OVERTAKE_MS / 10 + 1, `${overtakes} overtakes`);
  world.quiet();
  assert.equal(world.stateOf(head), "done");
});

test("a head that waits for a create slot holds up nobody who finds a warm container", () => {
  const world = new World({ createsMax: 1, pauseGraceMs: 0 });
  warmed(world, { path: "warm" });
  world.arrive({ path: "a" });
  world.arrive({ path: "b" });
  world.advance(OVERTAKE_MS + 1);
  world.arrive({ path: "warm" });
  assert.equal(world.next("run").container, "c-1");
});

test("an idle container is paused after the grace, resumed for a run, and removed in the end", () => {
  const world = new World();
  warmed(world);
  assert.deepEqual(kinds(world.advance(49)), []);
  assert.deepEqual(kinds(world.advance(1)), ["pause"]);
  world.quiet();
  assert.deepEqual(world.states(), ["paused"]);
  world.arrive();
  assert.deepEqual(world.states(), ["resuming"]);
  world.settle(world.next("resume"));
  assert.deepEqual(world.states(), ["running"]);
  world.quiet();
  assert.deepEqual(kinds(world.advance(10_000)), ["destroy"]);
});

test("an activation whose container fails to resume is placed again", () => {
  const world = new World();
  warmed(world);
  world.advance(50);
  world.quiet();
  const id = world.arrive();
  world.settle(world.next("resume"), 1);
  assert.deepEqual(
    world.pending.map(({ kind }) => kind),
    ["destroy", "create"],
  );
  world.quiet();
  assert.equal(world.stateOf(id), "done");
});

test("after a bad run the others in the container get their answers, nothing new enters, then it goes", () => {
  const world = new World();
  const shared = { concurrency: 3, memoryMb: 128 };
  world.arrive(shared);
  world.arrive(shared);
  world.settle(world.next("create"));
  world.settle(world.next("init"));
  world.settle(world.next("run"), 2);
  assert.deepEqual(world.states(), ["draining"]);
  world.arrive(shared);
  assert.deepEqual(world.states(), ["draining", "starting"]);
  world.settle(world.next("run"));
  assert.deepEqual(world.states(), ["removing", "starting"]);
});

test("who waits for a failed init shares its fate", () => {
  const world = new World();
  const shared = { concurrency: 3, memoryMb: 128 };
  world.arrive(shared);
  const rider = world.arrive(shared);
  world.settle(world.next("create"));
  world.settle(world.next("init"), 2);
  assert.equal(world.stateOf(rider), "failed");
  assert.deepEqual(world.states(), ["removing"]);
});

test("a failed creation ends its activation and frees its memory and slot at once", () => {
  const world = new World({ createsMax: 1 });
  const first = world.arrive({ path: "a" });
  world.arrive({ path: "b" });
  world.settle(world.next("create"), 1);
  assert.equal(world.stateOf(first), "failed");
  assert.deepEqual(kinds(world.history), ["create", "fail", "create"]);
});

test("a warm container that ends by itself is removed", () => {
  const world = new World();
  warmed(world);
  world.end(containerId(1));
  assert.deepEqual(world.states(), ["removing"]);
});

test("closing gives back who waits, lets runs finish, then reports that it drained", () => {
  const world = new World({ memoryMb: 512, ...STEMS });
  world.tell({ kind: "start" });
  world.quiet();
  const running = world.arrive();
  const waiting = world.arrive({ path: "big", memoryMb: 512 });
  world.settle(world.next("init"));
  world.tell({ kind: "close" });
  assert.equal(world.stateOf(waiting), "refused");
  assert.equal(world.drained, 0);
  world.quiet();
  assert.equal(world.stateOf(running), "done");
  assert.equal(world.drained, 1);
});
