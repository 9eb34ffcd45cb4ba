/**
 * Which stem cells to make, and when.
 *
 * Intuition: a stem cell is a started runtime without code; it turns a cold start into an init. One that was used, evicted or
 * lost is replaced. Source: OpenWhisk's prewarm pool (reference 4.2). Changed: failures back off and end after a bounded number
 * of attempts in a row, instead of a bounded number per expiry cycle; and the replacement of a used cell waits
 * `REFILL_DELAY_MS`, because starting a process competes with the init the cell was taken for. Where the pool says what is
 * demanded (`keepAlive: adaptive`), more than the configured count are kept while it pays; see policy/prewarm.ts.
 *
 * Bounded: by the configured counts, the pool's memory, and `FAILURES_MAX` attempts.
 */
import { assert } from "../../kernel/errors.ts";
import { type Instant, earliest, instantOf, later } from "../../kernel/instants.ts";
import type { PooledContainer } from "./container.ts";
import { Line } from "./line.ts";
import type { PoolOptions } from "./messages.ts";
import { Demand, WINDOW_MS, cellsFor, cellsMax } from "./policy/prewarm.ts";

/** Chosen: longer than the init of a small action (about 3 ms), shorter than a person's next call. */
export const REFILL_DELAY_MS = 25;
/** First wait after a failure; doubles with each: 1, 2, 4, 8 s. Chosen. */
export const BACKOFF_MS = 1000;
/** Failures in a row after which a kind is left alone. OpenWhisk retries 5 times per cycle. */
export const FAILURES_MAX = 5;
/** A cell that lived this long before its process ended was a good one: its end is not held against its kind. Chosen. */
const STEADY_MS = 60_000;

/** What is known when a cold start happens. */
export interface DemandNews {
  readonly now: Instant;
  /** Milliseconds, as far as was measured. */
  readonly startMs: number | undefined;
  readonly poolMb: number;
}

/** Milliseconds that a start is taken to last before one was measured. Chosen: an interpreter's. */
const START_MS = 100;

/** One configured kind and memory. */
export interface Stem {
  readonly runtime: string;
  readonly memoryMb: number;
  /** As configured. */
  readonly least: number;
  /** Kept now: `least`, or more while many are used. */
  wanted: number;
  readonly demand: Demand;
  /** Milliseconds from a cell's use until its replacement is ready. */
  replaceMs: number;
  /** Kept at most. */
  most: number;
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
  /** When `wanted` is to be computed again, while more are kept than configured. */
  #reviewAt: Instant | undefined;

  constructor(prewarm: PoolOptions["prewarm"]) {
    for (const { kind, memoryMb, count } of prewarm) {
      const key = keyOf(kind, memoryMb);
      const wanted = count + (this.#stems.get(key)?.wanted ?? 0);
      const cells = new Line<PooledContainer>();
      this.#stems.set(key, {
        runtime: kind,
        memoryMb,
        least: wanted,
        wanted,
        demand: new Demand(),
        cells,
        starting: 0,
        replaceMs: REFILL_DELAY_MS + START_MS,
        most: wanted,
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
    let next = this.#reviewAt;
    for (const stem of this.#stems.values()) {
      if (lacks(stem) && stem.notBefore > now) next = earliest(next, stem.notBefore);
    }
    return next;
  }

  /** An activation of this kind and size found no container of its key. */
  onDemand({ kind, memoryMb }: { readonly kind: string; readonly memoryMb: number }, news: DemandNews): void {
    const stem = this.find(kind, memoryMb);
    if (stem === undefined) return;
    const { now, startMs, poolMb } = news;
    stem.demand.add(now);
    stem.replaceMs = REFILL_DELAY_MS + (startMs ?? START_MS);
    stem.most = cellsMax({ poolMb, memoryMb, least: stem.least });
    const wanted = wantedOf(stem, now);
    if (wanted <= stem.wanted) return;
    stem.wanted = wanted;
    this.#reviewAt ??= later(now, WINDOW_MS);
  }

  /** Wants fewer again where demand is over; gives the cells that are too many. */
  *review(now: Instant): Generator<PooledContainer, void> {
    if (this.#reviewAt === undefined || now < this.#reviewAt) return;
    this.#reviewAt = undefined;
    for (const stem of this.#stems.values()) {
      stem.wanted = wantedOf(stem, now);
      if (stem.wanted > stem.least) this.#reviewAt = later(now, WINDOW_MS);
      for (const cell of Array.from(stem.cells)) if (hasTooMany(stem)) yield cell;
    }
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

function wantedOf({ demand, replaceMs, least, most }: Stem, now: Instant): number {
  return cellsFor({ rate: demand.rate(now), replaceMs, least, most });
}

function hasTooMany({ cells, starting, wanted }: Stem): boolean {
  return cells.size + starting > wanted;
}

function lacks(stem: Stem): boolean {
  return stem.failures < FAILURES_MAX && stem.starting + stem.cells.size < stem.wanted;
}

function keyOf(runtime: string, memoryMb: number): string {
  return `${memoryMb} ${runtime}`;
}
