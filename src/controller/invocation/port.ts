import type { ActivationMessage, ActivationRecord, PromisedActivation } from "../../kernel/activation.ts";
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
  /** Keep its record whatever the platform keeps otherwise. */
  readonly storedAlways?: true;
}

/** How a call stands when the caller gets its answer. */
export type InvokeResult =
  | { readonly kind: "accepted"; readonly activationId: ActivationId }
  /** The record as far as it is known. Logs of code are still being collected and are empty here, as in OpenWhisk; a composition's are whole. */
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

/** What a composition hears of a component, in this order; after `onRefused` nothing. */
export interface ComponentEvents {
  /** Its composition is promised by now, and so goes on from its record after a crash. */
  readonly isPromised: () => boolean;
  /** It is about to enter a container; a promise holds it back until it resolves, a rejection gives it back as refused. */
  readonly beforeRun: () => Promise<void> | undefined;
  /** Its answer is there; its logs are not yet in this record. */
  readonly onAnswered: (record: ActivationRecord) => void;
  /** Its record is in the store; false when the process stops before it was. */
  readonly onStored: (stored: boolean) => void;
  /** It did not run. `invoker/closing` where the process stops, also for one that runs. */
  readonly onRefused: (error: Error) => void;
}

/** `entry` has a journal entry of this process's own; `part` belongs to a composition that has one; `free` was promised to nobody. */
export type StoreHow = "entry" | "part" | "free";

/** Runs code: the leaf under compositions, and what these need of it. */
export interface CodeInvocations extends Invocations {
  /** Aborted when this process lets go of what is in flight. */
  readonly stopped: AbortSignal;
  /**
   * Takes a place in flight for a composition; gives back how to leave it.
   *
   * @throws `invoker/closing`, `invoker/buffer-full`; neither where `promised` already, which must be kept
   */
  enter(namespace: Namespace, options?: { readonly promised: boolean }): () => void;
  nextId(): ActivationId;
  /** Runs a component. It is not journaled: its composition's entry speaks for it. */
  run(message: ActivationMessage, events: ComponentEvents): void;
  /** Ends what ran without a container. True when stored. Never rejects. */
  store(record: ActivationRecord, of: PromisedActivation, how: StoreHow): Promise<boolean>;
}
