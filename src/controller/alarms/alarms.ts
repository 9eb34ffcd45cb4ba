import { randomBytes } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { asId, type Namespace } from "../../kernel/ids.ts";
import type { ArtifactStore } from "../../store/ports.ts";
import { SYSTEM_NAMESPACE } from "../entitlement/rights.ts";
import { Catalog, type Content, notFound } from "../entities/catalog.ts";
import { requireSize } from "../entities/put-fields.ts";
import type { EntityRef } from "../entities/ref.ts";
import type { Trigger } from "../entities/trigger.ts";
import { type Alarm, alarmForm, alarmRefOf, linkOf } from "./alarm.ts";
import { type AlarmPut, changedAlarm, movesTicks, newAlarm, requireChange } from "./alarm-put.ts";
import type { CronRules } from "./cron.ts";

/** Chosen: so many are held in memory, 1 KB each, and read at the start within a second or two. */
export const ALARMS_MAX = 10_000;
/** Chosen: no namespace takes more than a tenth. */
export const ALARMS_PER_NAMESPACE_MAX = 1000;
// Alarms are read when they fire and when somebody asks: there is nothing to hold.
const CACHE_BYTES = 0;

export interface AlarmsDeps {
  readonly artifacts: ArtifactStore;
  readonly triggers: Catalog<Trigger>;
  readonly rules: CronRules;
  readonly clock: Clock;
  /** Bytes of a payload, as JSON. */
  readonly payloadBytesMax: number;
}

/** The alarms as their owners see and change them. */
export class Alarms {
  readonly #deps: AlarmsDeps;
  readonly #alarms: Catalog<Alarm>;

