/**
 * How long containers of one action stand idle between two uses: a histogram.
 *
 * Intuition: what an action did lately is the best guess of what it will do next, and most actions are too rare or too regular
 * for one timeout that fits all. Source: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, section 4.2: a histogram of
 * idle times per application with a limited range and a count of what lies beyond it. Changed: bins are a quarter of an octave wide, so
 * that 1 s and 4 h are told equally well in 56 of them instead of 240 minutes; newer observations weigh more, where the paper keeps
 * all; and idle times under a second are not counted at all: whatever is decided, a container is kept for that long, so
 * they change no decision, and a hot action pays nothing for the books.
 *
 * Bounded: 57 numbers of 4 bytes. Cost: O(1) per observation.
 */
import { assert } from "../../../kernel/errors.ts";

/** Milliseconds. A container is kept for at least as long: less would destroy it between two calls of one client. Chosen. */
export const IDLE_MIN_MS = 1000;
const BINS_PER_OCTAVE = 4;
/** From 1 s to 4.5 h: the paper's range is 4 h. */
export const BINS: number = 14 * BINS_PER_OCTAVE;
/** Observations after which all of them count half: an action that changes its ways is known anew after some dozens. Chosen. */
const HALVE_AT = 64;
/** The same for what is known of all actions together. Chosen. */
const HALVE_ALL_AT = 1024;

export class IdleTimes {
  /** Weight by bin; the last one is of all that lay beyond the range. */
  readonly weights: Float32Array = new Float32Array(BINS + 1);
  /** The sum of them. */
  total = 0;
  readonly #halveAt: number;

  constructor(halveAt: number = HALVE_AT) {
    this.#halveAt = halveAt;
  }

  /** A container was wanted again (or would have been) after `ms` of idleness. */
  observe(ms: number): void {
    assert(ms >= 0, "an idle time is not negative");
    if (ms < IDLE_MIN_MS) return;
    const bin = binOf(ms);
    this.weights[bin] = (this.weights[bin] ?? 0) + 1;
    this.total += 1;
    if (this.total < this.#halveAt) return;
    this.total = 0;
    for (const [at, weight] of this.weights.entries()) {
      this.weights[at] = weight / 2;
      this.total += weight / 2;
    }
  }
}

/** The bin of an idle time of at least {@link IDLE_MIN_MS}; {@link BINS} when it is beyond the range. */
export function binOf(ms: number): number {
  assert(ms >= IDLE_MIN_MS, "too short to have a bin");
  return Math.min(BINS, Math.floor(Math.log2(ms / IDLE_MIN_MS) * BINS_PER_OCTAVE));
}

/** Milliseconds at which a bin begins, and the one before it ends. */
export function edgeOf(bin: number): number {
  return IDLE_MIN_MS * 2 ** (bin / BINS_PER_OCTAVE);
}

/**
 * What is known of an action with few observations: its own ones and `share` of one that is spread as those of all actions are.
 * With many observations of its own the rest fades out, except where the action itself says nothing: beyond what it was ever seen to do.
 */
export function mixtureOf(own: IdleTimes | undefined, all: IdleTimes): Float32Array {
  const mixture = new Float32Array(BINS + 1);
  const share = all.total > 0 ? PRIOR_WEIGHT / all.total : 0;
  for (const [at, weight] of all.weights.entries()) mixture[at] = weight * share + (own?.weights[at] ?? 0);
  return mixture;
}

/** Observations that what is known of all actions counts for. Chosen: two of its own outweigh it. */
export const PRIOR_WEIGHT = 1;

/** Observations that this expectation counts for until there are real ones. Chosen. */
const UNKNOWN_WEIGHT = 8;

/**
 * What to expect before anything was seen: as likely in one octave as in the next, and one in four never again. Read off the
 * published rates (ATC 2020, figure 5a): over half of all functions are called less than hourly, spread over decades.
 */
export function unknownIdleTimes(): IdleTimes {
  const all = new IdleTimes(HALVE_ALL_AT);
  all.weights.fill((UNKNOWN_WEIGHT * 3) / (4 * BINS), 0, BINS);
  all.weights[BINS] = UNKNOWN_WEIGHT / 4;
  all.total = UNKNOWN_WEIGHT;
  return all;
}
