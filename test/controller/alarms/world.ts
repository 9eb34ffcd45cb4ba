import assert from "node:assert/strict";
import { AlarmFiring } from "../../../src/controller/alarms/firing.ts";
import { Alarms } from "../../../src/controller/alarms/alarms.ts";
import { CronRules } from "../../../src/controller/alarms/cron.ts";
import { AlarmScheduler } from "../../../src/controller/alarms/scheduler.ts";
import { followChanges } from "../../../src/controller/cache/changes.ts";
import { createEntities, type Entities } from "../../../src/controller/entities/entities.ts";
import type { EntityRef } from "../../../src/controller/entities/ref.ts";
import { Runtimes } from "../../../src/controller/entities/runtimes.ts";
import { parseTriggerPut, triggerContentOf } from "../../../src/controller/entities/trigger-put.ts";
import type { FireRequest, FireResult } from "../../../src/controller/triggers/firing.ts";
import type { Identity } from "../../../src/controller/entitlement/identity.ts";
import type { Clock } from "../../../src/kernel/clock.ts";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { Stores } from "../../../src/store/ports.ts";
import { ADVERT } from "../api/harness.ts";

export const MINUTE = 60_000;
const LIMIT = 1_000_000;
const POLL_MS_MAX = 10_000;

/** A reference to a trigger of `guest`. */
export function refOf(name: string, namespace = "guest"): EntityRef {
  return { namespace: asId<Namespace>(namespace), path: asId<EntityPath>(name) };
}

/** A store with entities over it, and processes that ring its alarms. */
export class Rings {
  readonly stores: Stores;
  readonly entities: Entities;
  readonly alarms: Alarms;
  readonly clock: Clock;
  readonly fires: FireRequest[] = [];
  /** What the next firings do instead of being kept. */
  fire: (request: FireRequest) => Promise<FireResult> = async (request) => {
    this.fires.push(request);
    return { kind: "idle" };
  };
  identityOf: (namespace: Namespace) => Identity | undefined = (namespace) => ({ namespace }) as unknown as Identity;
  takeFire: (identity: Identity) => void = () => undefined;
  readonly #rules = new CronRules();

  constructor(clock: Clock, wrap: (stores: Stores) => Stores = (stores) => stores) {
    this.clock = clock;
    this.stores = wrap(memoryStores({ clock }));
    this.entities = createEntities({ stores: this.stores, runtimes: new Runtimes(ADVERT), clock });
    this.alarms = new Alarms({
      artifacts: this.stores.artifacts,
      triggers: this.entities.triggers,
      rules: this.#rules,
      clock,
      payloadBytesMax: LIMIT,
    });
  }

  async trigger(name: string, namespace?: string): Promise<EntityRef> {
    const ref = refOf(name, namespace);
    await this.entities.triggers.write(ref, (old) => triggerContentOf(old, parseTriggerPut({}), LIMIT), {
      overwrite: false,
    });
    return ref;
  }

  /** What a process does; `await using` ends it. */
  start(): AsyncDisposable & { readonly scheduler: AlarmScheduler } {
    const { entities, clock } = this;
    const firing = new AlarmFiring({
      alarms: this.alarms,
      triggers: entities.triggers,
      rules: entities.rules,
      firing: { fire: (request) => this.fire(request) },
      identityOf: (namespace) => this.identityOf(namespace),
      takeFire: (identity) => this.takeFire(identity),
      log: silentLog,
    });
    const random = seededRandom("rings");
    const deps = { alarms: this.alarms, firing, rules: this.#rules, clock, random, log: silentLog };
    const scheduler = new AlarmScheduler(deps);
    const stop = new AbortController();
    const listeners = [...entities.caches, scheduler];
    const following = followChanges({ changes: this.stores.changes, listeners, log: silentLog, signal: stop.signal });
    return {
      scheduler,
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await scheduler.close();
        await following;
      },
    };
  }
}

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + POLL_MS_MAX;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
