import { z } from "zod";
import { asId, type EntityPath, type Namespace } from "../../kernel/ids.ts";
import { isJsonObject, type JsonObject } from "../../kernel/json.ts";
import type { AlarmFacts } from "../core/alarm-messages.ts";
import type { AlarmSchedule } from "../core/alarm-ticks.ts";
import { SYSTEM_NAMESPACE } from "../entitlement/rights.ts";
import type { EntityForm, Stored } from "../entities/catalog.ts";
import { bodyOf, storedOf, storedRef } from "../entities/document.ts";
import { type EntityRef, refText } from "../entities/ref.ts";
import { delayedCron } from "./cron.ts";

/** What goes with a `once` after it has fired, in OpenWhisk's words: nothing, its trigger, or its trigger and the rules of that. */
export type DeleteAfterFire = "false" | "true" | "rules";

/** Why an alarm is as it is. `AUTO`: the platform ended it; `USER`: somebody paused it. */
export interface AlarmReason {
  readonly kind: "AUTO" | "USER";
  readonly message: string;
  readonly statusCode?: number;
}

/** An alarm: when to fire one trigger, with what, and how far that has come. One trigger has one at most. */
export interface Alarm extends Stored {
  readonly trigger: EntityRef;
  /** The trigger's own incarnation when the alarm was made: it does not ring for the next one of that name. */
  readonly triggerIncarnation: string;
  /** Random, given at creation and never told: what its ticks are named after. */
  readonly incarnation: string;
  readonly schedule: AlarmSchedule;
  /** Dates as they were sent, numbers or texts, since that is how they are shown. */
  readonly dates: { readonly [name in DateName]?: number | string };
  /** False moves a cron schedule of five fields to a second of its own in each minute. */
  readonly strict: boolean;
  readonly payload: JsonObject;
  readonly deleteAfterFire: DeleteAfterFire;
  /** Ticks after which it ends; absent means never. */
  readonly firesMax?: number;
  /** Epoch milliseconds: no tick at or before fires any more. */
  readonly lastTick: number;
  /** Ticks fired since it was made or last made active again. */
  readonly fired: number;
  readonly active: boolean;
  /** Epoch milliseconds at which `active` last changed. */
  readonly activeSince: number;
  readonly reason?: AlarmReason;
}

export type DateName = "date" | "startDate" | "stopDate";

const FORMAT = 1;
const ENTRY_BYTES = 1024;
/** No entity of a user can have it as a name, so that alarms share their namespace with nobody. */
const FOLDER = "@alarm";

const date = z.union([z.number(), z.string()]).exactOptional();

const schema = z.object({
  format: z.literal(FORMAT),
  trigger: storedRef,
  triggerIncarnation: z.string(),
  incarnation: z.string(),
  schedule: z.union([
    z.object({
      kind: z.literal("cron"),
      cron: z.string(),
      timezone: z.string().exactOptional(),
      startAt: z.number().exactOptional(),
      stopAt: z.number().exactOptional(),
    }),
    z.object({
      kind: z.literal("interval"),
      minutes: z.number().positive(),
      startAt: z.number(),
      stopAt: z.number().exactOptional(),
    }),
    z.object({ kind: z.literal("once"), at: z.number() }),
  ]),
  dates: z.object({ date, startDate: date, stopDate: date }),
  strict: z.boolean(),
  payload: z.custom<JsonObject>(isJsonObject),
  deleteAfterFire: z.enum(["false", "true", "rules"]),
  firesMax: z.number().exactOptional(),
  lastTick: z.number(),
  fired: z.number(),
  active: z.boolean(),
  activeSince: z.number(),
  reason: z
    .object({ kind: z.enum(["AUTO", "USER"]), message: z.string(), statusCode: z.number().exactOptional() })
    .exactOptional(),
});

/** How alarms are kept: in the platform's own namespace, linked to the one whose trigger they fire. */
export const alarmForm: EntityForm<Alarm> = {
  kind: "alarm",
  toDocument: ({ namespace, path, updated, ...content }) => ({
    kind: "alarm",
    namespace,
    path,
    updated,
    // These are plain data throughout, but interfaces have no index signature.
    body: { format: FORMAT, ...content } as unknown as JsonObject,
    attachments: [],
    link: linkOf(content.trigger.namespace),
  }),
  fromDocument: (entity) => {
    const { format: _, ...content } = bodyOf(entity, schema);
    return { ...storedOf(entity), ...content };
  },
  weigh: ({ payload }) => ENTRY_BYTES + JSON.stringify(payload).length,
};

/** Where the alarm of a trigger is kept. */
export function alarmRefOf(trigger: EntityRef): EntityRef {
  return { namespace: asId<Namespace>(SYSTEM_NAMESPACE), path: asId<EntityPath>(`${FOLDER}/${refText(trigger)}`) };
}

/** What the paths of a namespace's alarms begin with. */
export function alarmFolderOf(namespace: Namespace): string {
  return `${FOLDER}/${namespace}/`;
}

/** What the alarms of one namespace are linked to. */
export function linkOf(namespace: Namespace): EntityPath {
  return asId(`${FOLDER}/${namespace}`);
}

/** The trigger of an alarm's name in the clock (`namespace/trigger`). */
export function triggerOf(id: string): EntityRef {
  const slash = id.indexOf("/");
  return { namespace: asId(id.slice(0, slash)), path: asId(id.slice(slash + 1)) };
}

/** The alarm's name in the clock, of the text by which the change feed names its document; undefined for any other document. */
export function alarmIdOf(documentId: string): string | undefined {
  const prefix = `${SYSTEM_NAMESPACE}/${FOLDER}/`;
  return documentId.startsWith(prefix) ? documentId.slice(prefix.length) : undefined;
}

/** The alarm as its clock knows it. */
export function factsOf(alarm: Alarm): AlarmFacts {
  const { trigger, incarnation, revision, lastTick, fired, firesMax, active } = alarm;
  return {
    id: refText(trigger),
    incarnation,
    revision,
    schedule: effectiveSchedule(alarm),
    lastTick,
    fired,
    ...(firesMax === undefined ? {} : { firesMax }),
    active,
    retires: !active && alarm.deleteAfterFire !== "false" && fired > 0,
  };
}

/** The schedule with the delay of what need not be strict. */
export function effectiveSchedule({
  schedule,
  strict,
  trigger,
}: Pick<Alarm, "schedule" | "strict" | "trigger">): AlarmSchedule {
  if (schedule.kind !== "cron" || strict) return schedule;
  return { ...schedule, cron: delayedCron(schedule.cron, refText(trigger)) };
}
