import assert from "node:assert/strict";
import { test } from "node:test";
import { effectiveLimits, parseLimits } from "../../../src/controller/entitlement/limits.ts";
import { Throttles } from "../../../src/controller/entitlement/throttles.ts";
import type { Instant } from "../../../src/kernel/instants.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { identityOf } from "../../support/messages.ts";

const options = defaultOptions().limits;

test("what is not set for a namespace is what holds for all", () => {
  assert.deepEqual(effectiveLimits(options, {}), effectiveLimits(options, undefined));
  const limits = effectiveLimits(options, { firesPerMinute: 3, allowedKinds: ["nodejs:24"], storeActivations: false });
  assert.equal(limits.firesPerMinute, 3);
  assert.equal(limits.invocationsPerMinute, 60_000);
  assert.deepEqual(limits.allowedKinds, ["nodejs:24"]);
  assert.equal(limits.storeActivations, false);
});

test("bounds of actions can be narrowed, never widened, and the default stays inside", () => {
  const { memoryMb } = effectiveLimits(options, { minActionMemory: 1, maxActionMemory: 1_000_000 }).action;
  assert.deepEqual(memoryMb, options.action.memoryMb);
  const low = effectiveLimits(options, { maxActionMemory: 128, maxActionTimeout: 1000, maxParameterSize: 10 }).action;
  assert.deepEqual(low.memoryMb, { min: 128, default: 128, max: 128 });
  assert.deepEqual(low.timeoutMs, { min: 100, default: 1000, max: 1000 });
  assert.equal(low.parameterBytesMax, 10);
  const high = effectiveLimits(options, { minActionMemory: 512 }).action;
  assert.deepEqual(high.memoryMb, { min: 512, default: 512, max: 512 });
});

test("an unknown name, a wrong type and a negative number are refused by name; nonsense in the store is told as such", () => {
  assert.throws(() => parseLimits({ invocations: 1 }), /no limit is called invocations/);
  assert.throws(() => parseLimits({ firesPerMinute: "1" }), /firesPerMinute: /);
  assert.throws(() => parseLimits({ firesPerMinute: -1 }), /firesPerMinute: /);
  assert.throws(() => parseLimits([]), { code: "request/malformed" });
  assert.throws(() => effectiveLimits(options, { nonsense: true }), { code: "store/corrupted" });
});

test("a limit of 0 lets nothing pass and 1 one a minute, for firings as for invocations, each counted for itself", () => {
  let now = 1_000_000;
  const throttles = new Throttles({
    clock: { now: () => now as Instant, wallMs: () => now },
    inFlight: () => 0,
  });
  const none = identityOf({ firesPerMinute: 0, invocationsPerMinute: 0 });
  assert.throws(() => throttles.takeFire(none), {
    code: "limits/rate",
    message: "Too many requests in the last minute (count: 1, allowed: 0).",
  });
  assert.throws(() => throttles.takeInvocation(none), { code: "limits/rate" });
  const one = identityOf({ firesPerMinute: 1, invocationsPerMinute: 1 });
  throttles.takeFire(one);
  throttles.takeInvocation(one);
  assert.throws(() => throttles.takeFire(one), {
    code: "limits/rate",
    message: "Too many requests in the last minute (count: 2, allowed: 1).",
  });
  now += 60_000;
  throttles.takeFire(one);
});