  constructor(deps: AlarmsDeps) {
    this.#deps = deps;
    this.#alarms = new Catalog({
      artifacts: deps.artifacts,
      form: alarmForm,
      clock: deps.clock,
      cacheBytesMax: CACHE_BYTES,
    });
  }

  /** As the store has it now. @throws `store/corrupted` */
  load(trigger: EntityRef): Promise<Alarm | undefined> {
    return this.#alarms.load(alarmRefOf(trigger));
  }

  /** The same. @throws `entity/not-found` too */
  read(trigger: EntityRef): Promise<Alarm> {
    return this.#alarms.read(alarmRefOf(trigger));
  }

  /** Of one namespace, or of all; those written last come first. */
  list(where: {
    readonly namespace?: Namespace;
    readonly skip: number;
    readonly limit: number;
  }): Promise<readonly Alarm[]> {
    return this.#alarms.list({ ...scopeOf(where.namespace), skip: where.skip, limit: where.limit });
  }

  count(where: { readonly namespace?: Namespace; readonly skip: number }): Promise<number> {
    return this.#alarms.count({ ...scopeOf(where.namespace), skip: where.skip });
  }

  /**
   * Makes the alarm of a trigger, in the place of a former one when `overwrite`. One that was left by a former trigger of the name is
   * no hindrance. It is another alarm than that, and fires nothing that was due before.
   *
   * @throws `request/malformed`, `request/too-large`, `limits/alarms`; `entity/not-found` for the trigger, `entity/conflict`,
   * `entity/concurrent-change`
   */
  async put(ref: EntityRef, put: AlarmPut, { overwrite }: { readonly overwrite: boolean }): Promise<Alarm> {
    const trigger = await this.#deps.triggers.read(ref);
    const former = await this.load(ref);
    const isLeftOver = former !== undefined && former.triggerIncarnation !== trigger.incarnation;
    if (former === undefined) await this.#requireRoom(ref.namespace);
    const plan = (old: Alarm | undefined): Content<Alarm> => {
      const { rules, clock } = this.#deps;
      const now = clock.wallMs();
      const content = newAlarm(put, ref, { rules, now });
      this.#requirePayload(content);
      return {
        ...content,
        trigger: { namespace: ref.namespace, path: ref.path },
        triggerIncarnation: trigger.incarnation,
        incarnation: randomBytes(16).toString("hex"),
        // A clock that went back since fires nothing a second time.
        lastTick: Math.max(now, old?.lastTick ?? 0),
        fired: 0,
        active: put.active ?? true,
        activeSince: now,
        ...(put.active === false ? { reason: PAUSED } : {}),
      };
    };
    return await this.#alarms.write(alarmRefOf(ref), plan, { overwrite: overwrite || isLeftOver });
  }

  /**
   * Changes some of an alarm. One that the platform ended is active again when its ticks are moved, as in OpenWhisk; one that was
   * paused stays so until it is resumed. Nothing fires that was due while it was not active.
   *
   * @throws `request/malformed`, `request/too-large`, `entity/not-found`, `entity/concurrent-change`
   */
  async change(ref: EntityRef, put: AlarmPut): Promise<Alarm> {
    const plan = (old: Alarm | undefined): Content<Alarm> => {
      if (old === undefined) throw notFound();
      requireChange(old, put);
      const { rules, clock } = this.#deps;
      const now = clock.wallMs();
      const content = changedAlarm(old, put, { rules, now });
      this.#requirePayload(content);
      const moves = movesTicks(old, put);
      const active = put.active ?? (old.active || (moves && old.reason?.kind !== "USER"));
      const isResumed = active && !old.active;
      if (isResumed) requireAhead(content, now);
      const reason = active ? undefined : put.active === false && old.active ? PAUSED : old.reason;
      return {
        ...content,
        trigger: old.trigger,
        triggerIncarnation: old.triggerIncarnation,
        incarnation: old.incarnation,
        lastTick: moves || isResumed ? Math.max(now, old.lastTick) : old.lastTick,
        fired: isResumed ? 0 : old.fired,
        active,
        activeSince: active === old.active ? old.activeSince : now,
        ...(reason === undefined ? {} : { reason }),
      };
    };
    return await this.#alarms.write(alarmRefOf(ref), plan, { overwrite: true });
  }

  /** Writes what `plan` makes of it, if it is still of this revision. @throws `entity/concurrent-change`, `entity/not-found` */
  rewrite(alarm: Alarm, plan: (old: Alarm) => Content<Alarm>): Promise<Alarm> {
    const planned = (old: Alarm | undefined): Content<Alarm> => {
      if (old === undefined) throw notFound();
      if (old.revision === alarm.revision) return plan(old);
      throw new PlatformError("entity/concurrent-change", "Concurrent modification to resource detected.");
    };
    return this.#alarms.write(alarmRefOf(alarm.trigger), planned, { overwrite: true });
  }

  /** Damaged ones go too. @throws `entity/not-found`, `entity/concurrent-change` */
  remove(ref: EntityRef): Promise<Alarm | undefined> {
    return this.#alarms.remove(alarmRefOf(ref));
  }

  #requirePayload({ payload }: Pick<Alarm, "payload">): void {
    requireSize("trigger_payload", Buffer.byteLength(JSON.stringify(payload)), this.#deps.payloadBytesMax);
  }

  /** Writers that count at the same time may exceed a bound by their number; what is too much for the clock is told there. */
  async #requireRoom(namespace: Namespace): Promise<void> {
    const own = await this.count({ namespace, skip: 0 });
    if (own >= ALARMS_PER_NAMESPACE_MAX) throw full(`in the namespace ${namespace}`, own, ALARMS_PER_NAMESPACE_MAX);
    const all = await this.count({ skip: 0 });
    if (all >= ALARMS_MAX) throw full("on this platform", all, ALARMS_MAX);
  }
}

const HOME = asId<Namespace>(SYSTEM_NAMESPACE);
const PAUSED = { kind: "USER", message: "Paused" } as const;

/** An alarm that fires once cannot be resumed after its date: it would end at once. */
function requireAhead({ schedule, dates }: Pick<Alarm, "schedule" | "dates">, now: number): void {
  if (schedule.kind !== "once" || schedule.at > now) return;
  throw new PlatformError("request/malformed", `date parameter '${dates.date}' must be in the future`);
}

function scopeOf(namespace: Namespace | undefined): { readonly namespace: Namespace; readonly link?: Alarm["path"] } {
  return namespace === undefined ? { namespace: HOME } : { namespace: HOME, link: linkOf(namespace) };
}

function full(where: string, count: number, allowed: number): PlatformError<"limits/alarms"> {
  return new PlatformError("limits/alarms", `Too many alarms ${where} (count: ${count}, allowed: ${allowed}).`);
}
