import type { PoolSnapshot } from "./core/snapshot.ts";

/** Counts for operators: containers by what they do, activations that wait, memory in megabytes. */
export interface InvokerStatus {
  readonly memoryMb: number;
  readonly memoryUsedMb: number;
  /** Warm and idle, not paused. */
  readonly free: number;
  readonly busy: number;
  readonly prewarmed: number;
  readonly paused: number;
  readonly starting: number;
  readonly removing: number;
  /** Activations that wait for memory, a container or a create slot. */
  readonly buffered: number;
  readonly closing: boolean;
}

/** Sums up the pool. */
export function statusOf(snapshot: PoolSnapshot): InvokerStatus {
  const { memoryMb, usedMb, counts, waiting, closing } = snapshot;
  return {
    memoryMb,
    memoryUsedMb: usedMb,
    free: counts.free + counts.pausing,
    busy: counts.initialising + counts.running + counts.settling + counts.draining + counts.resuming,
    prewarmed: counts.prewarmed,
    paused: counts.paused,
    starting: counts.starting,
    removing: counts.removing,
    buffered: waiting.length,
    closing,
  };
}
