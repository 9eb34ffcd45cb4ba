import assert from "node:assert/strict";
import { test } from "node:test";
import { descendantsOf } from "../../bench/harness/proc.ts";
import { ASYNC_SIZES, measureAsync } from "../../bench/system/async.ts";
import { measureMemory, MEMORY_SIZES } from "../../bench/system/memory.ts";
import { measurePaths, PATHS_SIZES } from "../../bench/system/paths.ts";
import { measureStarts, STARTS_SIZES } from "../../bench/system/starts.ts";
import { measureWarm, WARM_SIZES } from "../../bench/system/warm.ts";

// The questions that need the built platform, at the size that only shows that they still run and leave nothing behind.

test("the question of warm calls runs at its tiny size", async () => {
  const report = await measureWarm(WARM_SIZES.tiny);
  assert.equal(report.claims.length, 2);
  assert.ok(report.claims.every((claim) => claim.measured !== "-"));
  assert.deepEqual(descendantsOf(process.pid), []);
});

test("the question of first calls runs at its tiny size", async () => {
  const report = await measureStarts(STARTS_SIZES.tiny);
  assert.equal(report.claims.length, 2);
  assert.deepEqual(descendantsOf(process.pid), []);
});

test("the question of memory runs at its tiny size", async () => {
  const report = await measureMemory(MEMORY_SIZES.tiny);
  assert.equal(report.tables[0]?.rows.length, 3);
  assert.deepEqual(descendantsOf(process.pid), []);
});

test("the question of promises runs at its tiny size, and every promise has its record", async () => {
  const report = await measureAsync(ASYNC_SIZES.tiny);
  assert.match(report.notes.join("\n"), /every accepted activation has its record/);
  assert.deepEqual(descendantsOf(process.pid), []);
});

test("the question of paths runs at its tiny size", async () => {
  const report = await measurePaths(PATHS_SIZES.tiny);
  assert.ok(report.claims.every((claim) => claim.measured !== "-"));
  assert.equal(report.tables[0]?.rows.length, 5);
  assert.deepEqual(descendantsOf(process.pid), []);
});
