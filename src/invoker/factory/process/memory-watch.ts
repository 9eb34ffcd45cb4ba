import { type Membership, memoryOf, type ProcessTable } from "./proc.ts";

interface Watched {
  readonly membership: Membership;
  readonly bytesMax: number;
  readonly onExceeded: () => void;
}

const MIB = 1_048_576;
/** Chosen: a function that fills memory at 1 GB/s is 200 MB over its limit when it is stopped, at most. */
const PERIOD_MS = 200;
/** When a container has used up half of its memory, looks come closer together. */
const NEAR_PERIOD_MS = 25;

/**
 * Ends containers that use more memory than they asked for. It looks at all processes of a container, since children count as
 * well. Polling, because it needs no rights: where control groups can be had, the kernel's own limit takes this class's place.
 */
export class MemoryWatch {
  readonly #table: ProcessTable;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(table: ProcessTable) {
    this.#table = table;
  }

  /** Calls `onExceeded` (once) when the container's processes hold more than `memoryMb`. */
  watch(membership: Membership, memoryMb: number, onExceeded: () => void): void {
    this.#watched.set(membership.containerId, { membership, bytesMax: memoryMb * MIB, onExceeded });
    this.#timer ??= this.#after(PERIOD_MS);
  }

  /** A container that is paused or gone needs no look. */
  unwatch(containerId: string): void {
    this.#watched.delete(containerId);
  }

  close(): void {
    this.#watched.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#watched.size === 0) return;
    this.#table.scan();
    let near = false;
    for (const [id, { membership, bytesMax, onExceeded }] of this.#watched) {
      let bytes = 0;
      for (const pid of this.#table.membersOf(membership)) bytes += memoryOf(pid);
      near ||= bytes > bytesMax / 2;
      if (bytes <= bytesMax) continue;
      this.#watched.delete(id);
      onExceeded();
    }
    this.#timer = this.#after(near ? NEAR_PERIOD_MS : PERIOD_MS);
  }
}
