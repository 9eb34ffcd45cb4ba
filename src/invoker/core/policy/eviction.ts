/**
 * Which idle container is missed least, when somebody else needs its memory.
 *
 * Intuition: what a container is worth is the start it saves, times the chance that it will save it, per megabyte. Source: Fuerst and
 * Sharma, "FaasCache: Keeping Serverless Computing Alive with Greedy-Dual Caching", ASPLOS 2021, section 4: priority = clock +
 * frequency x cost / size. Changed: the chance of a reuse is read off the action's idle times, given how long the container has
 * been idle already, where greedy-dual approximates it by counting uses and ageing with a clock. A timer that fires each ten minutes and
 * fired a second ago is worth little for the next minutes, and much after nine; frequency cannot say that.
 *
 * Bounded: the pool looks at {@link CANDIDATES_MAX} containers, those that are idle longest. Cost: O(candidates x bins) per eviction,
 * which is about a thousandth of the destruction that follows.
 */
import { assert } from "../../../kernel/errors.ts";
import { BINS, edgeOf } from "./idle-times.ts";

/** Chosen: sampled eviction of so many is within a few percent of the best victim of all (as Redis reports for its sampled LRU). */
export const CANDIDATES_MAX = 16;

/** A container that could go. */
export interface Candidate {
  /** How likely it is wanted again while the memory would be needed. */
  readonly reuseChance: number;
  /** Milliseconds its action's next cold start takes, as measured by kind. */
  readonly startMs: number;
  readonly memoryMb: number;
  /** Its action holds more than it is entitled to: such a one goes before all others. */
  readonly overShare: boolean;
}

/** Milliseconds of waiting that a megabyte of this container may be expected to save. */
export function valueOf({ reuseChance, startMs, memoryMb }: Omit<Candidate, "overShare">): number {
  assert(reuseChance >= 0 && reuseChance <= 1, "a chance is from 0 to 1");
  assert(memoryMb > 0, "a container has memory");
  return (reuseChance * startMs) / memoryMb;
}

/** The index of the one to destroy; the earlier of two that are worth the same. There must be one. */
export function victimOf(candidates: readonly Candidate[]): number {
  assert(candidates.length > 0 && candidates.length <= CANDIDATES_MAX, "too many candidates, or none");
  let victim = 0;
  for (const [at, candidate] of candidates.entries()) {
    const current = candidates[victim];
    if (current !== undefined && isCheaper(candidate, current)) victim = at;
  }
  return victim;
}

function isCheaper(a: Candidate, b: Candidate): boolean {
  if (a.overShare !== b.overShare) return a.overShare;
  return valueOf(a) < valueOf(b);
}

/** How likely an idle time that has lasted `idledMs` ends within `withinMs` more. Within a bin all moments are equally likely. */
export function reuseChanceOf(weights: Float32Array, idledMs: number, withinMs: number): number {
  assert(idledMs >= 0 && withinMs >= 0, "durations are not negative");
  const still = weightAfter(weights, idledMs);
  if (still <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - weightAfter(weights, idledMs + withinMs) / still));
}

/** The weight of idle times above `ms`. */
function weightAfter(weights: Float32Array, ms: number): number {
  let sum = weights[BINS] ?? 0;
  for (let bin = BINS - 1; bin >= 0; bin -= 1) {
    const from = edgeOf(bin);
    const to = edgeOf(bin + 1);
    const part = Math.min(1, Math.max(0, (to - ms) / (to - from)));
    if (part <= 0) break;
    sum += (weights[bin] ?? 0) * part;
  }
  return sum;
}
