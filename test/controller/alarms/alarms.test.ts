import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAlarmPut } from "../../../src/controller/alarms/alarm-put.ts";
import type { Alarm } from "../../../src/controller/alarms/alarm.ts";
import { ManualClock } from "../../../src/kernel/clock.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import type { Stores } from "../../../src/store/ports.ts";
import { MINUTE, refOf, Rings } from "./world.ts";

const put = async (rings: Rings, name: string, body: JsonValue, overwrite = false): Promise<Alarm> =>
  rings.alarms.put(refOf(name), parseAlarmPut(body), { overwrite });
const change = async (rings: Rings, name: string, body: JsonValue): Promise<Alarm> =>
  rings.alarms.change(refOf(name), parseAlarmPut(body));
const code = (code: string, message?: string) => ({ code, ...(message === undefined ? {} : { message }) });

/** What the platform does when a tick has fired. */
function fired(alarm: Alarm, change: Partial<Alarm> = {}): (old: Alarm) => Alarm {
  return (old) => ({ ...old, fired: alarm.fired + 1, ...change });
}

test("an alarm needs its trigger, and is there once unless it is to be replaced", async () => {
  const rings = new Rings(new ManualClock());
  await assert.rejects(put(rings, "t", { minutes: 1 }), code("entity/not-found"));
  await rings.trigger("t");
  const first = await put(rings, "t", { minutes: 1 });
  assert.equal(first.lastTick, rings.clock.wallMs(), "nothing before it was made is its own");
  await assert.rejects(put(rings, "t", { minutes: 2 }), code("entity/conflict"));
  const second = await put(rings, "t", { minutes: 2 }, true);
  assert.notEqual(second.incarnation, first.incarnation);
  assert.deepEqual(await rings.alarms.read(refOf("t")), second);
});

test("a refused body changes nothing", async () => {
  const rings = new Rings(new ManualClock());
  await rings.trigger("t");
  await assert.rejects(put(rings, "t", { cron: "x" }), code("request/malformed"));
  assert.equal(await rings.alarms.load(refOf("t")), undefined);
  const made = await put(rings, "t", { minutes: 1 });
  await assert.rejects(change(rings, "t", { minutes: "x" }), code("request/malformed"));
  await assert.rejects(
    put(rings, "t", { minutes: 1, trigger_payload: "x".repeat(1_000_000) }, true),
    code("request/too-large"),
  );
  assert.deepEqual(await rings.alarms.read(refOf("t")), made);
});

test("an alarm that was left by a former trigger of the name is no hindrance", async () => {
  const rings = new Rings(new ManualClock());
  const ref = await rings.trigger("t");
  await put(rings, "t", { minutes: 1 });
  await rings.entities.triggers.remove(ref);
  await rings.trigger("t");
  const { triggerIncarnation } = await put(rings, "t", { minutes: 2 });
  assert.equal(triggerIncarnation, (await rings.entities.triggers.read(ref)).incarnation);
});

test("alarms are listed and counted by the namespace of their trigger, newest first", async () => {
  const clock = new ManualClock();
  const rings = new Rings(clock);
  for (const [name, namespace] of [
    ["a", "guest"],
    ["b", "guest"],
    ["c", "guest2"],
  ] as const) {
    await rings.trigger(name, namespace);
    await rings.alarms.put(refOf(name, namespace), parseAlarmPut({ minutes: 1 }), { overwrite: false });
    clock.advance(1);
  }
  const { namespace } = refOf("a");
  const names = async (skip: number, limit: number) =>
    (await rings.alarms.list({ namespace, skip, limit })).map((alarm) => alarm.trigger.path as string);
  assert.deepEqual(await names(0, 9), ["b", "a"]);
  assert.deepEqual(await names(1, 1), ["a"]);
  assert.equal(await rings.alarms.count({ namespace, skip: 0 }), 2);
  assert.equal(await rings.alarms.count({ skip: 0 }), 3);
});

test("a change of the payload leaves a due tick due; a change of the schedule or a resumption does not", async () => {
  const clock = new ManualClock();
  const rings = new Rings(clock);
  await rings.trigger("t");
  const { lastTick } = await put(rings, "t", { minutes: 1 });
  clock.advance(5 * MINUTE);
  assert.equal((await change(rings, "t", { trigger_payload: "x" })).lastTick, lastTick);
  assert.equal((await change(rings, "t", { minutes: 2 })).lastTick, clock.wallMs());
  await change(rings, "t", { active: false });
  clock.advance(5 * MINUTE);
  assert.equal((await change(rings, "t", { active: true })).lastTick, clock.wallMs());
});

test("a paused alarm stays paused through changes until it is resumed", async () => {
  const rings = new Rings(new ManualClock());
  await rings.trigger("t");
  await put(rings, "t", { minutes: 1 });
  const paused = await change(rings, "t", { active: false });
  assert.deepEqual([paused.active, paused.reason], [false, { kind: "USER", message: "Paused" }]);
  assert.equal((await change(rings, "t", { minutes: 2 })).active, false);
  const resumed = await change(rings, "t", { active: true });
  assert.deepEqual([resumed.active, resumed.reason], [true, undefined]);
});

test("an alarm that ended is active again, and counts anew, when its ticks are moved", async () => {
  const rings = new Rings(new ManualClock());
  await rings.trigger("t");
  const made = await put(rings, "t", { minutes: 1, maxTriggers: 1 });
  const reason = { kind: "AUTO", message: "Automatically disabled after reaching max triggers" } as const;
  await rings.alarms.rewrite(made, fired(made, { active: false, reason }));
  assert.deepEqual((await change(rings, "t", { trigger_payload: "x" })).reason, reason);
  const again = await change(rings, "t", { maxTriggers: 5 });
  assert.deepEqual([again.active, again.fired, again.reason], [true, 0, undefined]);
});

test("a once cannot be resumed after its date", async () => {
  const clock = new ManualClock();
  const rings = new Rings(clock);
  await rings.trigger("t");
  const date = clock.wallMs() + MINUTE;
  await put(rings, "t", { date, active: false });
  clock.advance(2 * MINUTE);
  const refusal = code("request/malformed", `date parameter '${date}' must be in the future`);
  await assert.rejects(change(rings, "t", { active: true }), refusal);
  await change(rings, "t", { active: true, date: date + 5 * MINUTE });
});

test("a namespace has a bounded number of alarms, and a refusal says the true numbers", async () => {
  const full: (stores: Stores) => Stores = (stores) => {
    const { artifacts } = stores;
    return {
      ...stores,
      artifacts: {
        get: (id) => artifacts.get(id),
        put: (write, expected) => artifacts.put(write, expected),
        delete: (id, expected) => artifacts.delete(id, expected),
        list: (query) => artifacts.list(query),
        count: async () => 1000,
      },
    };
  };
  const rings = new Rings(new ManualClock(), full);
  await rings.trigger("t");
  await assert.rejects(
    put(rings, "t", { minutes: 1 }),
    code("limits/alarms", "Too many alarms in the namespace guest (count: 1000, allowed: 1000)."),
  );
});
