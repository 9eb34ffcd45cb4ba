/**
 * Whether an activation had better wait for a busy container of its key than take an idle one, a stem cell or a new one.
 *
 * Intuition: a run of half a millisecond is over long before anything else could begin. Two things are worth a short wait:
 *
 * - *A new container.* Starting one costs the machine as much as a hundred such runs. So who finds all containers of its key busy
 *   waits as long as the wait is expected to be a fraction of what a start takes.
 * - *A turn on a core.* Where as many short runs go on as the machine takes at once (`parallelism`), one more only shares
 *   their cores, and waking another process costs more than the run. Waiting in our line is cheaper than in the kernel's.
 *
 * The yardstick is the kind's own cold start as last measured, not a constant: on a machine that is short of cores runs and starts
 * become slow together, and a constant would then answer slowness with more processes.
 *
 * An expectation can be wrong: after twice the patience the activation takes what it can get, so the price is bounded (ski
 * rental: rent until it has cost as much as buying; Karlin, Manasse, Rudolph, Sleator 1988).
 *
 * Expected wait: those before it in the line of its key and itself, times the mean run of the key, shared by the containers that will
 * serve them. Means are exponential (1/8 for the newest, as in TCP's round-trip estimate, RFC 6298). Actions with
 * concurrency above 1 are left out: their containers take many at once.
 *
 * Measured when it came, 32 clients of an empty action on two cores: 2,200 calls a second in 32 containers before, 8,400 in six after.
 * `npm run bench -- --only=warm` has today's figures.
 */
import { type Instant, later } from "../../kernel/instants.ts";
import type { Job } from "./job.ts";
import type { Shelf } from "./shelf.ts";

/** Milliseconds, while no start was measured and at least. Chosen: the init of a small action in a stem cell takes 3 to 5. */
export const PATIENCE_MIN_MS = 5;
/** Chosen: as long as OVERTAKE_MS, so that patience never holds up memory for longer than a head may be passed. */
export const PATIENCE_MAX_MS = 250;
/** A container that is started serves many after the one that waited for it, so only a part of its price is worth waiting for. */
const START_SHARE = 1 / 4;
const NEWEST_SHARE = 1 / 8;

/** What is asked about one activation. */
export interface PatienceQuestion {
  readonly shelf: Shelf;
  /** When it came. */
  readonly since: Instant;
  readonly now: Instant;
  /** Activations of the key that wait before this one. */
  readonly before: number;
  /** As many short runs go on as the machine takes at once. */
  readonly coresTaken: boolean;
}

/** The pool's measurements of starts, and what follows from them. Bounded by the kinds there are. */
export class Patience {
  readonly #meanStartMs = new Map<string, number>();

  /** A container of this kind was made and initialised in `ms`. */
  onStarted(kind: string, ms: number): void {
    this.#meanStartMs.set(kind, meanOf(this.#meanStartMs.get(kind), ms));
  }

  /** Milliseconds that a cold start of this kind takes, as far as was measured. */
  meanStartMs(kind: string): number | undefined {
    return this.#meanStartMs.get(kind);
  }

  /** Milliseconds that a wait for a busy container of this kind may be expected to take. */
  limitMs(kind: string): number {
    const start = this.#meanStartMs.get(kind) ?? 0;
    return Math.min(PATIENCE_MAX_MS / 2, Math.max(PATIENCE_MIN_MS, start * START_SHARE));
  }

  /** When the expectation of whoever came at `since` was wrong. */
  ends(kind: string, since: Instant): Instant {
    return later(since, 2 * this.limitMs(kind));
  }

  /** True when the activation had better wait for a busy container of its key. */
  isWorthwhile(job: Job, { shelf, since, now, before, coresTaken }: PatienceQuestion): boolean {
    if (job.concurrency > 1 || shelf.meanRunMs === undefined || now >= this.ends(job.kind, since)) return false;
    if (shelf.idle.size > 0 && !coresTaken) return false;
    const serving = shelf.members - shelf.idle.size;
    return serving > 0 && ((before + 1) * shelf.meanRunMs) / serving <= this.limitMs(job.kind);
  }

  /** True for runs that are worth waiting for, and are taken for work of a core rather than waits for others. */
  isShort(kind: string, { shelf, concurrency }: { readonly shelf: Shelf; readonly concurrency: number }): boolean {
    return concurrency === 1 && shelf.meanRunMs !== undefined && shelf.meanRunMs <= this.limitMs(kind);
  }
}

/** A mean after one more value. */
export function meanOf(mean: number | undefined, value: number): number {
  return mean === undefined ? value : mean + (value - mean) * NEWEST_SHARE;
}
