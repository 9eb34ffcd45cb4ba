import type { PoolSnapshot } from "./core/snapshot.ts";

/** What the shell knows beside its pool. */
export interface ShellStatus {
  /** `down` before its start and from its stop on; `unhealthy` while containers cannot be made. */
  readonly health: "up" | "unhealthy" | "down";
  /** Activations since the start, by what their container was before. */
  readonly starts: { readonly cold: number; readonly prewarmed: number; readonly warm: number };
}

/** Counts for operators: containers by what they do, activations that wait, memory in megabytes. */
export interface InvokerStatus extends ShellStatus {
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
export function statusOf(snapshot: PoolSnapshot, { health, starts }: ShellStatus): InvokerStatus {
  const { memoryMb, usedMb, counts, waiting, closing } = snapshot;
  return {
    health,
    starts: { ...starts },
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
