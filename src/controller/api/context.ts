import type { Clock } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Log } from "../../kernel/log.ts";
import type { SkeinOptions } from "../../kernel/options/options.ts";
import type { Stores } from "../../store/ports.ts";
import type { AlarmParts } from "../alarms/create.ts";
import type { Administration } from "../entitlement/administration.ts";
import type { Authenticator } from "../entitlement/authenticator.ts";
import type { Throttles } from "../entitlement/throttles.ts";
import type { Entities } from "../entities/entities.ts";
import type { Runtimes } from "../entities/runtimes.ts";
import type { Invocations } from "../invocation/port.ts";
import type { FleetView } from "../metrics/fleet.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { TriggerFiring } from "../triggers/firing.ts";
import type { Intake } from "./operators-intake.ts";

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM texts; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** What handlers work with. */
export interface ApiContext extends Omit<Entities, "caches" | "cacheFigures"> {
  readonly options: SkeinOptions;
  readonly stores: Stores;
  readonly runtimes: Runtimes;
  readonly authenticator: Authenticator;
  readonly throttles: Throttles;
  readonly admin: Administration;
  /** Runs actions of every kind: through the intake, while that is open. */
  readonly invocations: Invocations;
  readonly intake: Intake;
  readonly firing: TriggerFiring;
  readonly alarms: AlarmParts["alarms"];
  readonly cronRules: AlarmParts["cronRules"];
  /** How each role of this process is, for operators. */
  readonly status: () => JsonObject;
  readonly fleet: FleetView;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}
