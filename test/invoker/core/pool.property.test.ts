import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { PoolOptions } from "../../../src/invoker/core/messages.ts";
import { World } from "./world.ts";

/** Something that happens; `pick` chooses among what is possible then. */
type Happening =
  | { kind: "arrive"; caller: number; path: number; revision: number; memoryMb: number; concurrency: number }
  | { kind: "settle"; pick: number; fault: number }
  | { kind: "end"; pick: number }
  | { kind: "advance"; ms: number }
  | { kind: "close" };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("arrive" as const),
      caller: fc.nat(1),
      path: fc.nat(3),
      revision: fc.nat(1),
      memoryMb: fc.constantFrom(128, 256, 512, 2048),
      concurrency: fc.constantFrom(1, 1, 3),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      pick: fc.nat(50),
      fault: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("end" as const), pick: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(1, 20, 60, 300, 12_000) }),
  },
);

const options: fc.Arbitrary<Partial<PoolOptions>> = fc.record({
  memoryMb: fc.constantFrom(512, 1024),
  bufferMax: fc.constantFrom(0, 3, 10),
  createsMax: fc.constantFrom(1, 3),
  parallelism: fc.constantFrom(1, 2, 4),
  pauseGraceMs: fc.constantFrom(0, 50),
  keepAlive: fc.constantFrom("fixed", "adaptive"),
  prewarm: fc.constantFrom([], [{ kind: "nodejs:24", memoryMb: 128, count: 2 }]),
});

function happen(world: World, one: Happening): void {
  switch (one.kind) {
    case "arrive": {
      // Memory and concurrency belong to the revision: one action, one choice.
      const action = one.path * 2 + one.revision;
      const memoryMb = action === 7 ? one.memoryMb : [128, 256, 512, 128, 256, 128, 128][action]!;
      const concurrency = action === 7 ? 1 : [1, 3, 1, 2, 1, 1, 1][action]!;
      const key = action === 7 ? `seven-${memoryMb}` : `action-${one.path}`;
      world.arrive({ caller: `ns${one.caller}`, path: key, revision: `${one.revision}`, memoryMb, concurrency });
      return;
    }
    case "settle": {
      const { pending } = world;
      if (pending.length === 0) return;
      const effect = pending[one.pick % pending.length]!;
      world.settle(effect, effect.kind === "destroy" ? 0 : one.fault);
      return;
    }
    case "end": {
      const alive = [...world.machines].filter(([, machine]) => machine.created && !machine.ended);
      if (alive.length > 0) world.end(alive[one.pick % alive.length]![0]);
      return;
    }
    case "advance":
      world.advance(one.ms);
      return;
    case "close":
      world.tell({ kind: "close" });
  }
}

test("whatever happens, in whatever order, the invariants hold and every activation ends once", () => {
  fc.assert(
    fc.property(options, fc.array(happening, { maxLength: 120, size: "max" }), (change, happenings) => {
      const world = new World(change);
      world.tell({ kind: "start" });
      for (const one of happenings) happen(world, one);
      world.quiet();
      for (const [id, { state }] of world.known) {
        assert.ok(["done", "failed", "refused"].includes(state), `activation ${id} is ${state} when all is quiet`);
      }
      assert.equal(world.pool.snapshot().waiting.length, 0);
    }),
    { numRuns: 1500 },
  );
});

test("a pool that closes amid anything drains, once", () => {
  fc.assert(
    fc.property(
      options,
      fc.array(happening, { maxLength: 60, size: "max" }),
      fc.array(happening, { maxLength: 30, size: "max" }),
      (change, before, after) => {
        const world = new World(change);
        world.tell({ kind: "start" });
        for (const one of [...before, { kind: "close" } as const, ...after]) happen(world, one);
        world.quiet();
        assert.equal(world.drained, 1);
        assert.equal(world.machines.size, 0);
        assert.equal(world.pool.deadline(), undefined);
      },
    ),
    { numRuns: 800 },
  );
});

test("after a quiet time only stem cells are left", () => {
  fc.assert(
    fc.property(options, fc.array(happening, { maxLength: 60, size: "max" }), (change, happenings) => {
      const world = new World(change);
      for (const one of happenings) happen(world, one);
      world.quiet();
      for (let turns = 0; world.pool.deadline() !== undefined; turns += 1) {
        assert.ok(turns < 1000, "there is always something due");
        world.advance(Math.max(0, world.pool.deadline()! - world.now));
        world.quiet();
      }
      assert.deepEqual([...world.machines.keys()], []);
    }),
    { numRuns: 500 },
  );
});
