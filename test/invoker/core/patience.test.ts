import assert from "node:assert/strict";
import { test } from "node:test";
import type { PoolEffect, PoolOptions } from "../../../src/invoker/core/messages.ts";
import { PATIENCE_MAX_MS, PATIENCE_MIN_MS, Patience, meanOf } from "../../../src/invoker/core/patience.ts";
import { instantOf } from "../../../src/kernel/instants.ts";
import { World } from "./world.ts";

const kinds = (effects: readonly PoolEffect[]): string[] => effects.map(({ kind }) => kind);

/** A world with one container of the default key, whose runs are known to take `ms`. */
function worldOf(ms: number, change: Partial<PoolOptions> = {}): World {
  const world = new World({ pauseGraceMs: 0, ...change });
  world.arrive();
  world.settle(world.next("create"));
  world.settle(world.next("init"));
  world.advance(ms);
  world.quiet();
  world.history.length = 0;
  return world;
}

test("who finds its container busy with a short run waits for it instead of having a new one", () => {
  const world = worldOf(1);
  world.arrive();
  const second = world.arrive();
  assert.deepEqual(kinds(world.history), ["run"]);
  assert.equal(world.stateOf(second), "waiting");
  world.quiet();
  assert.deepEqual(kinds(world.history), ["run", "run"]);
});

test("who finds its container busy with a long run has a new one at once", () => {
  const world = worldOf(PATIENCE_MIN_MS + 1);
  world.arrive();
  world.arrive();
  assert.deepEqual(kinds(world.history), ["run", "create"]);
});

test("the longer the line, the sooner it is worth a new container", () => {
  const world = worldOf(PATIENCE_MIN_MS / 2);
  for (let n = 0; n < 4; n += 1) world.arrive();
  assert.deepEqual(kinds(world.history), ["run", "create"], "one runs, two wait, the fourth is too many");
});

test("an expectation that was wrong ends in a new container after a bounded wait", () => {
  const world = worldOf(1);
  world.arrive();
  world.arrive();
  assert.deepEqual(world.pool.deadline(), world.now + 2 * PATIENCE_MIN_MS);
  assert.deepEqual(kinds(world.advance(2 * PATIENCE_MIN_MS - 1)), []);
  assert.deepEqual(kinds(world.advance(1)), ["create"]);
});

test("who waits for a busy container holds up no other key", () => {
  const world = worldOf(1);
  world.arrive();
  world.arrive();
  world.arrive({ path: "other" });
  assert.deepEqual(kinds(world.history), ["run", "create"]);
});

test("who waits for a container that is lost does not wait for its patience to end", () => {
  const world = worldOf(1);
  world.arrive();
  world.arrive();
  world.settle(world.next("run"), 2);
  assert.deepEqual(kinds(world.history), ["run", "destroy", "create"]);
});

/** Two warm containers of the default key with short runs. */
function pairOf(parallelism: number): World {
  const world = new World({ pauseGraceMs: 0, parallelism });
  world.arrive();
  world.arrive();
  for (const kind of ["create", "create", "init", "init"] as const) world.settle(world.next(kind));
  world.advance(1);
  world.quiet();
  world.history.length = 0;
  return world;
}

test("while as many short runs go on as there are cores, one more waits although a container is idle", () => {
  const world = pairOf(1);
  world.arrive();
  const second = world.arrive();
  assert.equal(world.stateOf(second), "waiting");
  world.quiet();
  assert.deepEqual(kinds(world.history), ["run", "run"]);
});

test("with cores to spare, an idle container serves at once", () => {
  const world = pairOf(2);
  world.arrive();
  world.arrive();
  assert.deepEqual(kinds(world.history), ["run", "run"]);
});

test("a run that is longer than it was expected to be does not hold a core for ever", () => {
  const world = pairOf(1);
  world.arrive();
  world.advance(2 * PATIENCE_MIN_MS);
  world.arrive();
  assert.deepEqual(kinds(world.history), ["run", "run"]);
});

test("patience is a quarter of what a start takes, within its bounds", () => {
  const patience = new Patience();
  assert.equal(patience.limitMs("nodejs:24"), PATIENCE_MIN_MS);
  patience.onStarted("nodejs:24", 80);
  assert.equal(patience.limitMs("nodejs:24"), 20);
  assert.equal(patience.limitMs("python:3"), PATIENCE_MIN_MS, "each kind for itself");
  patience.onStarted("nodejs:24", 80_000);
  assert.equal(patience.ends("nodejs:24", instantOf(0)), PATIENCE_MAX_MS);
});

test("the mean follows the runs, an eighth at a time", () => {
  assert.equal(meanOf(undefined, 8), 8);
  assert.equal(meanOf(8, 16), 9);
});
