import type { Random } from "../../kernel/random.ts";
import type { Stores } from "../../store/ports.ts";
import type { Entities } from "../entities/entities.ts";
import { Alarms, type AlarmsDeps } from "./alarms.ts";
import { CronRules } from "./cron.ts";
import { AlarmFiring, type AlarmFiringDeps } from "./firing.ts";
import { AlarmScheduler } from "./scheduler.ts";

/** Everything about alarms in one controller. */
export interface AlarmParts {
  readonly alarms: Alarms;
  readonly cronRules: CronRules;
  /** Follows changes, after the caches do; closed before what it fires. */
  readonly alarmScheduler: AlarmScheduler;
}

export function createAlarms(
  deps: Pick<AlarmsDeps, "clock" | "payloadBytesMax"> &
    Pick<AlarmFiringDeps, "firing" | "identityOf" | "takeFire" | "log"> & {
      readonly stores: Pick<Stores, "artifacts">;
      readonly entities: Pick<Entities, "triggers" | "rules">;
      readonly random: Random;
    },
): AlarmParts {
  const { stores, entities, random } = deps;
  const rules = new CronRules();
  const alarms = new Alarms({ ...deps, artifacts: stores.artifacts, triggers: entities.triggers, rules });
  const firing = new AlarmFiring({ ...deps, ...entities, alarms });
  const scheduler = new AlarmScheduler({ ...deps, alarms, firing, rules, random: random.stream("alarms") });
  return { alarms, cronRules: rules, alarmScheduler: scheduler };
}
