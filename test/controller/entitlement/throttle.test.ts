import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RateThrottle } from "../../../src/controller/core/throttle.ts";
import { type Instant, instantOf } from "../../../src/kernel/instants.ts";

const at = (ms: number): Instant => instantOf(ms);

test("a limit lets that many pass, and the next one when the oldest is a minute old", () => {
  const throttle = new RateThrottle({ namespacesMax: 10 });
  for (const second of [0, 10, 20]) {
    assert.equal(throttle.check("a", 3, at(second * 1000)).kind, "allowed");
    throttle.take("a", at(second * 1000));
  }
  assert.deepEqual(throttle.check("a", 3, at(30_500)), { kind: "refused", count: 4, retryAfterMs: 29_500 });
  assert.deepEqual(throttle.check("a", 2, at(30_500)), { kind: "refused", count: 4, retryAfterMs: 39_500 });
  assert.deepEqual(throttle.check("a", 3, at(59_999)), { kind: "refused", count: 4, retryAfterMs: 1 });
  assert.equal(throttle.check("a", 3, at(60_000)).kind, "allowed");
});

test("a limit of zero lets nothing pass", () => {
  const throttle = new RateThrottle({ namespacesMax: 10 });
  assert.deepEqual(throttle.check("a", 0, at(0)), { kind: "refused", count: 1, retryAfterMs: 60_000 });
});

test("refusals are not counted, and namespaces are apart", () => {
  const throttle = new RateThrottle({ namespacesMax: 10 });
  throttle.take("a", at(0));
  for (let i = 0; i < 100; i += 1) assert.equal(throttle.check("a", 1, at(i)).kind, "refused");
  assert.deepEqual(throttle.check("a", 1, at(100)), { kind: "refused", count: 2, retryAfterMs: 59_900 });
  assert.equal(throttle.check("b", 1, at(100)).kind, "allowed");
});

test("the namespaces remembered are bounded; the one that asked longest ago goes first", () => {
  const throttle = new RateThrottle({ namespacesMax: 2 });
  throttle.take("a", at(0));
  throttle.take("b", at(0));
  throttle.take("a", at(2000));
  throttle.take("c", at(3000));
  assert.equal(throttle.size, 2);
  assert.equal(throttle.check("b", 1, at(3000)).kind, "allowed");
  assert.equal(throttle.check("a", 1, at(3000)).kind, "refused");
});

test("no minute sees more than the limit, and waiting as told always helps", () => {
  const steps = fc.array(fc.nat({ max: 20_000 }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.nat({ max: 100_000 }), steps, (limit, origin, gaps) => {
      const throttle = new RateThrottle({ namespacesMax: 1 });
      const passed: number[] = [];
      let now = origin;
      for (const gap of gaps) {
        now += gap;
        const verdict = throttle.check("a", limit, at(now));
        if (verdict.kind === "refused") {
          assert.ok(verdict.retryAfterMs > 0 && verdict.retryAfterMs <= 60_000);
          now += verdict.retryAfterMs;
          assert.equal(throttle.check("a", limit, at(now)).kind, "allowed");
        }
        throttle.take("a", at(now));
        passed.push(now);
        // The window is whole seconds wide, so that up to one second less than a minute is guaranteed.
        const recent = passed.filter((time) => time > now - 59_000);
        assert.ok(recent.length <= limit, `${recent.length} of ${limit}`);
      }
    }),
  );
});
