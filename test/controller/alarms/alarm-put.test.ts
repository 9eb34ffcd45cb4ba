import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AlarmPut,
  changedAlarm,
  newAlarm,
  parseAlarmPut,
  requireChange,
} from "../../../src/controller/alarms/alarm-put.ts";
import type { Alarm } from "../../../src/controller/alarms/alarm.ts";
import { CronRules } from "../../../src/controller/alarms/cron.ts";
import { asId } from "../../../src/kernel/ids.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";

const NOW = Date.parse("2026-03-01T00:00:00Z");
const MINUTE = 60_000;
const ground = { rules: new CronRules(), now: NOW };
const trigger = { namespace: asId<Alarm["namespace"]>("guest"), path: asId<Alarm["path"]>("t") };

function made(body: JsonValue): ReturnType<typeof newAlarm> {
  return newAlarm(parseAlarmPut(body), trigger, ground);
}

function alarm(body: JsonValue): Alarm {
  return {
    ...made(body),
    namespace: asId("whisk.system"),
    path: asId("@alarm/guest/t"),
    revision: asId("1"),
    updated: NOW,
    trigger,
    triggerIncarnation: "x",
    incarnation: "y",
    lastTick: NOW,
    fired: 0,
    active: true,
    activeSince: NOW,
  };
}

function changed(old: JsonValue, body: JsonValue): ReturnType<typeof newAlarm> {
  const put: AlarmPut = parseAlarmPut(body);
  requireChange(alarm(old), put);
  return changedAlarm(alarm(old), put, ground);
}

function faultOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "request/malformed", String(error));
    return (error as Error).message;
  }
}

const ahead = (minutes: number): number => NOW + minutes * MINUTE;

const REFUSALS: readonly [JsonValue, string][] = [
  [{ feed: "alarm", trigger_payload: "x" }, "alarms trigger feed is missing the cron parameter"],
  [{ feed: "once" }, "alarms once trigger feed is missing the date parameter"],
  [{ feed: "interval" }, "interval trigger feed is missing the minutes parameter"],
  [{ feed: "interval", minutes: 0 }, "interval trigger feed is missing the minutes parameter"],
  [{}, "one of the parameters cron, minutes and date is needed"],
  [{ cron: 1_772_323_200_000 }, "cron pattern '1772323200000' is not valid"],
  [{ cron: "***" }, "cron pattern '***' is not valid"],
  [{ cron: "* * * * *", timezone: "Nowhere" }, "Invalid timezone."],
  [{ minutes: "five" }, "the minutes parameter must be an integer"],
  [{ minutes: 1.5 }, "the minutes parameter must be an integer"],
  [{ minutes: -1 }, "the minutes parameter must be an integer greater than zero"],
  [{ minutes: 1e9 }, "the minutes parameter must be an integer of at most 52560000"],
  [{ date: "tomorrow" }, "date parameter 'tomorrow' is not a valid Date"],
  [{ date: NOW - 5000 }, `date parameter '${NOW - 5000}' must be in the future`],
  [{ cron: "* * * * *", startDate: NOW }, `startDate parameter '${NOW}' must be in the future`],
  [
    { cron: "* * * * *", startDate: ahead(1), stopDate: ahead(1) },
    `stopDate parameter '${ahead(1)}' must be greater than the startDate parameter '${ahead(1)}'`,
  ],
  [{ cron: "* * * * *", stopDate: "2020-01-01" }, "stopDate parameter '2020-01-01' must be in the future"],
  [{ cron: "0 * * * *", stopDate: ahead(30) }, "the first scheduled trigger fire is not until after the stop date"],
  [{ minutes: 5, stopDate: NOW + 1000 }, "the first scheduled trigger fire is not until after the stop date"],
  [
    { cron: "* * * * *", stopDate: ahead(9), maxTriggers: 2 },
    "maxTriggers is not allowed when the stopDate parameter is specified",
  ],
  [{ minutes: 1, stopDate: ahead(9), maxTriggers: 2 }, "maxTriggers is not supported for the interval trigger feed"],
  [{ minutes: 1, maxTriggers: -2 }, "the maxTriggers parameter must be an integer greater than zero"],
  [{ date: ahead(1), deleteAfterFire: "yes" }, "deleteAfterFire parameter must be one of [false, true, rules]."],
  [{ cron: "* * * * *", strict: "maybe" }, "the strict parameter must be true or false"],
  [{ cron: "* * * * *", trigger_payload: [1] }, "the trigger_payload parameter must be an object or a string"],
];

