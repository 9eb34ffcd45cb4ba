import type { PooledContainer } from "./container.ts";
import type { PoolKey } from "./job.ts";
import { Line } from "./line.ts";
import type { WaitingJob } from "./waiting.ts";

/** Everything of one key. Exists as long as it has a container or a waiting activation, so shelves are bounded by both. */
export class Shelf {
  readonly key: PoolKey;
  /** Containers of this key, whatever they do. */
  members = 0;
  /** Milliseconds that a run of this key takes, as far as is known; see patience.ts. */
  meanRunMs: number | undefined;
  /** Warm, nothing in them; the last was used most recently. */
  readonly idle: Line<PooledContainer> = new Line<PooledContainer>();
  /** Running, with room for one more (concurrency above 1). */
  readonly roomy: Line<PooledContainer> = new Line<PooledContainer>();
  /** Starting, initialising, pausing or resuming for somebody, with room for one more. */
  readonly warming: Line<PooledContainer> = new Line<PooledContainer>();
  /** Activations of this key in the buffer, oldest first. */
  readonly waiting: Line<WaitingJob> = new Line<WaitingJob>();

  constructor(key: PoolKey) {
    this.key = key;
  }

  /** Nobody would miss it. */
  get empty(): boolean {
    return this.members === 0 && this.waiting.size === 0;
  }
}
