import type { ActivationId, ContainerId } from "../../kernel/ids.ts";
import { type StateKind, workOf } from "./container.ts";
import type { Inventory } from "./inventory.ts";
import type { PoolKey } from "./job.ts";
import type { PoolOptions } from "./messages.ts";
import type { Placement } from "./placement.ts";

/** The pool at one moment, as plain data. */
export interface PoolSnapshot {
  readonly memoryMb: number;
  /** Held by containers in any state. */
  readonly usedMb: number;
  readonly counts: Readonly<Record<StateKind, number>>;
  readonly containers: readonly ContainerSnapshot[];
  /** In the buffer, oldest first. */
  readonly waiting: readonly ActivationId[];
  readonly closing: boolean;
}

export interface ContainerSnapshot {
  readonly id: ContainerId;
  readonly runtime: string;
  readonly memoryMb: number;
  readonly state: StateKind;
  /** Absent for stem cells and for what is being removed. */
  readonly key?: PoolKey;
  /** In it, running or waiting for it. */
  readonly activations: readonly ActivationId[];
}

/** Copies what the books hold. */
export function snapshotOf(options: PoolOptions, inventory: Inventory, placement: Placement): PoolSnapshot {
  return {
    memoryMb: options.memoryMb,
    usedMb: inventory.usedMb,
    counts: { ...inventory.counts },
    containers: [...inventory.containers.values()].map(({ id, runtime, memoryMb, state }) => {
      const work = workOf(state);
      const common = { id, runtime, memoryMb, state: state.kind };
      return work === undefined
        ? { ...common, activations: [] }
        : { ...common, key: work.key, activations: [...work.jobs.keys()] };
    }),
    waiting: [...placement.waiting].map(({ job }) => job.id),
    closing: placement.closing,
  };
}
