import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { reuseChanceOf, valueOf, victimOf } from "../../../src/invoker/core/policy/eviction.ts";
import { entitledMb, isBurst, isOverShare } from "../../../src/invoker/core/policy/fairness.ts";
import { IdleTimes } from "../../../src/invoker/core/policy/idle-times.ts";
import { Demand, WINDOWS, WINDOW_MS, cellsFor, cellsMax, lossOf } from "../../../src/invoker/core/policy/prewarm.ts";

const candidate = { reuseChance: 0.5, startMs: 100, memoryMb: 256, overShare: false };

function seen(...times: readonly number[]): Float32Array {
  const own = new IdleTimes();
  for (const ms of times) own.observe(ms);
  return own.weights;
}

test("the cheap, the unlikely and the large are worth less", () => {
  assert.ok(valueOf({ ...candidate, startMs: 50 }) < valueOf(candidate));
  assert.ok(valueOf({ ...candidate, reuseChance: 0.1 }) < valueOf(candidate));
  assert.ok(valueOf({ ...candidate, memoryMb: 512 }) < valueOf(candidate));
});

test("the least valuable goes, the oldest among equals, and before all others who holds more than its share", () => {
  assert.equal(victimOf([candidate, candidate]), 0);
  assert.equal(victimOf([candidate, { ...candidate, memoryMb: 512 }]), 1);
  assert.equal(
    victimOf([
      { ...candidate, reuseChance: 0 },
      { ...candidate, overShare: true },
    ]),
    1,
  );
  assert.throws(() => victimOf([]));
});

test("a timer's container is worth little after its tick and much before the next", () => {
  const weights = seen(...Array.from({ length: 10 }, () => 600_000));
  assert.equal(reuseChanceOf(weights, 1000, 60_000), 0);
  assert.equal(reuseChanceOf(weights, 500_000, 400_000), 1);
  assert.equal(reuseChanceOf(weights, 5_000_000, 60_000), 0, "it never stood that long");
});

test("a chance of reuse is a chance, and grows with the time it is given", () => {
  const ms = fc.nat(20_000_000);
  fc.assert(
    fc.property(fc.array(fc.nat(20_000_000), { maxLength: 40 }), ms, ms, ms, (times, idled, a, b) => {
      const weights = seen(...times);
      const soon = reuseChanceOf(weights, idled, Math.min(a, b));
      const late = reuseChanceOf(weights, idled, Math.max(a, b));
      assert.ok(soon >= 0 && soon <= late + 1e-12 && late <= 1);
    }),
  );
});

test("a namespace gains nothing by having more actions, and the shares make up the whole", () => {
  assert.equal(entitledMb({ capacityMb: 1024, namespaces: 2, actions: 1 }), 512);
  assert.equal(entitledMb({ capacityMb: 1024, namespaces: 2, actions: 4 }) * 4, 512);
  assert.throws(() => entitledMb({ capacityMb: 1024, namespaces: 0, actions: 1 }));
});

test("one container is never too much, however small the share", () => {
  assert.equal(isOverShare({ heldMb: 512, containers: 1, entitledMb: 10 }), false);
  assert.equal(isOverShare({ heldMb: 512, containers: 2, entitledMb: 511 }), true);
  assert.equal(isOverShare({ heldMb: 512, containers: 2, entitledMb: 512 }), false);
});

test("a burst takes what is free and what it is entitled to, and waits only where others would pay and its own will be free", () => {
  const holding = { heldMb: 512, containers: 2, entitledMb: 600 };
  assert.equal(isBurst(holding, { needMb: 256, freeMb: 0, busy: 2 }), true);
  assert.equal(isBurst(holding, { needMb: 256, freeMb: 256, busy: 2 }), false);
  assert.equal(isBurst({ ...holding, entitledMb: 768 }, { needMb: 256, freeMb: 0, busy: 2 }), false);
  assert.equal(isBurst(holding, { needMb: 256, freeMb: 0, busy: 0 }), false);
});

test("the loss formula gives the values of Erlang's tables", () => {
  assert.equal(lossOf(3, 0), 1);
  assert.equal(lossOf(1, 1), 0.5);
  assert.ok(Math.abs(lossOf(5, 10) - 0.0184) < 1e-4);
  assert.ok(Math.abs(lossOf(10, 15) - 0.0365) < 1e-4);
});

test("as few cells as miss one cold start in a hundred, between what is configured and what memory allows", () => {
  const stock = { rate: 0, replaceMs: 200, least: 2, most: 40 };
  assert.equal(cellsFor(stock), 2);
  assert.equal(cellsFor({ ...stock, rate: 25 }), 11, "a load of five needs eleven: Erlang's table");
  assert.equal(cellsFor({ ...stock, rate: 25, most: 4 }), 4);
  assert.equal(cellsFor({ ...stock, rate: 1e9, most: 4 }), 4);
  assert.equal(cellsMax({ poolMb: 4096, memoryMb: 256, least: 1 }), 2);
  assert.equal(cellsMax({ poolMb: 1024, memoryMb: 256, least: 3 }), 3, "never less than was configured");
});

test("more cold starts never mean fewer cells", () => {
  const rate = fc.double({ min: 0, max: 1000, noNaN: true });
  fc.assert(
    fc.property(rate, rate, fc.nat(3), (a, b, least) => {
      const at = (rate: number): number => cellsFor({ rate, replaceMs: 150, least, most: 30 });
      assert.ok(at(Math.min(a, b)) <= at(Math.max(a, b)));
      assert.ok(at(a) >= least && at(a) <= 30);
    }),
  );
});

test("demand is the most in any window of ten seconds, for three minutes", () => {
  const demand = new Demand();
  for (let n = 0; n < 20; n += 1) demand.add(n);
  assert.equal(demand.rate(5), 2);
  demand.add(WINDOW_MS);
  assert.equal(demand.rate(WINDOW_MS), 2, "the best window counts, not the last");
  assert.equal(demand.rate(WINDOW_MS * (WINDOWS - 1)), 2);
  assert.equal(demand.rate(WINDOW_MS * WINDOWS), 0.1);
  assert.equal(demand.rate(WINDOW_MS * 1000), 0);
});
