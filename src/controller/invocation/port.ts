import type { ActivationRecord } from "../../kernel/activation.ts";
import type { ActivationId, Namespace, TransactionId } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Identity } from "../entitlement/identity.ts";
import type { EffectiveAction } from "../entities/action.ts";

/** One call of one action. Throttles and rights were checked before. */
export interface InvokeRequest {
  readonly identity: Identity;
  readonly action: EffectiveAction;
  readonly payload: JsonObject;
  readonly transactionId: TransactionId;
  /** Milliseconds to wait for the answer; absent for a non-blocking call, which is journaled before this resolves. */
  readonly waitMs?: number;
  /**
   * The id of a non-blocking call whose caller derives it from what the call stands for (a tick of an alarm). The same id again is
   * accepted again, and runs nothing: it was done already, or is under way.
   */
  readonly activationId?: ActivationId;
}

/** How a call stands when the caller gets its answer. */
export type InvokeResult =
  | { readonly kind: "accepted"; readonly activationId: ActivationId }
  /** The record as far as it is known: its logs are still being collected and are empty here, as in OpenWhisk. */
  | { readonly kind: "done"; readonly record: ActivationRecord };

/** Runs activations: what the API knows of invocation. */
export interface Invocations {
  /**
   * @throws `request/malformed` when the payload overrides final parameters, `invoker/*` when no container can be had for a
   * blocking call, `store/unavailable` when a non-blocking one could not be journaled.
   */
  invoke(request: InvokeRequest): Promise<InvokeResult>;
  /** Activations of the namespace that were taken and are not over: what the concurrency limit counts. */
  inFlight(namespace: Namespace): number;
}
