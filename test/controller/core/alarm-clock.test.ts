import assert from "node:assert/strict";
import { test } from "node:test";
import { ONCE_FAILURES_MAX } from "../../../src/controller/core/alarm-clock.ts";
import { AlarmProcess, AlarmStore, MINUTE, START } from "./alarm-world.ts";

const everyMinute = { kind: "cron", cron: "* * * * *" } as const;
const minutes = (...numbers: number[]): number[] => numbers.map((number) => START + number * MINUTE);

test("an alarm sleeps until its next tick, fires it, notes it and sleeps again", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START + 10);
  assert.deepEqual(process.steps, []);
  assert.equal(process.clock.deadline(), START + MINUTE);
  process.tick(START + MINUTE - 1);
  assert.deepEqual(process.steps, [], "a timer that is early changes nothing");
  process.tick(START + MINUTE);
  assert.deepEqual(process.steps, [{ kind: "fire", id: "a", incarnation, tick: START + MINUTE }]);
  process.answer(process.steps[0]!, START + MINUTE + 5);
  const note = { tick: START + MINUTE };
  assert.deepEqual(process.steps, [{ kind: "save", id: "a", incarnation, revision: "r1", note }]);
  process.settle(START + MINUTE + 6);
  assert.equal(process.clock.deadline(), START + 2 * MINUTE);
});

test("while up, every tick fires exactly once", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  process.runTo(START, START + 5 * MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(1, 2, 3, 4, 5));
  assert.deepEqual([...store.fired.values()], [1, 1, 1, 1, 1]);
  assert.equal(store.docs.get("a")?.fired, 5);
});

test("after a crash between firing and noting, the same tick fires again under the same name, and once in all", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const first = new AlarmProcess(store, START);
  first.tick(START + MINUTE);
  first.carryOut(first.steps[0]!);
  const second = new AlarmProcess(store, START + MINUTE + 9000);
  second.settle(START + MINUTE + 9000);
  assert.deepEqual(store.ticksOf(incarnation), minutes(1));
  assert.equal(store.fired.get(`${incarnation}/${START + MINUTE}`), 2);
  const third = new AlarmProcess(store, START + MINUTE + 9500);
  assert.deepEqual(third.steps, [], "what is noted is not tried again");
});

test("after downtime the latest missed tick fires once, and the others never", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: { kind: "interval", minutes: 10, startAt: START } });
  const process = new AlarmProcess(store, START + 57 * MINUTE);
  process.runTo(START + 57 * MINUTE, START + 60 * MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(50, 60));
});

test("a once fires late, and is over", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: { kind: "once", at: START + MINUTE } });
  const process = new AlarmProcess(store, START + 10_000 * MINUTE);
  process.settle(START + 10_000 * MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(1));
  assert.equal(store.docs.get("a")?.active, false);
  assert.equal(process.clock.snapshot().alarms, 0);
});

test("what is over says why, in OpenWhisk's words", () => {
  const endOf = (change: Parameters<AlarmStore["put"]>[1], at: number): string | undefined => {
    const store = new AlarmStore();
    store.put("a", change);
    const process = new AlarmProcess(store, START);
    process.tick(at);
    let end: string | undefined;
    for (let i = 0; i < 9 && process.steps.length > 0; i += 1) {
      const step = process.steps[0]!;
      if (step.kind === "save") end ??= step.note.end?.message;
      process.carryOut(step);
      process.answer(step, at);
    }
    assert.equal(store.docs.get("a")?.active, end === undefined);
    return end;
  };
  const stopAt = START + 90_000;
  assert.equal(
    endOf({ schedule: { ...everyMinute, stopAt } }, START + MINUTE),
    "Automatically disabled after firing last scheduled cron trigger",
  );
  assert.equal(
    endOf({ schedule: { kind: "interval", minutes: 1, startAt: START, stopAt } }, START + MINUTE),
    "Automatically disabled after firing last scheduled interval trigger",
  );
  assert.equal(
    endOf({ schedule: { kind: "once", at: START + MINUTE } }, START + MINUTE),
    "Automatically disabled after firing once",
  );
  const full = "Automatically disabled after reaching max triggers";
  assert.equal(endOf({ schedule: everyMinute, firesMax: 1 }, START + MINUTE), full);
  assert.equal(endOf({ schedule: everyMinute, firesMax: 3, fired: 3 }, START + MINUTE), full);
  assert.equal(endOf({ schedule: everyMinute, firesMax: 2 }, START + MINUTE), undefined);
  assert.equal(
    endOf({ schedule: { ...everyMinute, stopAt: START + 1 } }, START + MINUTE),
    "Automatically disabled: its last date has passed",
  );
});

