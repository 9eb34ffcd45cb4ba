import type { Clock } from "../../kernel/clock.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { Namespace } from "../../kernel/ids.ts";
import { RateThrottle, type RateVerdict } from "../core/throttle.ts";
import type { Identity } from "./identity.ts";

// Chosen: 10,000 namespaces of 60 counters are 3 MB.
const NAMESPACES_MAX = 10_000;
// What is in flight ends when it ends; a second is the shortest wait the header can say.
const CONCURRENCY_RETRY_MS = 1000;

/** Refuses what is over a namespace's limits, before anything else is looked at. */
export class Throttles {
  readonly #invocations = new RateThrottle({ namespacesMax: NAMESPACES_MAX });
  readonly #fires = new RateThrottle({ namespacesMax: NAMESPACES_MAX });
  readonly #clock: Clock;
  readonly #inFlight: (namespace: Namespace) => number;

  constructor(deps: { readonly clock: Clock; readonly inFlight: (namespace: Namespace) => number }) {
    this.#clock = deps.clock;
    this.#inFlight = deps.inFlight;
  }

  /**
   * Counts one invocation, or refuses it and counts nothing.
   *
   * @throws `limits/rate`, `limits/concurrency`, both with `retryAfterMs` in their details
   */
  takeInvocation(identity: Identity): void {
    const { namespace, limits } = identity;
    const now = this.#clock.now();
    requireRate(this.#invocations.check(namespace, limits.invocationsPerMinute, now), limits.invocationsPerMinute);
    const inFlight = this.#inFlight(namespace);
    if (inFlight >= limits.concurrentInvocations) {
      throw new PlatformError(
        "limits/concurrency",
        `Too many concurrent requests in flight (count: ${inFlight}, allowed: ${limits.concurrentInvocations}).`,
        { details: { retryAfterMs: CONCURRENCY_RETRY_MS } },
      );
    }
    this.#invocations.take(namespace, now);
  }

  /**
   * Counts one firing of a trigger, or refuses it and counts nothing. What its rules start counts as invocations, each for itself.
   *
   * @throws `limits/rate`, with `retryAfterMs` in its details
   */
  takeFire({ namespace, limits }: Identity): void {
    const now = this.#clock.now();
    requireRate(this.#fires.check(namespace, limits.firesPerMinute, now), limits.firesPerMinute);
    this.#fires.take(namespace, now);
  }
}

function requireRate(verdict: RateVerdict, allowed: number): void {
  if (verdict.kind === "allowed") return;
  throw new PlatformError(
    "limits/rate",
    `Too many requests in the last minute (count: ${verdict.count}, allowed: ${allowed}).`,
    { details: { retryAfterMs: verdict.retryAfterMs } },
  );
}
