import { type Instant, instantOf, later } from "./instants.ts";

/** Where time comes from. Threaded through constructors; nobody reads a clock any other way. */
export interface Clock {
  /** Monotonic: for durations and deadlines. */
  now(): Instant;
  /** Calendar time in epoch milliseconds, whole: for records only, since it may jump. */
  wallMs(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => instantOf(performance.now()),
  wallMs: () => Date.now(),
};

/** A clock that moves only when told: the in-memory twin of {@link systemClock}. */
export class ManualClock implements Clock {
  #now: Instant = instantOf(0);
  #wallMs: number;

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  now(): Instant {
    return this.#now;
  }

  wallMs(): number {
    return Math.floor(this.#wallMs);
  }

  /** Moves both clocks on by `ms` milliseconds (>= 0). */
  advance(ms: number): void {
    this.#now = later(this.#now, ms);
    this.#wallMs += ms;
  }
}
