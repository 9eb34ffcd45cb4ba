import type { ErrorCode } from "../../kernel/errors.ts";
import type { ActivationId, ContainerId } from "../../kernel/ids.ts";
import type { Job } from "./job.ts";

/** What the pool is built with. Bounds of everything it keeps. */
export interface PoolOptions {
  /** Megabytes all containers may hold together, by their actions' limits. */
  readonly memoryMb: number;
  /** Activations that may wait; beyond it `invoker/buffer-full`. */
  readonly bufferMax: number;
  /** Milliseconds an idle warm container is kept. */
  readonly idleMs: number;
  /**
   * `fixed` keeps every idle container for `idleMs`; with `adaptive` that is the price of a cold start, and keep-alive, eviction, shares and
   * stem cells follow policy/.
   */
  readonly keepAlive: "fixed" | "adaptive";
  /** Milliseconds after which an idle container is paused; 0 never pauses. */
  readonly pauseGraceMs: number;
  /** Short runs that the machine takes at once without their taking turns; see patience.ts. */
  readonly parallelism: number;
  /** Containers being created at once. */
  readonly createsMax: number;
  /** Stem cells kept ready, by kind and memory. */
  readonly prewarm: readonly { readonly kind: string; readonly memoryMb: number; readonly count: number }[];
  /** Container ids are this, a dash and a counter; unique per process start. */
  readonly containerPrefix: string;
}

/** What happened outside. Each is reported at most once per effect that asked for it. */
export type PoolEvent =
  /** Begin to keep stem cells. Activations are served before it as well. */
  | { readonly kind: "start" }
  /** The kinds that containers can be made for, as a whole. */
  | { readonly kind: "kinds"; readonly kinds: readonly string[] }
  /** An activation to place; its id must not be in the pool. */
  | { readonly kind: "activation"; readonly job: Job }
  | { readonly kind: "created"; readonly container: ContainerId }
  /** There is no container and there will be none. */
  | { readonly kind: "create-failed"; readonly container: ContainerId }
  | { readonly kind: "initialised"; readonly container: ContainerId }
  /** Init answered badly and its logs are in; whoever waited for it shares its fate. */
  | { readonly kind: "init-failed"; readonly container: ContainerId }
  /**
   * The one run of a container without concurrency answered well; its logs are still being collected, and `settled` follows.
   * The pool has forgotten the activation.
   */
  | { readonly kind: "answered"; readonly container: ContainerId; readonly activation: ActivationId }
  | { readonly kind: "settled"; readonly container: ContainerId }
  /** A run answered and its logs are in. Only `healthy` ones leave a container that may be used again. */
  | {
      readonly kind: "ran";
      readonly container: ContainerId;
      readonly activation: ActivationId;
      readonly healthy: boolean;
    }
  /** An `init` or `run` was not begun and its activation was given back. */
  | { readonly kind: "withdrawn"; readonly container: ContainerId; readonly activation: ActivationId }
  | { readonly kind: "paused"; readonly container: ContainerId }
  | { readonly kind: "pause-failed"; readonly container: ContainerId }
  | { readonly kind: "resumed"; readonly container: ContainerId }
  | { readonly kind: "resume-failed"; readonly container: ContainerId }
  /** The container's main process ended by itself. */
  | { readonly kind: "ended"; readonly container: ContainerId }
  /** A `destroy` is done: its memory is free. */
  | { readonly kind: "removed"; readonly container: ContainerId }
  /** Take nothing more, finish what runs, destroy the rest. */
  | { readonly kind: "close" };

/** Why an activation was not taken. */
export type Refusal = Extract<
  ErrorCode,
  "invoker/buffer-full" | "invoker/too-large" | "invoker/kind-unavailable" | "invoker/closing"
>;

/** What is to be done outside, in this order. */
export type PoolEffect =
  /** Make a container; `created` or `create-failed` follows. `activation` is who waits for it, absent for a stem cell. */
  | {
      readonly kind: "create";
      readonly container: ContainerId;
      readonly runtime: string;
      readonly memoryMb: number;
      readonly activation?: ActivationId;
    }
  /** Give it the action's code; `initialised`, `init-failed` or `withdrawn` follows. */
  | { readonly kind: "init"; readonly container: ContainerId; readonly activation: ActivationId }
  /** `ran` or `withdrawn` follows. */
  | { readonly kind: "run"; readonly container: ContainerId; readonly activation: ActivationId }
  | { readonly kind: "pause"; readonly container: ContainerId }
  | { readonly kind: "resume"; readonly container: ContainerId }
  /** `removed` follows. */
  | { readonly kind: "destroy"; readonly container: ContainerId }
  /** The activation never entered a container and the pool has forgotten it. */
  | { readonly kind: "refuse"; readonly activation: ActivationId; readonly code: Refusal }
  /** The activation's container could not be made, or its init (by another activation) failed; the pool has forgotten it. */
  | {
      readonly kind: "fail";
      readonly activation: ActivationId;
      readonly container: ContainerId;
      readonly reason: "create" | "init";
    }
  /** A stem cell's kind failed so often that the pool stops trying; a start of that kind that succeeds brings it back. */
  | { readonly kind: "prewarm-abandoned"; readonly runtime: string; readonly memoryMb: number }
  /** After `close`: nothing is left. Told once. */
  | { readonly kind: "drained" };