for (const [body, text] of REFUSALS) {
  test(`refused: ${JSON.stringify(body)}`, () => {
    assert.equal(
      faultOf(() => made(body)),
      text,
    );
  });
}

test("a body that is no object, or has fields of the wrong kind, is refused", () => {
  for (const body of [null, [], "x", 5]) assert.match(faultOf(() => made(body)) ?? "", /Object expected/);
  assert.match(faultOf(() => made({ date: {} })) ?? "", /date parameter is not a valid Date/);
  assert.match(faultOf(() => made({ minutes: 1, active: "no" })) ?? "", /active malformed/);
  assert.match(faultOf(() => made({ feed: "weekly" })) ?? "", /feed malformed/);
});

test("an alarm keeps its dates as they were sent, and reads numbers and ISO texts alike", () => {
  const { schedule, dates } = made({ cron: "* * * * *", startDate: "2026-03-01T01:00:00.000Z", stopDate: ahead(120) });
  assert.deepEqual(schedule, { kind: "cron", cron: "* * * * *", startAt: ahead(60), stopAt: ahead(120) });
  assert.deepEqual(dates, { startDate: "2026-03-01T01:00:00.000Z", stopDate: ahead(120) });
});

test("an interval without a start date begins half a minute from now", () => {
  assert.deepEqual(made({ minutes: "2" }).schedule, { kind: "interval", minutes: 2, startAt: NOW + 30_000 });
});

test("a text as payload becomes the field `payload`; an empty one is none", () => {
  assert.deepEqual(made({ minutes: 1, trigger_payload: "hi" }).payload, { payload: "hi" });
  assert.deepEqual(made({ minutes: 1, trigger_payload: { a: 1 } }).payload, { a: 1 });
  assert.deepEqual(made({ minutes: 1, trigger_payload: "" }).payload, {});
});

test("maxTriggers of -1 and 0 mean no bound", () => {
  for (const maxTriggers of [-1, 0]) assert.equal("firesMax" in made({ minutes: 1, maxTriggers }), false);
  assert.equal(made({ minutes: 1, maxTriggers: 3 }).firesMax, 3);
});

test("a change keeps what it does not name", () => {
  const old = { cron: "0 * * * *", timezone: "Europe/Berlin", stopDate: ahead(900), trigger_payload: { a: 1 } };
  const content = changed(old, { cron: "30 * * * *" });
  assert.deepEqual(content, { ...made(old), schedule: { ...made(old).schedule, cron: "30 * * * *" } });
});

test("a change that names nothing of the alarm's own kind is refused", () => {
  const text = "no updatable parameters were specified";
  assert.equal(
    faultOf(() => changed({ date: ahead(1) }, { startDate: ahead(2), stopDate: ahead(3) })),
    text,
  );
  assert.equal(
    faultOf(() => changed({ minutes: 1 }, { cron: "* * * * *", date: ahead(1) })),
    text,
  );
  assert.equal(
    faultOf(() => changed({ minutes: 1 }, {})),
    text,
  );
  assert.equal(changed({ minutes: 1 }, { trigger_payload: "x" }).payload["payload"], "x");
});

test("a new start is held against the stop date that is there, and a new stop date against the start", () => {
  const old = { minutes: 1, startDate: ahead(10), stopDate: ahead(20) };
  assert.equal(
    faultOf(() => changed(old, { startDate: ahead(20) })),
    `startDate parameter '${ahead(20)}' must be less than the stopDate parameter '${ahead(20)}'`,
  );
  assert.equal(
    faultOf(() => changed(old, { stopDate: ahead(10) })),
    `stopDate parameter '${ahead(10)}' must be greater than the startDate parameter '${ahead(10)}'`,
  );
  assert.deepEqual(changed(old, { startDate: ahead(19) }).schedule, {
    kind: "interval",
    minutes: 1,
    startAt: ahead(19),
    stopAt: ahead(20),
  });
});
