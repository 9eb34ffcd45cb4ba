import type { PooledContainer } from "./container.ts";
import type { PoolKey } from "./job.ts";
import type { Pattern } from "./keeping.ts";
import { Line } from "./line.ts";
import type { WaitingJob } from "./waiting.ts";

/** A namespace that has shelves, and how many. */
export interface Owner {
  readonly name: string;
  shelves: number;
}

/** Everything of one key. Exists as long as it has a container or a waiting activation, so shelves are bounded by both. */
export class Shelf {
  readonly key: PoolKey;
  readonly owner: Owner;
  /** What is known of its idle times, where containers are kept by them. */
  readonly pattern: Pattern | undefined;
  /** Megabytes of its containers. */
  heldMb = 0;
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

  constructor(key: PoolKey, owner: Owner, pattern: Pattern | undefined) {
    this.key = key;
    this.owner = owner;
    this.pattern = pattern;
  }

  /** Nobody would miss it. */
  get empty(): boolean {
    return this.members === 0 && this.waiting.size === 0;
  }
}
