import { PlatformError } from "../../kernel/errors.ts";
import type { Namespace } from "../../kernel/ids.ts";
import type { Invocations, InvokeRequest, InvokeResult } from "../invocation/port.ts";
import type { Metrics } from "../metrics/metrics.ts";

/**
 * The way in for new activations, whoever starts them. An operator closes it before a rolling deploy takes this process away: what
 * was taken goes on to its end, everything else is still served. It is open after every start.
 */
export class Intake implements Invocations {
  readonly #invocations: Invocations;
  readonly #metrics: Metrics;
  #open = true;

  constructor(deps: { readonly invocations: Invocations; readonly metrics: Metrics }) {
    this.#invocations = deps.invocations;
    this.#metrics = deps.metrics;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  open(): void {
    this.#open = true;
  }

  close(): void {
    this.#open = false;
  }

  /** @throws `server/disabled` while it is closed */
  invoke(request: InvokeRequest): Promise<InvokeResult> {
    if (!this.#open) {
      return Promise.reject(new PlatformError("server/disabled", "this controller takes no activations for now"));
    }
    this.#metrics.onInvocation({ blocking: request.waitMs !== undefined });
    return this.#invocations.invoke(request);
  }

  inFlight(namespace: Namespace): number {
    return this.#invocations.inFlight(namespace);
  }
}
