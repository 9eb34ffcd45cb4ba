import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { type CronNext, nextTick } from "../core/alarm-ticks.ts";
import { malformedPut } from "../entities/put-fields.ts";
import { type Alarm, type DeleteAfterFire, effectiveSchedule } from "./alarm.ts";
import type { CronRules } from "./cron.ts";

/**
 * What a body may say of an alarm: the parameters of OpenWhisk's alarms package, by their names. Empty values are as good as missing
 * there, and so they are here.
 */
export interface AlarmPut {
  /** Which feed it is meant for; without it, whatever of `cron`, `minutes` and `date` is there tells. */
  readonly feed?: "alarm" | "interval" | "once" | undefined;
  readonly cron?: string;
  readonly timezone?: string;
  readonly strict?: boolean;
  readonly minutes?: number;
  readonly date?: SentDate;
  readonly deleteAfterFire?: DeleteAfterFire;
  readonly startDate?: SentDate;
  readonly stopDate?: SentDate;
  readonly maxTriggers?: number;
  readonly payload?: JsonObject;
  /** False pauses, true resumes. */
  readonly active?: boolean;
}

interface SentDate {
  readonly sent: number | string;
  readonly at: number;
}

/** What a PUT decides of an alarm; the trigger, and what has happened, come with the write. */
export type AlarmContent = Pick<Alarm, "schedule" | "dates" | "strict" | "payload" | "deleteAfterFire" | "firesMax">;

/** Chosen: a century, so that no sum leaves the range of dates. */
const MINUTES_MAX = 52_560_000;
/** OpenWhisk's: an interval without a start date begins so much later, when its rules will be there. */
const INTERVAL_DELAY_MS = 30_000;

const text = z.union([z.string(), z.number()]).nullish();
const putSchema = z.object(
  {
    feed: z
      .enum(["alarm", "interval", "once"], { error: "feed malformed: alarm, interval or once is expected" })
      .nullish(),
    cron: z.unknown().optional(),
    timezone: z.string({ error: "Invalid timezone." }).nullish(),
    strict: z.unknown().optional(),
    minutes: z.unknown().optional(),
    date: text,
    deleteAfterFire: z.unknown().optional(),
    startDate: text,
    stopDate: text,
    maxTriggers: z.unknown().optional(),
    trigger_payload: z.custom<JsonValue>().optional(),
    active: z.boolean({ error: "active malformed: a boolean is expected" }).nullish(),
  },
  { error: "Object expected" },
);

/** Reads a body; what relates to the time or to the alarm that is there is checked when it is written. @throws `request/malformed` */
export function parseAlarmPut(body: JsonValue): AlarmPut {
  const parsed = putSchema.safeParse(body);
  if (!parsed.success) throw malformedPut(faultOf(parsed.error));
  const sent = parsed.data;
  const given = <Name extends string, Value>(
    name: Name,
    value: unknown,
    read: (value: unknown) => Value | undefined,
  ): { readonly [key in Name]?: Value } => {
    const meant = isEmpty(value) ? undefined : read(value);
    return meant === undefined ? {} : ({ [name]: meant } as { readonly [key in Name]: Value });
  };
  return {
    ...(sent.feed ? { feed: sent.feed } : {}),
    ...given("cron", sent.cron, (value) => (typeof value === "string" ? value : JSON.stringify(value))),
    ...given("timezone", sent.timezone, String),
    ...given("strict", sent.strict ?? undefined, strictOf),
    ...given("minutes", sent.minutes, minutesOf),
    ...given("date", sent.date, (value) => dateOf("date", value)),
    ...given("deleteAfterFire", sent.deleteAfterFire, deleteAfterFireOf),
    ...given("startDate", sent.startDate, (value) => dateOf("startDate", value)),
    ...given("stopDate", sent.stopDate, (value) => dateOf("stopDate", value)),
    ...given("maxTriggers", sent.maxTriggers, maxTriggersOf),
    ...given("payload", sent.trigger_payload, payloadOf),
    ...(typeof sent.active === "boolean" ? { active: sent.active } : {}),
  };
}

/** What an alarm is checked against. */
export interface PutGround {
  readonly rules: CronRules;
  readonly now: number;
}

