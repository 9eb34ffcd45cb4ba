import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type CronRule, CronRules } from "../../../src/controller/alarms/cron.ts";

const rules = new CronRules();

function nextOf(cron: string, after: string, timezone?: string): string | undefined {
  const next = rules.next({ cron, ...(timezone === undefined ? {} : { timezone }) }, Date.parse(after));
  return next === undefined ? undefined : new Date(next).toISOString();
}

function faultOf(rule: CronRule): string | undefined {
  try {
    rules.check(rule, Date.parse("2026-03-01T00:00:00Z"));
    return undefined;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "request/malformed");
    return (error as Error).message;
  }
}

test("five fields fire at second 0, six say the second themselves", () => {
  assert.equal(nextOf("* * * * *", "2026-03-01T00:00:30.500Z"), "2026-03-01T00:01:00.000Z");
  assert.equal(nextOf("*/30 * * * * *", "2026-03-01T00:00:00Z"), "2026-03-01T00:00:30.000Z");
  assert.equal(nextOf("0 9 8 * *", "2026-03-08T09:00:00Z"), "2026-04-08T09:00:00.000Z");
});

test("the next match is after the moment asked about, by a millisecond too", () => {
  assert.equal(nextOf("* * * * *", "2026-03-01T00:00:59.999Z"), "2026-03-01T00:01:00.000Z");
  assert.equal(nextOf("* * * * *", "2026-03-01T00:01:00.000Z"), "2026-03-01T00:02:00.000Z");
});

test("times are UTC unless a timezone is named", () => {
  assert.equal(nextOf("0 2 * * 7", "2026-03-01T00:00:00Z"), "2026-03-01T02:00:00.000Z");
  assert.equal(nextOf("0 2 * * 7", "2026-03-01T00:00:00Z", "CET"), "2026-03-01T01:00:00.000Z");
});

test("a time that the spring night skips comes an hour later; one that the autumn night has twice comes once", () => {
  assert.equal(nextOf("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:30:00.000Z");
  assert.equal(nextOf("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T00:30:00.000Z");
  assert.equal(nextOf("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"), "2026-10-26T01:30:00.000Z");
});

test("what is no pattern is refused in OpenWhisk's words", () => {
  for (const cron of ["***", "", "* * * *", "* * * * * * *", "60 * * * *", "a b c d e", "@hourly", "H H * * *"]) {
    assert.equal(faultOf({ cron }), `cron pattern '${cron}' is not valid`, cron);
  }
  assert.equal(faultOf({ cron: `${"1,".repeat(200)}1 * * * *` })?.endsWith("is not valid"), true);
  for (const timezone of ["Nowhere/City", "", "Australia/Lord_Howe", "Australia/LHI"]) {
    assert.equal(faultOf({ cron: "* * * * *", timezone }), "Invalid timezone.", timezone);
  }
});

test("a pattern that never comes is refused", () => {
  assert.equal(faultOf({ cron: "0 0 30 2 *" }), "cron pattern '0 0 30 2 *' is not valid");
  assert.equal(faultOf({ cron: "0 0 29 2 *" }), undefined);
});

test("names of days and months, steps, lists and ranges are patterns", () => {
  for (const cron of ["0 9 * * mon-fri", "*/5 8-18 * jan,JUL thu", "0 0 1 1 *", "15,45 * * * *", "0 0 */2 * * *"]) {
    assert.equal(faultOf({ cron }), undefined, cron);
  }
});

test("property: between a moment and its next match there is no other match", () => {
  const crons = fc.constantFrom(
    "* * * * *",
    "*/7 * * * *",
    "30 2 * * *",
    "15 10 * * * *",
    "0 0 1 * mon",
    "5 4 * * sun",
  );
  const zones = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Kolkata");
  const moments = fc.integer({ min: Date.parse("2026-01-01"), max: Date.parse("2028-12-31") });
  fc.assert(
    fc.property(crons, zones, moments, fc.double({ min: 0, max: 0.999, noNaN: true }), (cron, timezone, from, part) => {
      const rule = { cron, timezone };
      const next = rules.next(rule, from);
      assert.ok(next !== undefined && next > from && next % 1000 === 0);
      const between = Math.floor(from + (next - from) * part);
      assert.equal(rules.next(rule, between), next, `after ${new Date(between).toISOString()}`);
    }),
    { numRuns: 400 },
  );
});

test("property: an answer is the same whatever was asked before", () => {
  const moments = fc.array(fc.integer({ min: Date.parse("2026-10-24"), max: Date.parse("2026-10-27") }), {
    minLength: 2,
  });
  fc.assert(
    fc.property(fc.constantFrom("*/7 * * * *", "30 2 * * *", "0 * * * *"), moments, (cron, list) => {
      const rule = { cron, timezone: "Europe/Berlin" };
      const used = new CronRules();
      for (const at of list) assert.equal(used.next(rule, at), new CronRules().next(rule, at));
    }),
    { numRuns: 50 },
  );
});
