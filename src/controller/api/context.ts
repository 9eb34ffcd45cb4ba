import type { Clock } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Log } from "../../kernel/log.ts";
import type { SkeinOptions } from "../../kernel/options/options.ts";
import type { Stores } from "../../store/ports.ts";
import type { Authenticator } from "../entitlement/authenticator.ts";
import type { Throttles } from "../entitlement/throttles.ts";
import type { ActionCatalog } from "../entities/action-catalog.ts";
import type { Runtimes, RuntimesAdvert } from "../entities/runtimes.ts";
import type { Invocations } from "../invocation/port.ts";

/** What the API needs from the rest of the process. */
export interface ApiDeps {
  readonly options: SkeinOptions;
  readonly stores: Stores;
  readonly invocations: Invocations;
  readonly runtimes: RuntimesAdvert;
  /** How each role of this process is, for operators. */
  readonly status: () => JsonObject;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

/** What handlers work with: the same, and what was built on it. */
export interface ApiContext extends Omit<ApiDeps, "runtimes"> {
  readonly authenticator: Authenticator;
  readonly throttles: Throttles;
  readonly actions: ActionCatalog;
  readonly runtimes: Runtimes;
}
