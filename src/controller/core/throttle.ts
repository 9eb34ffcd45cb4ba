/**
 * How many requests each namespace made in the last minute.
 *
 * OpenWhisk counts fixed wall-clock minutes and counts refused requests too, so that a client that retries stays locked out and is
 * told a number that is not its own. Here the minute slides: sixty slots of a second each, refused requests are not counted, and a
 * refusal says when the next request will pass. A client that waits a whole minute finds its full limit again, as in OpenWhisk.
 *
 * Bounded: `namespacesMax` namespaces of 60 counters; beyond it the one that asked longest ago is forgotten, in its favour.
 */
import type { Instant } from "../../kernel/instants.ts";

const WINDOW_MS = 60_000;
const SLOTS = 60;
const SLOT_MS = WINDOW_MS / SLOTS;

/** What a check says. `count` includes the request that asks. */
export type RateVerdict =
  | { readonly kind: "allowed" }
  | { readonly kind: "refused"; readonly count: number; readonly retryAfterMs: number };

interface Window {
  readonly slots: Uint32Array;
  /** The newest slot, in whole seconds since the clock's origin. */
  newest: number;
  total: number;
}

const ALLOWED: RateVerdict = { kind: "allowed" };

/** Requests per minute, by namespace. */
export class RateThrottle {
  readonly #windows = new Map<string, Window>();
  readonly #namespacesMax: number;

  constructor(options: { readonly namespacesMax: number }) {
    this.#namespacesMax = options.namespacesMax;
  }

  /** Namespaces remembered now. */
  get size(): number {
    return this.#windows.size;
  }

  /** Whether one more request passes under `limit` per minute. Changes no count. */
  check(namespace: string, limit: number, now: Instant): RateVerdict {
    const window = this.#windows.get(namespace);
    if (window === undefined) {
      return limit > 0 ? ALLOWED : { kind: "refused", count: 1, retryAfterMs: WINDOW_MS };
    }
    advance(window, now);
    if (window.total < limit) return ALLOWED;
    return { kind: "refused", count: window.total + 1, retryAfterMs: waitFor(window, limit, now) };
  }

  /** Counts one request that passed. */
  take(namespace: string, now: Instant): void {
    let window = this.#windows.get(namespace);
    if (window === undefined) {
      window = { slots: new Uint32Array(SLOTS), newest: slotOf(now), total: 0 };
      this.#windows.set(namespace, window);
      this.#evict();
    } else if (advance(window, now)) {
      // Once a second is often enough to keep the map in the order of use.
      this.#windows.delete(namespace);
      this.#windows.set(namespace, window);
    }
    const slot = window.newest % SLOTS;
    window.slots[slot] = (window.slots[slot] ?? 0) + 1;
    window.total += 1;
  }

  #evict(): void {
    if (this.#windows.size <= this.#namespacesMax) return;
    const oldest = this.#windows.keys().next();
    if (oldest.done !== true) this.#windows.delete(oldest.value);
  }
}

function slotOf(now: Instant): number {
  return Math.floor(now / SLOT_MS);
}

/** Drops what is older than the window; true when a slot passed. */
function advance(window: Window, now: Instant): boolean {
  const current = slotOf(now);
  const passed = current - window.newest;
  if (passed <= 0) return false;
  if (passed >= SLOTS) {
    window.slots.fill(0);
    window.total = 0;
  } else {
    for (let slot = window.newest + 1; slot <= current; slot += 1) {
      window.total -= window.slots[slot % SLOTS] ?? 0;
      window.slots[slot % SLOTS] = 0;
    }
  }
  window.newest = current;
  return true;
}

/** Milliseconds until so much has left the window that one more passes. */
function waitFor(window: Window, limit: number, now: Instant): number {
  if (limit <= 0) return WINDOW_MS;
  let surplus = window.total - limit + 1;
  for (let slot = window.newest - SLOTS + 1; slot <= window.newest; slot += 1) {
    surplus -= window.slots[((slot % SLOTS) + SLOTS) % SLOTS] ?? 0;
    if (surplus <= 0) return Math.max(1, (slot + SLOTS) * SLOT_MS - now);
  }
  return WINDOW_MS;
}