/** What a new alarm holds. @throws `request/malformed` in OpenWhisk's words */
export function newAlarm(put: AlarmPut, trigger: Alarm["trigger"], ground: PutGround): AlarmContent {
  const { startDate, stopDate, date, maxTriggers } = put;
  const feed = put.feed ?? (put.cron ? "alarm" : put.minutes ? "interval" : put.date ? "once" : undefined);
  if (feed === undefined) throw refused("one of the parameters cron, minutes and date is needed");
  const common = { strict: put.strict ?? true, payload: put.payload ?? {}, deleteAfterFire: "false" as const };
  if (feed === "once") {
    if (date === undefined) throw refused("alarms once trigger feed is missing the date parameter");
    requireFuture("date", date, ground.now);
    const deleteAfterFire = put.deleteAfterFire ?? "false";
    return { ...common, schedule: { kind: "once", at: date.at }, dates: { date: date.sent }, deleteAfterFire };
  }
  const schedule = feed === "interval" ? intervalOf(put, ground) : cronOf(put, ground);
  if (startDate !== undefined) requireFuture("startDate", startDate, ground.now);
  if (maxTriggers !== undefined && stopDate !== undefined) throw maxTriggersRefused(feed);
  if (stopDate !== undefined) requireStop(stopDate, startDate, ground.now);
  const content: AlarmContent = {
    ...common,
    schedule: {
      ...schedule,
      ...(startDate === undefined ? {} : { startAt: startDate.at }),
      ...(stopDate === undefined ? {} : { stopAt: stopDate.at }),
    },
    dates: {
      ...(startDate === undefined ? {} : { startDate: startDate.sent }),
      ...(stopDate === undefined ? {} : { stopDate: stopDate.sent }),
    },
    ...(maxTriggers === undefined ? {} : { firesMax: maxTriggers }),
  };
  requireTick({ ...content, trigger }, ground);
  return content;
}

/**
 * What an alarm holds after a change: what is missing stays, and what does not belong to its kind of schedule is ignored, as OpenWhisk's
 * package does. @throws `request/malformed`
 */
export function changedAlarm(old: Alarm, put: AlarmPut, ground: PutGround): AlarmContent {
  const isOnce = old.schedule.kind === "once";
  const date = isOnce ? put.date : undefined;
  const startDate = isOnce ? undefined : put.startDate;
  const stopDate = isOnce ? undefined : put.stopDate;
  if (date !== undefined) requireFuture("date", date, ground.now);
  if (startDate !== undefined) requireFuture("startDate", startDate, ground.now);
  const kept = old.dates.startDate;
  if (stopDate !== undefined) {
    const start = startDate ?? (kept === undefined ? undefined : { sent: kept, at: new Date(kept).getTime() });
    requireStop(stopDate, start, ground.now);
  } else if (startDate !== undefined && old.dates.stopDate !== undefined && startDate.at >= stopAtOf(old)) {
    const [start, stop] = [startDate.sent, old.dates.stopDate];
    throw refused(`startDate parameter '${start}' must be less than the stopDate parameter '${stop}'`);
  }
  const content: AlarmContent = {
    schedule: changedSchedule(old, { ...put, date, startDate, stopDate }, ground),
    dates: {
      ...old.dates,
      ...(date === undefined ? {} : { date: date.sent }),
      ...(startDate === undefined ? {} : { startDate: startDate.sent }),
      ...(stopDate === undefined ? {} : { stopDate: stopDate.sent }),
    },
    strict: put.strict ?? old.strict,
    payload: put.payload ?? old.payload,
    deleteAfterFire: isOnce ? (put.deleteAfterFire ?? old.deleteAfterFire) : old.deleteAfterFire,
    ...(isOnce || (put.maxTriggers ?? old.firesMax) === undefined ? {} : { firesMax: put.maxTriggers ?? old.firesMax }),
  };
  if (content.firesMax !== undefined && content.dates.stopDate !== undefined) {
    throw maxTriggersRefused(old.schedule.kind === "interval" ? "interval" : "alarm");
  }
  if (movesTicks(old, put)) requireTick({ ...content, trigger: old.trigger }, ground);
  return content;
}

/** True when the body says something about when; what it says besides leaves ticks where they are. */
export function movesTicks(old: Alarm, put: AlarmPut): boolean {
  if (old.schedule.kind === "once") return put.date !== undefined;
  if (put.startDate !== undefined || put.stopDate !== undefined || put.maxTriggers !== undefined) return true;
  if (old.schedule.kind === "interval") return put.minutes !== undefined;
  return put.cron !== undefined || put.timezone !== undefined || put.strict !== undefined;
}

/** @throws `request/malformed` when nothing in the body can be changed in an alarm of this kind */
export function requireChange(old: Alarm, put: AlarmPut): void {
  const isOnce = old.schedule.kind === "once";
  const changes = [put.payload, put.active, isOnce ? put.deleteAfterFire : undefined];
  if (movesTicks(old, put) || changes.some((change) => change !== undefined)) return;
  throw refused("no updatable parameters were specified");
}

