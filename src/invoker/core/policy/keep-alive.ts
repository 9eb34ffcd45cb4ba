/**
 * How long an idle container is worth its memory.
 *
 * Intuition: each further second costs its memory, and buys the chance that the next call comes in it. With the idle times known as a
 * distribution there is a best moment to stop: the window that makes
 *
 *     price x P(idle time > window)  +  E[min(idle time, window)]
 *
 * least, where the price of a cold start is told in seconds of idle memory. One price for all actions is also what spends a given
 * amount of memory with the fewest cold starts over all of them (the price is the constraint's Lagrange multiplier).
 *
 * Source: Shahrad et al., ATC 2020, section 4.2, keep a container until the 99th percentile of its idle times. Changed: a percentile
 * asks only how likely a return is and not what waiting for it costs; the rule above is the average-case ski rental of Karlin, Manasse,
 * McGeoch and Owicki, "Competitive randomized algorithms for nonuniform problems" (SODA 1990, section 4), who rent until the
 * expected cost of going on exceeds that of buying. A fixed timeout is ski rental for those who know nothing: at most twice the
 * cost of the best when it equals the price. The paper's pre-warming of an application before its next predicted call
 * is not done: that would be a container of an action without a call to journal, for regular actions only.
 *
 * Bounded: a window is from 1 s to 4.5 h. Cost: O(bins), asked when the action's histogram has changed by an eighth.
 */
import { assert } from "../../../kernel/errors.ts";
import { BINS, edgeOf } from "./idle-times.ts";

/** The bin whose lower edge is the best window; 0 keeps for the least time. `weights` are those of a histogram, any scale. */
export function keepBinOf(weights: Float32Array, priceMs: number): number {
  assert(priceMs >= 0, "a price is not negative");
  let after = 0;
  for (const weight of weights) after += weight;
  let waited = 0;
  let best = 0;
  let least = after * (edgeOf(0) + priceMs);
  for (let bin = 0; bin < BINS; bin += 1) {
    const weight = weights[bin] ?? 0;
    // An idle time somewhere in the bin: the container waits for it and is used.
    waited += (weight * (edgeOf(bin) + edgeOf(bin + 1))) / 2;
    after -= weight;
    const cost = waited + Math.max(0, after) * (edgeOf(bin + 1) + priceMs);
    // A hair less is rounding, and the shorter window is cheaper to be wrong with.
    if (cost >= least * (1 - 1e-6)) continue;
    least = cost;
    best = bin + 1;
  }
  return best;
}

/** What a cold start is worth. */
export interface PriceQuestion {
  /** Milliseconds a container of {@link REFERENCE_MB} may idle for the price of one cold start, while memory is plentiful. */
  readonly idleMs: number;
  /** Of the container in question. */
  readonly memoryMb: number;
  /** Memory held by containers, as a share of all, 0 to 1. */
  readonly fill: number;
}

/** Megabytes. OpenWhisk's default, so that `idleMs` means what it says for an action that set nothing. */
export const REFERENCE_MB = 256;
/** As long as less is held, memory costs nobody anything. Chosen. */
const PLENTY = 1 / 2;
/** What a cold start is worth when memory is full, as a share of what it is else: those who need it evict by value. Chosen. */
const SHORTAGE_SHARE = 1 / 4;
const LEVELS = 4;

/**
 * Milliseconds of this container's idleness that one cold start is worth: in inverse proportion to its memory, and falling to a quarter as
 * memory fills up, so that there is some left for who comes next (an eviction on demand takes time that a caller waits for).
 */
export function priceOf({ idleMs, memoryMb, fill }: PriceQuestion): number {
  assert(memoryMb > 0, "a container has memory");
  const shortage = shortageOf(fill) / LEVELS;
  return ((idleMs * REFERENCE_MB) / memoryMb) * (1 - shortage * (1 - SHORTAGE_SHARE));
}

/** How short memory is, from 0 to 4: in steps, as every step makes what was computed before invalid. */
export function shortageOf(fill: number): number {
  assert(fill >= 0 && fill <= 1, "fill is a share");
  return Math.min(LEVELS, Math.max(0, Math.ceil(((fill - PLENTY) / (1 - PLENTY)) * LEVELS)));
}
