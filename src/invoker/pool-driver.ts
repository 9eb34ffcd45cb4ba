import type { Clock } from "../kernel/clock.ts";
import type { Instant } from "../kernel/instants.ts";
import type { PoolEffect, PoolEvent } from "./core/messages.ts";
import type { Pool } from "./core/pool.ts";
import type { PoolSnapshot } from "./core/snapshot.ts";

/** Longest wait `setTimeout` takes; a later deadline finds nothing to do and arms again. */
const TIMER_MS_MAX = 2_147_483_647;

/**
 * Feeds a pool one input at a time, carries out its effects in order, and keeps its one timer. What effects bring about at once
 * waits its turn: the inbox is bounded by the effects of one input.
 */
export class PoolDriver {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #apply: (effect: PoolEffect) => void;
  readonly #inbox: (PoolEvent | "tick")[] = [];
  #stepping = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #armedAt: Instant | undefined;

  constructor(pool: Pool, clock: Clock, apply: (effect: PoolEffect) => void) {
    this.#pool = pool;
    this.#clock = clock;
    this.#apply = apply;
  }

  /**
   * Takes an input. A broken invariant is thrown where nobody catches it, so that the process ends as STYLE.md section 6 asks:
   * the pool's books cannot be trusted any more.
   */
  step(input: PoolEvent | "tick"): void {
    if (this.#stopped) return;
    this.#inbox.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        const now = this.#clock.now();
        for (const effect of next === "tick" ? this.#pool.tick(now) : this.#pool.on(next, now)) this.#apply(effect);
      }
      this.#arm();
    } catch (error) {
      this.stop();
      queueMicrotask(() => {
        throw error;
      });
    } finally {
      this.#stepping = false;
    }
  }

  snapshot(): PoolSnapshot {
    return this.#pool.snapshot();
  }

  /** Takes nothing more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** A timer that is too early is left: it finds nothing to do and arms again. So a busy pool sets one per grace, not per run. */
  #arm(): void {
    const deadline = this.#pool.deadline();
    if (deadline === undefined || this.#stopped) return;
    if (this.#armedAt !== undefined && this.#armedAt <= deadline) return;
    clearTimeout(this.#timer);
    this.#armedAt = deadline;
    const waitMs = Math.min(Math.max(0, Math.ceil(deadline - this.#clock.now())), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#armedAt = undefined;
      this.step("tick");
    }, waitMs);
  }
}
