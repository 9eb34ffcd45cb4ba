import type { Incarnation, Namespace } from "../kernel/ids.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Random } from "../kernel/random.ts";
import { createAlarms } from "./alarms/create.ts";
import { followChanges } from "./cache/changes.ts";
import { createApi } from "./api/server.ts";
import type { ApiContext, ListenOptions } from "./api/context.ts";
import { Intake } from "./api/operators-intake.ts";
import { createEntities, type Entities } from "./entities/entities.ts";
import { Runtimes, type RuntimesAdvert } from "./entities/runtimes.ts";
import { createAdministration } from "./entitlement/administration.ts";
import { Authenticator } from "./entitlement/authenticator.ts";
import type { NamespaceLimits } from "./entitlement/identity.ts";
import type { KeyFiles } from "./entitlement/key-files.ts";
import { effectiveLimits } from "./entitlement/limits.ts";
import { Throttles } from "./entitlement/throttles.ts";
import { Compositions } from "./invocation/compositions.ts";
import type { CodeInvocations, Invocations } from "./invocation/port.ts";
import { TriggerFiring } from "./triggers/firing.ts";

/** What a controller needs from the rest of the process. */
export interface ControllerDeps extends Pick<
  ApiContext,
  "options" | "stores" | "status" | "fleet" | "metrics" | "clock" | "log" | "version"
> {
  readonly runtimes: RuntimesAdvert;
  /** Kept up when keys of the first namespaces change; absent where none are in files. */
  readonly keyFiles?: KeyFiles;
  /** Runs code on an invoker. */
  readonly invocations: CodeInvocations;
  /** This start of this process: the owner of what it journals. */
  readonly me: Incarnation;
  readonly random: Random;
}

/** One controller: entities, entitlement, and the API over them. */
export interface Controller {
  readonly entities: Entities;
  readonly authenticator: Authenticator;
  /** Fires triggers, for whoever has events that do not come by the API. */
  readonly firing: TriggerFiring;
  /** Runs sequences and conductors: what a start finds of them in the journal goes on here. */
  readonly compositions: Compositions;
  /** Follows changes and takes requests. @throws `server/address`, `server/insecure` */
  listen(options: ListenOptions): Promise<{ readonly url: string }>;
  /** Takes nothing new, waits for what runs, cuts it at `server.shutdownMs`. Idempotent. */
  close(): Promise<void>;
}

/** Builds a controller; nothing is done before `listen`. */
export function createController(deps: ControllerDeps): Controller {
  const { options, stores, clock, log, metrics, fleet } = deps;
  const runtimes = new Runtimes(deps.runtimes);
  const entities = createEntities({ stores, runtimes, clock });
  const limitsOf = (own: JsonObject | undefined): NamespaceLimits => effectiveLimits(options.limits, own);
  const authenticator = new Authenticator({ subjects: stores.subjects, limitsOf });
  const identityOf = (namespace: Namespace) => authenticator.identityOf(namespace);
  const compositions = new Compositions({
    ...deps,
    ...entities,
    code: deps.invocations,
    activations: stores.activations,
    identityOf,
    runtimes,
  });
  const intake = new Intake({ invocations: compositions, metrics });
  const invocations: Invocations = intake;
  const throttles = new Throttles({ clock, inFlight: (namespace) => invocations.inFlight(namespace) });
  const { activations } = stores;
  const { payloadBytesMax: argsBytesMax } = options.invocation;
  const firing = new TriggerFiring({
    ...deps,
    ...entities,
    invocations,
    runtimes,
    throttles,
    activations,
    argsBytesMax,
  });
  const alarms = createAlarms({
    ...deps,
    entities,
    firing,
    identityOf,
    takeFire: (identity) => throttles.takeFire(identity),
    payloadBytesMax: options.limits.action.parameterBytesMax,
  });
  const admin = createAdministration({
    ...deps,
    limits: options.limits,
    inFlight: (namespace) => invocations.inFlight(namespace),
    caches: entities.caches,
    onSubjectWrite: () => authenticator.invalidate(),
  });
  const api = createApi({
    ...deps,
    ...entities,
    ...alarms,
    runtimes,
    authenticator,
    throttles,
    admin,
    invocations,
    intake,
    firing,
  });
  metrics.watch({ fleet, caches: entities.cacheFigures });
  const stop = new AbortController();
  let following: Promise<void> | undefined;
  return {
    entities,
    authenticator,
    firing,
    compositions,
    listen: async (where) => {
      const listeners = [authenticator, ...entities.caches, alarms.alarmScheduler];
      following = followChanges({ changes: stores.changes, listeners, log, signal: stop.signal });
      try {
        return await api.listen(where);
      } catch (error) {
        stop.abort();
        throw error;
      }
    },
    close: async () => {
      stop.abort();
      await Promise.all([api.close(), alarms.alarmScheduler.close()]);
      await following;
    },
  };
}
