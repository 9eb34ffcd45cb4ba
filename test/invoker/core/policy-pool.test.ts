import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { PoolEffect, PoolOptions } from "../../../src/invoker/core/messages.ts";
import { World, containerId } from "./world.ts";

const kinds = (effects: readonly PoolEffect[]): string[] => effects.map(({ kind }) => kind);

function worldOf(change: Partial<PoolOptions> = {}): World {
  return new World({ keepAlive: "adaptive", idleMs: 60_000, pauseGraceMs: 0, memoryMb: 100_000, ...change });
}

/** Calls an action and lets everything come to rest, a cold start after 100 ms; true when it was one. */
function call(world: World, path: string): boolean {
  const from = world.history.length;
  world.arrive({ path });
  if (world.pending.some(({ kind }) => kind === "create")) world.advance(100);
  world.quiet();
  return world.history.slice(from).some(({ kind }) => kind === "create");
}

/** Lets time pass as a shell would: a tick at each deadline. */
function pass(world: World, ms: number): void {
  const until = world.now + ms;
  for (let turns = 0; ; turns += 1) {
    assert.ok(turns < 10_000, "a deadline that does not go away");
    const next = world.pool.deadline();
    if (next === undefined || next >= until) break;
    world.advance(Math.max(0, next - world.now));
    world.quiet();
  }
  world.advance(until - world.now);
  world.quiet();
}

test("an action that returns each 50 s is soon kept that long, and no longer", () => {
  const world = worldOf();
  const cold = Array.from({ length: 12 }, () => {
    const wasCold = call(world, "timer");
    pass(world, 50_000);
    return wasCold;
  });
  assert.deepEqual(
    cold.slice(4),
    Array.from({ length: 8 }, () => false),
  );
  call(world, "timer");
  pass(world, 62_000);
  assert.deepEqual(world.states(), []);
});

test("an action whose calls lie too far apart for the price is let go at once, where fixed keeps it for nothing", () => {
  const held = { fixed: 0, adaptive: 0 };
  for (const keepAlive of ["fixed", "adaptive"] as const) {
    const world = worldOf({ keepAlive });
    for (let n = 0; n < 10; n += 1) {
      assert.ok(call(world, "rare"));
      pass(world, 5000);
      held[keepAlive] += world.states().length;
      pass(world, 300_000);
    }
  }
  assert.equal(held.fixed, 10);
  assert.ok(held.adaptive <= 4, `${held.adaptive}`);
});

test("what is known of an action outlives its containers", () => {
  const world = worldOf();
  for (let n = 0; n < 8; n += 1) {
    call(world, "known");
    pass(world, 300_000);
  }
  assert.deepEqual(world.states(), []);
  call(world, "known");
  pass(world, 2000);
  assert.deepEqual(world.states(), [], "it is let go after a second, as it was never back within minutes");
});

test("when memory is short, the container that is missed least goes, not the oldest", () => {
  const world = worldOf({ memoryMb: 768, idleMs: 600_000 });
  for (let n = 0; n < 6; n += 1) {
    call(world, "often");
    pass(world, 30_000);
    call(world, "often");
    pass(world, 500);
  }
  call(world, "second");
  call(world, "third");
  const from = world.history.length;
  call(world, "fourth");
  const destroyed = world.history.slice(from).find(({ kind }) => kind === "destroy");
  assert.ok(destroyed?.kind === "destroy");
  assert.notEqual(destroyed.container, containerId(1), "often is the oldest, and stays");
  assert.equal(call(world, "often"), false);
});

test("a burst that would cost others their containers waits 250 ms for one of its own, then goes on", () => {
  const world = worldOf({ memoryMb: 1024, idleMs: 600_000, createsMax: 4 });
  call(world, "quiet-one");
  call(world, "quiet-two");
  for (let n = 0; n < 2; n += 1) world.arrive({ path: "burst" });
  for (let n = 0; n < 2; n += 1) world.settle(world.next("create"));
  for (let n = 0; n < 2; n += 1) world.settle(world.next("init"));
  const from = world.history.length;
  const third = world.arrive({ path: "burst" });
  assert.deepEqual(kinds(world.history.slice(from)), [], "nothing is destroyed for it yet");
  assert.deepEqual(kinds(world.advance(249)), []);
  assert.deepEqual(kinds(world.advance(1)), ["destroy"]);
  world.quiet();
  assert.equal(world.stateOf(third), "done");
});

test("a burst whose own container falls free in time costs nobody anything", () => {
  const world = worldOf({ memoryMb: 768, idleMs: 600_000 });
  call(world, "quiet-one");
  for (let n = 0; n < 2; n += 1) world.arrive({ path: "burst" });
  for (let n = 0; n < 2; n += 1) world.settle(world.next("create"));
  for (let n = 0; n < 2; n += 1) world.settle(world.next("init"));
  const from = world.history.length;
  const third = world.arrive({ path: "burst" });
  world.settle(world.next("run"));
  world.quiet();
  assert.equal(world.stateOf(third), "done");
  assert.ok(!kinds(world.history.slice(from)).includes("destroy"));
});

test("stem cells grow with the cold starts of their kind and go again when those are over", () => {
  const prewarm = [{ kind: "nodejs:24", memoryMb: 256, count: 1 }];
  const world = worldOf({ prewarm, createsMax: 50, idleMs: 1000 });
  const cells = (): number => world.states().filter((state) => state === "prewarmed").length;
  world.tell({ kind: "start" });
  world.quiet();
  assert.equal(cells(), 1);
  for (let n = 0; n < 100; n += 1) {
    call(world, `new-${n}`);
    pass(world, 50);
  }
  pass(world, 1000);
  assert.ok(cells() >= 4, `${cells()}`);
  pass(world, 400_000);
  assert.equal(cells(), 1);
  assert.equal(world.pool.deadline(), undefined, "nothing is due in a quiet pool");
});

test("an idle container is gone when its time is over, whatever came before", () => {
  const step = fc.tuple(fc.nat(4), fc.constantFrom(10, 1500, 20_000, 300_000));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = worldOf({ memoryMb: 768 });
      for (const [path, ms] of steps) {
        call(world, `a${path}`);
        pass(world, ms);
        const next = world.pool.deadline();
        assert.ok(next === undefined || next >= world.now, "something was due and not done");
      }
      // The longest window there is: 4.5 hours.
      pass(world, 16_384_000);
      assert.deepEqual(world.states(), []);
    }),
    { numRuns: 200 },
  );
});
