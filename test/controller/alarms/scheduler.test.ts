import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAlarmPut } from "../../../src/controller/alarms/alarm-put.ts";
import { idsOf } from "../../../src/controller/alarms/firing.ts";
import type { FireResult } from "../../../src/controller/triggers/firing.ts";
import { ManualClock, systemClock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { MINUTE, refOf, Rings, until } from "./world.ts";

/** A store with one alarm for each body, their triggers named t0, t1, ... */
async function withAlarms(clock: ManualClock, ...bodies: JsonValue[]): Promise<Rings> {
  const rings = new Rings(clock);
  for (const [index, body] of bodies.entries()) {
    const ref = await rings.trigger(`t${index}`);
    await rings.alarms.put(ref, parseAlarmPut(body), { overwrite: false });
  }
  return rings;
}

const quiet = (rings: Rings, scheduler: { snapshot(): { busy: number; ready: number } }, fires: number) =>
  until(() => {
    const { busy, ready } = scheduler.snapshot();
    return rings.fires.length >= fires && busy + ready === 0;
  }, `${fires} firings`);

test("after downtime each alarm's latest tick fires, as the owner, with the payload, under ids of the tick", async () => {
  const clock = new ManualClock();
  const start = clock.wallMs();
  const rings = await withAlarms(clock, { minutes: 1, trigger_payload: { a: 1 } });
  clock.advance(10 * MINUTE);
  await using process = rings.start();
  await quiet(rings, process.scheduler, 1);
  const alarm = await rings.alarms.read(refOf("t0"));
  const tick = start + 30_000 + 9 * MINUTE;
  assert.deepEqual([alarm.lastTick, alarm.fired], [tick, 1]);
  const [request] = rings.fires;
  assert.equal(rings.fires.length, 1);
  assert.deepEqual([request?.trigger, request?.payload, request?.identity.namespace], [refOf("t0"), { a: 1 }, "guest"]);
  const ids = idsOf({ incarnation: alarm.incarnation, tick });
  assert.equal(request?.ids?.trigger, ids.trigger);
  assert.equal(request?.ids?.rule(refOf("r").path), ids.rule(refOf("r").path));
  assert.equal(Number.parseInt(ids.trigger.slice(0, 12), 16), tick, "ids begin with the tick's time");
});

test("ids differ by tick, by alarm and by rule, and are the same at each try", () => {
  const step = { incarnation: "i", tick: 5 };
  const { trigger, rule } = idsOf(step);
  assert.equal(idsOf(step).trigger, trigger);
  const [r, q] = [refOf("r").path, refOf("q").path];
  assert.equal(
    new Set([
      trigger,
      rule(r),
      rule(q),
      idsOf({ ...step, tick: 6 }).trigger,
      idsOf({ ...step, incarnation: "j" }).trigger,
    ]).size,
    5,
  );
});

test("a process that ends between firing and noting leaves the tick to the next one, under the same ids", async () => {
  const clock = new ManualClock();
  const rings = await withAlarms(clock, { date: clock.wallMs() + MINUTE });
  clock.advance(5 * MINUTE);
  const keep = rings.fire;
  let ended: (() => void) | undefined;
  rings.fire = (request) => {
    void keep(request);
    // Never answered: the process dies here.
    return new Promise<FireResult>((resolve) => {
      ended = () => resolve({ kind: "idle" });
    });
  };
  const first = rings.start();
  await until(() => rings.fires.length === 1, "the first try");
  assert.equal((await rings.alarms.read(refOf("t0"))).active, true);
  rings.fire = keep;
  await using second = rings.start();
  await quiet(rings, second.scheduler, 2);
  assert.equal(rings.fires[0]?.ids?.trigger, rings.fires[1]?.ids?.trigger);
  const alarm = await rings.alarms.read(refOf("t0"));
  assert.deepEqual([alarm.active, alarm.fired], [false, 1]);
  assert.deepEqual(alarm.reason, { kind: "AUTO", message: "Automatically disabled after firing once" });
  ended?.();
  await first[Symbol.asyncDispose]();
  await using third = rings.start();
  await quiet(rings, third.scheduler, 2);
  assert.equal(rings.fires.length, 2, "what is noted is over");
});

test("two processes over one store note a tick once", async () => {
  const clock = new ManualClock();
  const rings = await withAlarms(clock, { minutes: 1 }, { minutes: 7 }, { cron: "* * * * *" });
  clock.advance(10 * MINUTE);
  await using one = rings.start();
  await using two = rings.start();
  await quiet(rings, one.scheduler, 3);
  await quiet(rings, two.scheduler, 3);
  assert.equal(new Set(rings.fires.map((request) => request.ids?.trigger)).size, 3);
  for (const name of ["t0", "t1", "t2"]) assert.equal((await rings.alarms.read(refOf(name))).fired, 1);
});

for (const [what, break_, message] of [
  [
    "is gone",
    (rings: Rings) => rings.entities.triggers.remove(refOf("t0")),
    "Trigger automatically disabled: the trigger does not exist any more",
  ],
  [
    "was made anew",
    async (rings: Rings) => {
      await rings.entities.triggers.remove(refOf("t0"));
      await rings.trigger("t0");
    },
    "Trigger automatically disabled: the trigger does not exist any more",
  ],
  [
    "has no owner",
    async (rings: Rings) => {
      rings.identityOf = () => undefined;
    },
    "Trigger automatically disabled: the namespace has no owner, or its owner is blocked",
  ],
] as const) {
  test(`an alarm whose trigger ${what} is deactivated and says so`, async () => {
    const clock = new ManualClock();
    const rings = await withAlarms(clock, { minutes: 1 });
    await break_(rings);
    clock.advance(10 * MINUTE);
    await using process = rings.start();
    await until(async () => !(await rings.alarms.read(refOf("t0"))).active, "its end");
    const { reason, fired } = await rings.alarms.read(refOf("t0"));
    assert.deepEqual([reason?.kind, reason?.message, fired], ["AUTO", message, 0]);
    assert.equal(rings.fires.length, 0);
    // What was written is seen before the step that wrote it is over.
    await until(() => process.scheduler.snapshot().busy === 0, "its step's end");
  });
}

test("a firing that is refused for good ends the alarm; one that is throttled does not", async () => {
  const clock = new ManualClock();
  const rings = await withAlarms(clock, { minutes: 1 }, { minutes: 1 });
  const keep = rings.fire;
  let throttled = 0;
  rings.fire = async (request) => {
    if (request.trigger.path === "t0") throw new PlatformError("auth/forbidden", "no");
    throttled += 1;
    if (throttled === 1) throw new PlatformError("limits/rate", "too many");
    return await keep(request);
  };
  clock.advance(10 * MINUTE);
  await using process = rings.start();
  await until(async () => !(await rings.alarms.read(refOf("t0"))).active, "the end of the one");
  assert.equal((await rings.alarms.read(refOf("t0"))).reason?.statusCode, 403);
  await until(() => throttled === 1 && process.scheduler.snapshot().busy === 0, "the failure of the other");
  clock.advance(MINUTE);
  assert.equal((await rings.alarms.read(refOf("t1"))).active, true);
  await until(() => rings.fires.length === 1, "the second try");
});

test("deleteAfterFire takes the trigger along, with its rules only when they are named; other triggers stay", async () => {
  for (const [deleteAfterFire, leaves] of [
    ["false", ["t0", "rule", "alarm"]],
    ["true", ["rule"]],
    ["rules", []],
  ] as const) {
    const clock = new ManualClock();
    const rings = await withAlarms(clock, { date: clock.wallMs() + MINUTE, deleteAfterFire });
    const trigger = await rings.entities.triggers.read(refOf("t0"));
    await rings.stores.artifacts.put(
      {
        kind: "rule",
        ...refOf("r"),
        updated: 1,
        body: {
          format: 1,
          version: "0.0.1",
          publish: false,
          annotations: [],
          trigger: { namespace: "guest", path: "t0" },
          action: { namespace: "guest", path: "a" },
          status: "active",
          incarnation: trigger.incarnation,
        },
        attachments: [],
        link: refOf("t0").path,
      },
      "absent",
    );
    clock.advance(5 * MINUTE);
    await using process = rings.start();
    await quiet(rings, process.scheduler, 1);
    const { triggers, rules } = rings.entities;
    const left = [
      ...((await triggers.load(refOf("t0"))) === undefined ? [] : ["t0"]),
      ...((await rules.count({ namespace: refOf("r").namespace, skip: 0 })) === 0 ? [] : ["rule"]),
      ...((await rings.alarms.load(refOf("t0"))) === undefined ? [] : ["alarm"]),
    ];
    assert.deepEqual(left, leaves, deleteAfterFire);
  }
});

test("what is made, changed and deleted while the process runs is heard of", async () => {
  const clock = new ManualClock();
  const rings = await withAlarms(clock, { cron: "0 0 1 1 *" });
  await using process = rings.start();
  await until(() => process.scheduler.snapshot().alarms === 1, "the first");
  const ref = await rings.trigger("new");
  await rings.alarms.put(ref, parseAlarmPut({ date: clock.wallMs() + MINUTE }), { overwrite: false });
  await until(() => process.scheduler.snapshot().alarms === 2, "the second");
  clock.advance(2 * MINUTE);
  await rings.alarms.change(ref, parseAlarmPut({ trigger_payload: "late" }));
  await until(() => rings.fires.length === 1, "its firing");
  assert.deepEqual(rings.fires[0]?.payload, { payload: "late" });
  await rings.alarms.remove(refOf("t0"));
  await until(() => process.scheduler.snapshot().alarms === 0, "the end of both");
});

test("an alarm of every second fires each second once, by the machine's own clock", async () => {
  const rings = new Rings(systemClock);
  const ref = await rings.trigger("t");
  await using _process = rings.start();
  await rings.alarms.put(ref, parseAlarmPut({ cron: "* * * * * *" }), { overwrite: false });
  await until(() => rings.fires.length === 3, "three seconds");
  const ticks = rings.fires.map((request) => Number.parseInt(request.ids?.trigger.slice(0, 12) ?? "", 16));
  assert.deepEqual(
    ticks.map((tick) => tick - ticks[0]!),
    [0, 1000, 2000],
  );
  const late = systemClock.wallMs() - ticks[2]!;
  assert.ok(late >= 0 && late < 1000, `${late} ms late`);
});

test("hundreds of alarms are all read, though they are read by pages", async () => {
  const clock = new ManualClock();
  const rings = new Rings(clock);
  for (let i = 0; i < 450; i += 1) {
    const ref = await rings.trigger(`t${i}`);
    await rings.alarms.put(ref, parseAlarmPut({ minutes: 60 }), { overwrite: false });
  }
  await using process = rings.start();
  await until(() => process.scheduler.snapshot().alarms === 450, "all of them");
});
