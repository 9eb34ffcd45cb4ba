import { createHash } from "node:crypto";
import { isPlatformError } from "../../kernel/errors.ts";
import { activationIdOf, asId, type Namespace, type TransactionId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { AlarmEffect, AlarmEvent } from "../core/alarm-messages.ts";
import type { Identity } from "../entitlement/identity.ts";
import type { Catalog } from "../entities/catalog.ts";
import type { RuleCatalog } from "../entities/rule-catalog.ts";
import type { Trigger } from "../entities/trigger.ts";
import type { FiringIds, TriggerFiring } from "../triggers/firing.ts";
import { type Alarm, triggerOf } from "./alarm.ts";
import type { Alarms } from "./alarms.ts";

export interface AlarmFiringDeps {
  readonly alarms: Pick<Alarms, "load" | "remove">;
  readonly triggers: Catalog<Trigger>;
  readonly rules: RuleCatalog;
  readonly firing: Pick<TriggerFiring, "fire">;
  /** The owner of a namespace, as whom its triggers are fired; undefined when it is gone or blocked. */
  readonly identityOf: (namespace: Namespace) => Identity | undefined | Promise<Identity | undefined>;
  /** Counts one firing against the owner's limits. @throws `limits/rate` */
  readonly takeFire: (identity: Identity) => void;
  readonly log: Log;
}

type Fire = Extract<AlarmEffect, { kind: "fire" }>;

/** What the clock hears of a firing. */
type Fired = Extract<AlarmEvent, { kind: "fired" | "refused" | "overtaken" | "failed" }>;

/** Refusals of the kind that pass, though they are the request's fault: busy, throttled, or changed in between. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);

/** Fires the triggers of alarms, each tick once. */
export class AlarmFiring {
  readonly #deps: AlarmFiringDeps;

  constructor(deps: AlarmFiringDeps) {
    this.#deps = deps;
  }

  /**
   * Fires one tick as the trigger's owner, under ids made of the alarm and the tick: what an earlier try has done is not done again.
   * Never rejects.
   */
  async fire(step: Fire): Promise<Fired> {
    const { id } = step;
    try {
      return await this.#fire(step);
    } catch (error) {
      if (isPlatformError(error) && error.kind.status < 500 && !PASSING_STATUSES.has(error.kind.status)) {
        return refused(id, error.kind.status, error.message);
      }
      this.#deps.log.warn({ alarm: id, tick: step.tick, error }, "an alarm could not fire its trigger; it tries again");
      return { kind: "failed", id };
    }
  }

  async #fire(step: Fire): Promise<Fired> {
    const { alarms, triggers, firing, identityOf, takeFire } = this.#deps;
    const { id } = step;
    const ref = triggerOf(id);
    // As the store has it: who was told that an alarm is paused or gone does not see it ring.
    const alarm = await alarms.load(ref);
    if (alarm === undefined || !asksFor(alarm, step)) return { kind: "overtaken", id };
    const trigger = await triggers.load(ref);
    if (trigger?.incarnation !== alarm.triggerIncarnation)
      return refused(id, 404, "the trigger does not exist any more");
    const identity = await identityOf(ref.namespace);
    if (identity === undefined) return refused(id, 401, "the namespace has no owner, or its owner is blocked");
    takeFire(identity);
    const transactionId = asId<TransactionId>(digestOf(step, "transaction").slice(0, 32));
    await firing.fire({ identity, trigger: ref, payload: alarm.payload, transactionId, ids: idsOf(step) });
    return { kind: "fired", id };
  }

  /**
   * Deletes the trigger of an alarm that has done its work, the trigger's rules where that was asked for, and the alarm last: a crash in
   * between leaves the alarm to go on with. Never rejects; false when it has to be tried again.
   */
  async retire(id: string): Promise<boolean> {
    const { alarms, triggers, rules, log } = this.#deps;
    const ref = triggerOf(id);
    try {
      const alarm = await alarms.load(ref);
      if (alarm === undefined || alarm.active || alarm.deleteAfterFire === "false") return true;
      const trigger = await triggers.load(ref);
      if (trigger !== undefined && trigger.incarnation === alarm.triggerIncarnation) {
        if (alarm.deleteAfterFire === "rules") {
          for (const rule of await rules.ofTrigger(trigger)) await unlessMissing(rules.remove(rule));
        }
        await unlessMissing(triggers.remove(ref));
      }
      await unlessMissing(alarms.remove(ref));
      return true;
    } catch (error) {
      log.warn({ alarm: id, error }, "the trigger of an alarm could not be deleted yet; it is tried again");
      return false;
    }
  }
}

/** Ids of everything that a tick starts, the same at every try. */
export function idsOf(step: Pick<Fire, "incarnation" | "tick">): FiringIds {
  const id = (what: string) => activationIdOf(step.tick, digestOf(step, what).slice(0, 20));
  return { trigger: id("trigger"), rule: (rule) => id(`rule/${rule}`) };
}

function digestOf({ incarnation, tick }: Pick<Fire, "incarnation" | "tick">, what: string): string {
  return createHash("sha256").update(`${incarnation}/${tick}/${what}`).digest("hex");
}

function asksFor(alarm: Alarm, { incarnation, tick }: Fire): boolean {
  return alarm.active && alarm.incarnation === incarnation && alarm.lastTick < tick;
}

function refused(id: string, statusCode: number, why: string): Fired {
  return { kind: "refused", id, end: { statusCode, message: `Trigger automatically disabled: ${why}` } };
}

async function unlessMissing(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isPlatformError(error, "entity/not-found")) throw error;
  }
}
