import type { ActivationMessage } from "../../kernel/activation.ts";
import type { ActivationId } from "../../kernel/ids.ts";

declare const key: unique symbol;
/** Who may share a container: equal keys may, all others never (invariant A2). Opaque. */
export type PoolKey = string & { readonly [key]: true };

/** What the pool has to know of an activation. */
export interface Job {
  readonly id: ActivationId;
  readonly key: PoolKey;
  /** Of the caller: memory is shared between namespaces when there is not enough. */
  readonly namespace: string;
  readonly kind: string;
  readonly memoryMb: number;
  /** Runs at once in one container, at least 1. */
  readonly concurrency: number;
}

/**
 * The pool's view of a message. `environment` names the init parameters (a digest, empty when there are none): they are baked
 * into a container at init, so an activation that was resolved with others must not meet them.
 */
export function jobOf(message: ActivationMessage, environment: string): Job {
  return {
    id: message.activationId,
    key: poolKeyOf(message, environment),
    namespace: message.caller.namespace,
    kind: message.exec.kind,
    memoryMb: message.limits.memoryMb,
    concurrency: message.limits.concurrency,
  };
}

/** The parts cannot run into each other: no entity name holds a line break, and the digest is hex or empty. */
function poolKeyOf(message: ActivationMessage, environment: string): PoolKey {
  const { action, caller } = message;
  return `${environment}\n${caller.namespace}\n${action.namespace}/${action.path}\n${action.revision}` as PoolKey;
}