test("an alarm whose trigger is gone is deactivated with the reason", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  process.tick(START + MINUTE);
  process.answer(process.steps[0]!, START + MINUTE, "refused");
  const step = process.steps[0]!;
  assert.equal(step.kind, "save");
  assert.deepEqual(step.kind === "save" && step.note, { end: { message: "gone", statusCode: 404 } });
  process.settle(START + MINUTE);
  assert.equal(store.docs.get("a")?.active, false);
  assert.equal(store.docs.get("a")?.lastTick, START, "nothing fired");
  assert.equal(process.clock.deadline(), undefined);
});

test("a firing that fails is tried again after 0.5 to 1 s, then up to 2, until the next tick takes its place", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  let now = START + MINUTE;
  process.tick(now);
  for (const [least, most] of [
    [500, 1000],
    [1000, 2000],
    [2000, 4000],
    [4000, 8000],
    [8000, 16_000],
  ] as const) {
    process.answer(process.steps[0]!, now, "failed");
    const wake = process.clock.deadline()!;
    assert.ok(wake - now >= least && wake - now <= most, `${wake - now}`);
    now = wake;
    process.tick(now);
    assert.equal(process.steps[0]?.kind === "fire" && process.steps[0].tick, START + MINUTE);
  }
  now = START + 2 * MINUTE - 10;
  process.answer(process.steps[0]!, now, "failed");
  assert.equal(process.clock.deadline(), START + 2 * MINUTE, "the next tick does not wait for the one before");
  process.tick(START + 2 * MINUTE);
  process.settle(START + 2 * MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(2));
});

test("a once that cannot be fired is given up after an hour of attempts, and says so", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: { kind: "once", at: START + MINUTE } });
  const process = new AlarmProcess(store, START);
  let attempts = 0;
  let now = START;
  for (let wake = process.clock.deadline(); wake !== undefined; wake = process.clock.deadline()) {
    now = wake;
    process.tick(now);
    attempts += 1;
    process.answer(process.steps[0]!, now, "failed");
  }
  assert.equal(attempts, ONCE_FAILURES_MAX);
  assert.ok(now - START > 20 * MINUTE && now - START < 70 * MINUTE, `${(now - START) / MINUTE} minutes`);
  process.settle(now);
  assert.equal(store.docs.get("a")?.active, false);
});

test("a note that could not be written is written before anything else fires", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  process.tick(START + MINUTE);
  process.carryOut(process.steps[0]!);
  process.answer(process.steps[0]!, START + MINUTE);
  process.answer(process.steps[0]!, START + MINUTE, "failed");
  process.tick(START + 3 * MINUTE);
  const note = { tick: START + MINUTE };
  assert.deepEqual(process.steps, [{ kind: "save", id: "a", incarnation, revision: "r1", note }]);
  process.settle(START + 3 * MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(1, 3));
});

test("a note that waits to be written survives a change of the document, and is written on top of it", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  process.tick(START + MINUTE);
  process.answer(process.steps[0]!, START + MINUTE, process.carryOut(process.steps[0]!));
  process.answer(process.steps[0]!, START + MINUTE, "failed");
  store.put("a", { firesMax: 9 });
  process.listen(START + MINUTE);
  process.tick(START + MINUTE + 1000);
  assert.deepEqual(
    process.steps.map((step) => step.kind),
    ["save"],
  );
  process.settle(START + MINUTE + 1000);
  assert.equal(store.docs.get("a")?.fired, 1);
  assert.equal(store.docs.get("a")?.firesMax, 9);
  assert.equal(store.fired.get(`${incarnation}/${START + MINUTE}`), 1);
});

test("a success ends the waits: the next failure is tried again within a second", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: { kind: "cron", cron: "0 * * * *" } });
  const process = new AlarmProcess(store, START);
  let now = START + 60 * MINUTE;
  for (let i = 0; i < 4; i += 1) {
    process.tick(now);
    process.answer(process.steps[0]!, now, "failed");
    now = process.clock.deadline()!;
  }
  process.tick(now);
  process.settle(now);
  now = START + 120 * MINUTE;
  process.tick(now);
  process.answer(process.steps[0]!, now, "failed");
  assert.ok(process.clock.deadline()! - now <= 1000);
});

