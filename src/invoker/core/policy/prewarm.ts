/**
 * How many stem cells of a kind to keep ready, from how many were lately wanted.
 *
 * Intuition: a cell that is used is replaced after a while; calls that come in that while find one cell less. With cold starts at
 * random and `r` of them per second, and a replacement that takes `t` seconds, `r x t` cells are being replaced on average, and the chance
 * that all are is Erlang's loss formula (it needs no assumption about how replacement times are spread). So: the fewest cells with
 * which at most one cold start in a hundred finds none.
 *
 * Source: OpenWhisk sizes reactively too, desired = clamp(floor(cold starts / threshold) x increment, min, max) per kind
 * (reference 4.2); its threshold and increment are for the operator to find. Changed: the number follows from a target and from
 * what a replacement was measured to take, by the base-stock policy of inventory theory (Palm 1938; Erlang 1917). Arrivals of cold
 * starts cluster, so the rate is the highest of the windows that {@link Demand} remembers, and not their mean.
 *
 * Bounded: by the configured count below and by a share of memory above ({@link cellsMax}).
 */
import { assert } from "../../../kernel/errors.ts";

/** Milliseconds over which cold starts of a kind are counted. Chosen: a few of them make a rate, and a burst is not averaged out. */
export const WINDOW_MS = 10_000;
/** Windows that are remembered: a burst is prepared for during three minutes after the last one. Chosen. */
export const WINDOWS = 18;
/** Share of cold starts that may find no cell. Chosen: those of the 99th percentile. */
const MISS_MAX = 1 / 100;
/** Share of the pool's memory that cells of one kind and size may hold above what is configured. Chosen. */
const MEMORY_SHARE = 1 / 8;

/** The probability that all of `cells` are being replaced, when `load` are on average. Erlang's B, by its stable recursion. */
export function lossOf(load: number, cells: number): number {
  assert(load >= 0 && cells >= 0, "loads and counts are not negative");
  let loss = 1;
  for (let n = 1; n <= cells; n += 1) loss = (load * loss) / (n + load * loss);
  return loss;
}

/** What is known of one kind and size. */
export interface Stock {
  /** Cold starts per second. */
  readonly rate: number;
  /** Milliseconds from the use of a cell until its replacement is ready. */
  readonly replaceMs: number;
  /** As configured, and at least kept. */
  readonly least: number;
  /** At most kept; see {@link cellsMax}. */
  readonly most: number;
}

/** How many cells to keep. */
export function cellsFor({ rate, replaceMs, least, most }: Stock): number {
  const load = (rate * replaceMs) / 1000;
  if (load === 0) return least;
  let cells = least;
  while (cells < most && lossOf(load, cells) > MISS_MAX) cells += 1;
  return cells;
}

/** Cells of one size that may be kept, of which `least` were configured. */
export function cellsMax({ poolMb, memoryMb, least }: { poolMb: number; memoryMb: number; least: number }): number {
  return Math.max(least, Math.floor((poolMb * MEMORY_SHARE) / memoryMb));
}

/** Cold starts in the last windows: a ring. Bounded by {@link WINDOWS} numbers. */
export class Demand {
  readonly #counts = new Uint32Array(WINDOWS);
  #window = 0;

  /** One more at `nowMs`. */
  add(nowMs: number): void {
    this.#moveTo(nowMs);
    const at = this.#window % WINDOWS;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** The most per second in any window that is remembered. */
  rate(nowMs: number): number {
    this.#moveTo(nowMs);
    return (Math.max(...this.#counts) * 1000) / WINDOW_MS;
  }

  #moveTo(nowMs: number): void {
    const window = Math.floor(nowMs / WINDOW_MS);
    assert(window >= this.#window, "time went back");
    const skipped = Math.min(WINDOWS, window - this.#window);
    for (let n = 1; n <= skipped; n += 1) this.#counts[(window - n + 1) % WINDOWS] = 0;
    this.#window = window;
  }
}
