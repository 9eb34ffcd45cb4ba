/**
 * Which stem cells to make, and when.
 *
 * Intuition: a stem cell is a started runtime without code; it turns a cold start into an init. One that was used, evicted or
 * lost is replaced. Source: OpenWhisk's prewarm pool (reference 4.2). Changed: failures back off and end after a bounded number
 * of attempts in a row, instead of a bounded number per expiry cycle; and the replacement of a used cell waits
 * `REFILL_DELAY_MS`, because starting a process competes with the init the cell was taken for.
 *
 * Bounded: by the configured counts, the pool's memory, and `FAILURES_MAX` attempts.
 */
import { assert } from "../../kernel/errors.ts";
import { type Instant, earliest, instantOf, later } from "../../kernel/instants.ts";
import type { PooledContainer } from "./container.ts";
import { Line } from "./line.ts";
import type { PoolOptions } from "./messages.ts";

/** Chosen: longer than the init of a small action (about 3 ms), shorter than a person's next call. */
export const REFILL_DELAY_MS = 25;
/** First wait after a failure; doubles with each: 1, 2, 4, 8 s. Chosen. */
export const BACKOFF_MS = 1000;
/** Failures in a row after which a kind is left alone. OpenWhisk retries 5 times per cycle. */
export const FAILURES_MAX = 5;
/** A cell that lived this long before its process ended was a good one: its end is not held against its kind. Chosen. */
const STEADY_MS = 60_000;

/** One configured kind and memory. */
export interface Stem {
  readonly runtime: string;
  readonly memoryMb: number;
  readonly wanted: number;
  readonly cells: Line<PooledContainer>;
  /** Cells being made. */
  starting: number;
  /** In a row. */
  failures: number;
  /** None is made before. */
  notBefore: Instant;
}

export class Stems {
  readonly #stems = new Map<string, Stem>();

  constructor(prewarm: PoolOptions["prewarm"]) {
    for (const { kind, memoryMb, count } of prewarm) {
      const key = keyOf(kind, memoryMb);
      const wanted = count + (this.#stems.get(key)?.wanted ?? 0);
      const cells = new Line<PooledContainer>();
      this.#stems.set(key, {
        runtime: kind,
        memoryMb,
        wanted,
        cells,
        starting: 0,
        failures: 0,
        notBefore: instantOf(0),
      });
    }
  }

  find(runtime: string, memoryMb: number): Stem | undefined {
    return this.#stems.get(keyOf(runtime, memoryMb));
  }

  /** The one a stem cell was made for. */
  of(cell: PooledContainer): Stem {
    const stem = this.find(cell.runtime, cell.memoryMb);
    assert(stem !== undefined, `no stem cells of ${cell.runtime} are configured`);
    return stem;
  }

  all(): Iterable<Stem> {
    return this.#stems.values();
  }

  /** Where the cells of a kind and memory are; undefined when none are configured. */
  cellsOf(runtime: string, memoryMb: number): Line<PooledContainer> | undefined {
    return this.find(runtime, memoryMb)?.cells;
  }

  /** One that lacks a cell and may try now, for which `possible` holds. */
  due(now: Instant, possible: (stem: Stem) => boolean): Stem | undefined {
    for (const stem of this.#stems.values()) {
      if (lacks(stem) && stem.notBefore <= now && possible(stem)) return stem;
    }
    return undefined;
  }

  /** When the next one that lacks a cell may try; only moments after `now` count, as earlier ones wait for something else. */
  deadline(now: Instant): Instant | undefined {
    let next: Instant | undefined;
    for (const stem of this.#stems.values()) {
      if (lacks(stem) && stem.notBefore > now) next = earliest(next, stem.notBefore);
    }
    return next;
  }

  /** A cell was taken for an activation. */
  onUsed(stem: Stem, now: Instant): void {
    if (stem.notBefore < later(now, REFILL_DELAY_MS)) stem.notBefore = later(now, REFILL_DELAY_MS);
  }

  /** A container of this kind was initialised: the kind works. */
  onProven(runtime: string): void {
    for (const stem of this.#stems.values()) if (stem.runtime === runtime) stem.failures = 0;
  }

  /** A cell could not be made, or its process ended after `livedMs`. True when that was the last attempt. */
  onFailed(stem: Stem, now: Instant, livedMs: number): boolean {
    if (livedMs >= STEADY_MS) stem.failures = 0;
    stem.failures += 1;
    stem.notBefore = later(now, BACKOFF_MS * 2 ** (stem.failures - 1));
    return stem.failures === FAILURES_MAX;
  }
}

function lacks(stem: Stem): boolean {
  return stem.failures < FAILURES_MAX && stem.starting + stem.cells.size < stem.wanted;
}

function keyOf(runtime: string, memoryMb: number): string {
  return `${memoryMb} ${runtime}`;
}