function changedSchedule(
  old: Alarm,
  put: Omit<AlarmPut, "date" | "startDate" | "stopDate"> &
    Record<"date" | "startDate" | "stopDate", SentDate | undefined>,
  ground: PutGround,
): Alarm["schedule"] {
  const { schedule } = old;
  if (schedule.kind === "once") return put.date === undefined ? schedule : { kind: "once", at: put.date.at };
  const bounds = {
    ...(put.startDate === undefined ? {} : { startAt: put.startDate.at }),
    ...(put.stopDate === undefined ? {} : { stopAt: put.stopDate.at }),
  };
  if (schedule.kind === "interval") return { ...schedule, minutes: put.minutes ?? schedule.minutes, ...bounds };
  const timezone = put.timezone ?? schedule.timezone;
  const cron = cronOf({ cron: put.cron ?? schedule.cron, ...(timezone === undefined ? {} : { timezone }) }, ground);
  return { ...schedule, ...cron, ...bounds };
}

function cronOf(put: AlarmPut, { rules, now }: PutGround): Extract<Alarm["schedule"], { kind: "cron" }> {
  if (put.cron === undefined) throw refused("alarms trigger feed is missing the cron parameter");
  const rule = { cron: put.cron, ...(put.timezone === undefined ? {} : { timezone: put.timezone }) };
  rules.check(rule, now);
  return { kind: "cron", ...rule };
}

function intervalOf(put: AlarmPut, { now }: PutGround): Extract<Alarm["schedule"], { kind: "interval" }> {
  if (put.minutes === undefined) throw refused("interval trigger feed is missing the minutes parameter");
  return { kind: "interval", minutes: put.minutes, startAt: now + INTERVAL_DELAY_MS };
}

/** At least one tick must lie ahead. */
function requireTick(alarm: AlarmContent & Pick<Alarm, "trigger">, { rules, now }: PutGround): void {
  const cronNext: CronNext = (rule, after) => rules.next(rule, after);
  if (nextTick(effectiveSchedule(alarm), now, cronNext) === undefined) {
    throw refused("the first scheduled trigger fire is not until after the stop date");
  }
}

function requireFuture(name: string, { sent, at }: SentDate, now: number): void {
  if (now >= at) throw refused(`${name} parameter '${sent}' must be in the future`);
}

function requireStop(stopDate: SentDate, startDate: SentDate | undefined, now: number): void {
  requireFuture("stopDate", stopDate, now);
  if (startDate === undefined || stopDate.at > startDate.at) return;
  throw refused(
    `stopDate parameter '${stopDate.sent}' must be greater than the startDate parameter '${startDate.sent}'`,
  );
}

function stopAtOf({ schedule }: Alarm): number {
  return schedule.kind === "once" ? Infinity : (schedule.stopAt ?? Infinity);
}

function maxTriggersRefused(feed: "alarm" | "interval"): PlatformError<"request/malformed"> {
  return refused(
    feed === "interval"
      ? "maxTriggers is not supported for the interval trigger feed"
      : "maxTriggers is not allowed when the stopDate parameter is specified",
  );
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === 0;
}

function dateOf(name: string, value: unknown): SentDate {
  const sent = value as number | string;
  const at = new Date(sent).getTime();
  if (Number.isNaN(at)) throw refused(`${name} parameter '${sent}' is not a valid Date`);
  return { sent, at };
}

function minutesOf(value: unknown): number {
  const minutes = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof minutes !== "number" || !Number.isInteger(minutes)) {
    throw refused("the minutes parameter must be an integer");
  }
  if (minutes <= 0) throw refused("the minutes parameter must be an integer greater than zero");
  if (minutes > MINUTES_MAX) throw refused(`the minutes parameter must be an integer of at most ${MINUTES_MAX}`);
  return minutes;
}

/** -1 is OpenWhisk's word for no bound. */
function maxTriggersOf(value: unknown): number | undefined {
  if (value === -1) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw refused("the maxTriggers parameter must be an integer greater than zero");
}

function strictOf(value: unknown): boolean {
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw refused("the strict parameter must be true or false");
}

function deleteAfterFireOf(value: unknown): DeleteAfterFire {
  const word = (typeof value === "string" ? value : JSON.stringify(value)).trim().toLowerCase();
  if (word === "false" || word === "true" || word === "rules") return word;
  throw refused("deleteAfterFire parameter must be one of [false, true, rules].");
}

function payloadOf(value: unknown): JsonObject {
  if (typeof value === "string") return { payload: value };
  if (isJsonObject(value)) return value;
  throw refused("the trigger_payload parameter must be an object or a string");
}

function faultOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const name = issue?.path[0];
  if (name === "date" || name === "startDate" || name === "stopDate") return `${name} parameter is not a valid Date`;
  return issue?.message ?? "Object expected";
}

function refused(message: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", message);
}
