import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type AlarmSchedule, CATCH_UP_MS, dueTick, nextTick } from "../../../src/controller/core/alarm-ticks.ts";
import { cronNext, MINUTE, START, ticksBetween } from "./alarm-world.ts";

const next = (schedule: AlarmSchedule, after: number): number | undefined => nextTick(schedule, after, cronNext);
const due = (schedule: AlarmSchedule, lastTick: number, now: number): number | undefined =>
  dueTick({ schedule, lastTick }, now, cronNext);

test("an interval's ticks are its start and whole periods after it, wherever one asks from", () => {
  const schedule = { kind: "interval", minutes: 5, startAt: START } as const;
  assert.equal(next(schedule, 0), START);
  assert.equal(next(schedule, START - 1), START);
  assert.equal(next(schedule, START), START + 5 * MINUTE);
  assert.equal(next(schedule, START + 5 * MINUTE - 1), START + 5 * MINUTE);
  assert.equal(next(schedule, START + 12 * MINUTE), START + 15 * MINUTE);
});

test("a cron schedule has no tick before its start; a match at the start is one", () => {
  const schedule = { kind: "cron", cron: "0 * * * *", startAt: START + 60 * MINUTE } as const;
  assert.equal(next(schedule, START - 1), START + 60 * MINUTE);
  assert.equal(next({ ...schedule, startAt: START + 61 * MINUTE }, START), START + 120 * MINUTE);
});

test("nothing ticks at the stop date or after it", () => {
  const schedule = { kind: "interval", minutes: 1, startAt: START, stopAt: START + 2 * MINUTE } as const;
  assert.deepEqual(ticksBetween(schedule, 0, START + 9 * MINUTE), [START, START + MINUTE]);
  const hourly = { kind: "cron", cron: "0 * * * *", stopAt: START + 60 * MINUTE } as const;
  assert.equal(next(hourly, START), undefined);
  assert.equal(next({ ...hourly, stopAt: START + 60 * MINUTE + 1 }, START), START + 60 * MINUTE);
});

test("of the ticks missed the latest is due, and none that was passed before", () => {
  const schedule = { kind: "interval", minutes: 10, startAt: START } as const;
  assert.equal(due(schedule, START, START + 9 * MINUTE), undefined);
  assert.equal(due(schedule, START, START + 10 * MINUTE), START + 10 * MINUTE);
  assert.equal(due(schedule, START, START + 55 * MINUTE), START + 50 * MINUTE);
  assert.equal(due(schedule, START + 50 * MINUTE, START + 55 * MINUTE), undefined);
});

test("a tick that is an hour old is left out; one a millisecond younger is due", () => {
  const daily = { kind: "cron", cron: "0 2 * * *" } as const;
  const tick = START + 120 * MINUTE;
  assert.equal(due(daily, START, tick + CATCH_UP_MS - 1), tick);
  assert.equal(due(daily, START, tick + CATCH_UP_MS), undefined);
});

test("a once is due however late, unless it has passed as fired", () => {
  const schedule = { kind: "once", at: START + MINUTE } as const;
  assert.equal(due(schedule, START, START), undefined);
  assert.equal(due(schedule, START, START + 1000 * 24 * 60 * MINUTE), START + MINUTE);
  assert.equal(due(schedule, START + MINUTE, START + 2 * MINUTE), undefined);
});

test("a clock that went back has nothing due and nothing before what was fired", () => {
  const schedule = { kind: "cron", cron: "* * * * *" } as const;
  assert.equal(due(schedule, START + 30 * MINUTE, START), undefined);
});

const schedules: fc.Arbitrary<AlarmSchedule> = fc.oneof(
  fc.record({
    kind: fc.constant("cron" as const),
    cron: fc.constantFrom("* * * * *", "*/7 * * * *", "0 0 * * *", "*/20 * * * * *", "* 0-29 * * * *", "10 * 1 * * *"),
  }),
  fc.record({
    kind: fc.constant("interval" as const),
    minutes: fc.integer({ min: 1, max: 90 }),
    startAt: fc.integer({ min: START - 90 * MINUTE, max: START + 90 * MINUTE }),
  }),
);

test("property: what is due is the last of all ticks since the last one, if that is young enough", () => {
  const moments = fc.integer({ min: -120 * MINUTE, max: 240 * MINUTE });
  fc.assert(
    fc.property(schedules, moments, moments, (schedule, a, b) => {
      const [lastTick, now] = [START + Math.min(a, b), START + Math.max(a, b)];
      const last = ticksBetween(schedule, lastTick, now).at(-1);
      const expected = last !== undefined && now - last < CATCH_UP_MS ? last : undefined;
      assert.equal(due(schedule, lastTick, now), expected);
    }),
    { numRuns: 200 },
  );
});

test("the latest of an hour of seconds is found in a few questions", () => {
  let asked = 0;
  const counting: typeof cronNext = (rule, after) => {
    asked += 1;
    return cronNext(rule, after);
  };
  const schedule = { kind: "cron", cron: "* 0-29 * * * *" } as const;
  const now = START + 59 * MINUTE;
  assert.equal(dueTick({ schedule, lastTick: 0 }, now, counting), START + 30 * MINUTE - 1000);
  assert.ok(asked < 50, `${asked} questions`);
});