test("a document that was read before somebody wrote it is read again", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  store.put("a", { schedule: { kind: "cron", cron: "*/2 * * * *" } });
  process.listen(START);
  const load = process.steps[0]!;
  process.carryOut(load);
  store.put("a", { schedule: { kind: "cron", cron: "*/3 * * * *" } });
  process.listen(START);
  process.answer(load, START);
  process.settle(START);
  assert.equal(process.clock.deadline(), START + 3 * MINUTE);
});

test("a change of the document is in force at once: paused, resumed, moved, deleted, made again", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  store.put("a", { active: false });
  process.settle(START);
  assert.equal(process.clock.deadline(), undefined);
  store.put("a", { active: true, schedule: { kind: "cron", cron: "*/5 * * * *" } });
  process.settle(START);
  assert.equal(process.clock.deadline(), START + 5 * MINUTE);
  store.delete("a");
  process.settle(START);
  assert.equal(process.clock.snapshot().alarms, 0);
  const { incarnation } = store.put("a", { schedule: everyMinute });
  process.runTo(START, START + MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(1));
});

test("a tick that the document asks for no more when it is to fire is not fired, and the document is read again", () => {
  const store = new AlarmStore();
  const { incarnation } = store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  store.put("a", { active: false });
  process.tick(START + MINUTE);
  process.settle(START + MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), []);
  assert.equal(process.clock.snapshot().alarms, 0);
});

test("an alarm that is replaced while it fires loses nothing and inherits nothing", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  process.tick(START + MINUTE);
  store.delete("a");
  const { incarnation } = store.put("a", { schedule: everyMinute, lastTick: START + MINUTE });
  process.settle(START + MINUTE);
  assert.equal(store.docs.get("a")?.fired, 0);
  process.runTo(START + MINUTE, START + 2 * MINUTE);
  assert.deepEqual(store.ticksOf(incarnation), minutes(2));
});

test("an alarm that takes its trigger along is gone afterwards, and one made again in between is not", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: everyMinute, active: false, retires: true });
  const process = new AlarmProcess(store, START);
  assert.deepEqual(process.steps, [{ kind: "retire", id: "a" }]);
  process.carryOut(process.steps[0]!);
  store.put("a", { schedule: everyMinute });
  process.listen(START);
  process.answer(process.steps[0]!, START);
  process.settle(START);
  assert.equal(process.clock.deadline(), START + MINUTE);
});

test("no more steps are under way than allowed; what fired is noted first, and those in line take the newest tick", () => {
  const store = new AlarmStore();
  for (const id of ["a", "b", "c"]) store.put(id, { schedule: everyMinute });
  const process = new AlarmProcess(store, START, { options: { stepsMax: 1 } });
  process.tick(START + MINUTE);
  assert.deepEqual(
    process.steps.map((step) => step.id),
    ["a"],
  );
  assert.deepEqual(process.clock.snapshot(), { alarms: 3, ready: 2, busy: 1, wakeUps: 0 });
  process.answer(process.steps[0]!, START + MINUTE);
  assert.deepEqual(
    process.steps.map(({ kind, id }) => [kind, id]),
    [["save", "a"]],
  );
  process.answer(process.steps[0]!, START + 2 * MINUTE, process.carryOut(process.steps[0]!));
  const [step] = process.steps;
  assert.equal(step?.kind === "fire" && step.id !== "a" && step.tick, START + 2 * MINUTE, "the next in line");
  process.settle(START + 2 * MINUTE);
  assert.deepEqual(process.clock.snapshot(), { alarms: 3, ready: 0, busy: 0, wakeUps: 3 });
});

test("alarms beyond the bound are told of and left out", () => {
  const store = new AlarmStore();
  for (const id of ["a", "b", "c"]) store.put(id, { schedule: everyMinute });
  store.put("inactive", { schedule: everyMinute, active: false });
  const process = new AlarmProcess(store, START, { options: { alarmsMax: 2 } });
  assert.deepEqual(process.full, ["c"]);
  store.put("d", { schedule: everyMinute });
  process.listen(START);
  assert.deepEqual(process.full, ["c", "d"]);
});

test("an alarm that is rescheduled a thousand times leaves no thousand wake-ups behind", () => {
  const store = new AlarmStore();
  store.put("a", { schedule: everyMinute });
  const process = new AlarmProcess(store, START);
  for (let i = 0; i < 1000; i += 1) {
    store.put("a", { schedule: { kind: "once", at: START + (2000 - i) * MINUTE } });
    process.settle(START);
  }
  assert.equal(process.clock.deadline(), START + 1001 * MINUTE);
  const { alarms, wakeUps } = process.clock.snapshot();
  assert.equal(alarms, 1);
  assert.ok(wakeUps <= 2 + 64, `${wakeUps} wake-ups`);
});
