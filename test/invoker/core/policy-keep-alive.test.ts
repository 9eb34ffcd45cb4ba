import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  BINS,
  IDLE_MIN_MS,
  IdleTimes,
  binOf,
  edgeOf,
  mixtureOf,
  unknownIdleTimes,
} from "../../../src/invoker/core/policy/idle-times.ts";
import { keepBinOf, priceOf, shortageOf } from "../../../src/invoker/core/policy/keep-alive.ts";

const MINUTE = 60_000;
const idleTime = fc.double({ min: IDLE_MIN_MS, max: 20_000_000, noNaN: true });

function seen(...times: readonly number[]): IdleTimes {
  const own = new IdleTimes();
  for (const ms of times) own.observe(ms);
  return own;
}

/** The cost of a window over real idle times, which the histogram knows by bins only. */
function costOf(times: readonly number[], windowMs: number, priceMs: number): number {
  return times.reduce((sum, ms) => sum + (ms <= windowMs ? ms : windowMs + priceMs), 0);
}

test("every idle time lies between the edges of its bin", () => {
  fc.assert(
    fc.property(idleTime, (ms) => {
      const bin = binOf(ms);
      assert.ok(edgeOf(bin) <= ms * (1 + 1e-9));
      assert.ok(bin === BINS || ms <= edgeOf(bin + 1) * (1 + 1e-9));
    }),
  );
});

test("idle times under a second leave no trace", () => {
  const own = seen(0, 1, 999);
  assert.equal(own.total, 0);
  assert.ok(own.weights.every((weight) => weight === 0));
});

test("observations fade: the total stays bounded and is the sum of the bins, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(idleTime, { maxLength: 400 }), (times) => {
      const own = seen(...times);
      assert.ok(own.total < 64);
      assert.ok(Math.abs(own.weights.reduce((a, b) => a + b, 0) - own.total) < 1e-3);
    }),
  );
});

test("a timer of fifteen minutes is kept past its tick when that is worth the price, and let go at once when it is not", () => {
  const timer = seen(...Array.from({ length: 10 }, () => 15 * MINUTE));
  const kept = edgeOf(keepBinOf(timer.weights, 20 * MINUTE));
  assert.ok(kept > 15 * MINUTE && kept < 19 * MINUTE, `${kept}`);
  assert.equal(keepBinOf(timer.weights, 10 * MINUTE), 0);
});

test("an action that returns within half a minute, or not for hours, is kept for half a minute", () => {
  const own = seen(...Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 25_000 : 5 * 3_600_000)));
  const kept = edgeOf(keepBinOf(own.weights, 10 * MINUTE));
  assert.ok(kept >= 25_000 && kept < 32_000, `${kept}`);
});

test("the window costs no more than any other edge, up to the width of a bin", () => {
  const price = fc.double({ min: 0, max: 3_600_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(idleTime, { minLength: 1, maxLength: 60 }), price, (times, priceMs) => {
      const window = edgeOf(keepBinOf(seen(...times).weights, priceMs));
      const cost = costOf(times, window, priceMs);
      for (let bin = 0; bin <= BINS; bin += 1) {
        // The histogram takes an idle time for the middle of its bin, at most 10 % off.
        assert.ok(cost <= costOf(times, edgeOf(bin), priceMs) * 1.21 + 1e-6);
      }
    }),
  );
});

test("a cold start that is worth more is never a reason to keep shorter", () => {
  fc.assert(
    fc.property(fc.array(idleTime, { maxLength: 60 }), fc.nat(7_200_000), fc.nat(7_200_000), (times, a, b) => {
      const { weights } = seen(...times);
      assert.ok(keepBinOf(weights, Math.min(a, b)) <= keepBinOf(weights, Math.max(a, b)));
    }),
  );
});

test("who was never seen is treated as all are, and two observations of its own outweigh that", () => {
  const all = unknownIdleTimes();
  for (let n = 0; n < 50; n += 1) all.observe(20_000);
  const unknown = edgeOf(keepBinOf(mixtureOf(undefined, all), 10 * MINUTE));
  assert.ok(unknown >= 20_000 && unknown < 10 * MINUTE, `${unknown}`);
  const own = seen(8 * MINUTE, 8 * MINUTE);
  assert.ok(edgeOf(keepBinOf(mixtureOf(own, all), 10 * MINUTE)) > 8 * MINUTE);
});

test("a cold start is worth idleMs of 256 MB, less of more, and a quarter when memory is full", () => {
  assert.equal(priceOf({ idleMs: 600, memoryMb: 256, fill: 0.5 }), 600);
  assert.equal(priceOf({ idleMs: 600, memoryMb: 512, fill: 0 }), 300);
  assert.equal(priceOf({ idleMs: 600, memoryMb: 256, fill: 1 }), 150);
});

test("the fuller memory is, the less a cold start is worth", () => {
  const fill = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fill, fill, (a, b) => {
      const at = (share: number): number => priceOf({ idleMs: 1000, memoryMb: 256, fill: share });
      assert.ok(at(Math.max(a, b)) <= at(Math.min(a, b)));
      assert.ok(shortageOf(a) >= 0 && shortageOf(a) <= 4);
    }),
  );
});
