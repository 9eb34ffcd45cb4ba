/**
 * How long each idle container is kept under `keepAlive: adaptive`, and which one goes when memory is short.
 *
 * Intuition: policy/ decides; this remembers. An action's idle times outlive its containers, as otherwise the rare ones, for which
 * the decision matters most, would never be known. Containers with the same window stand in one line, first idle first, so that the next
 * to expire is the first of some line. Sources are named in policy/idle-times.ts, keep-alive.ts and eviction.ts.
 *
 * Bounded: idle times by the shelves there are and {@link DORMANT_MAX}; lines by the bins of the histogram.
 * Cost: O(1) per use of a container; O(bins) when its action's idle times have changed by an eighth, and per tick.
 */
import { assert } from "../../kernel/errors.ts";
import { type Instant, instantOf, later } from "../../kernel/instants.ts";
import { type PooledContainer, sinceOf, workOf } from "./container.ts";
import type { PoolKey } from "./job.ts";
import { Line } from "./line.ts";
import { BINS, IDLE_MIN_MS, IdleTimes, edgeOf, mixtureOf, unknownIdleTimes } from "./policy/idle-times.ts";
import { CANDIDATES_MAX, type Candidate, reuseChanceOf, victimOf } from "./policy/eviction.ts";
import { entitledMb, isOverShare } from "./policy/fairness.ts";
import { keepBinOf, priceOf, shortageOf } from "./policy/keep-alive.ts";
import type { Shelf } from "./shelf.ts";

/** Keys without containers whose idle times are remembered, the latest ones. Chosen: some 2 MB. */
export const DORMANT_MAX = 8192;
/** Observations of one action that go into what is known of all: a busy one is not to speak for the others. Chosen. */
const SHARED_MAX = 8;
/** Milliseconds that a start is taken to last before one of its kind was measured. Chosen; it orders kinds only. */
const START_MS = 100;

/** What is remembered of one key. */
export class Pattern {
  readonly own: IdleTimes = new IdleTimes();
  /** Observations so far, and when its window was computed. */
  seen = 0;
  computedAt = -1;
  /** What the window was computed for; see `shortageOf`. */
  shortage = 0;
  /** The window, as a bin of the histogram. */
  bin = 0;
  /** Since when the container that was let go last had been idle, while nobody has missed it. */
  lostSince: Instant | undefined;
}

/** What is known beyond the shelf of the container in question. */
export interface Circumstances {
  /** Namespaces with a shelf. */
  readonly namespaces: number;
  readonly meanStartMs: (kind: string) => number | undefined;
}

export class Keeping {
  readonly #idleMs: number;
  readonly #memoryMb: number;
  readonly #all: IdleTimes = unknownIdleTimes();
  readonly #dormant = new Map<PoolKey, Pattern>();
  /** Idle containers by window, first idle first. */
  readonly #lines: readonly Line<PooledContainer>[] = Array.from({ length: BINS + 1 }, () => new Line());
  readonly #edges: readonly number[] = Array.from({ length: BINS + 1 }, (_, bin) => edgeOf(bin));
  /** No container expires before. It may be too early, as one that is used again does not move it. */
  #dueAt: Instant = instantOf(Number.POSITIVE_INFINITY);

  constructor({ idleMs, memoryMb }: { readonly idleMs: number; readonly memoryMb: number }) {
    this.#idleMs = idleMs;
    this.#memoryMb = memoryMb;
  }

  /** What is remembered of a key that gets a shelf. */
  wake(key: PoolKey): Pattern {
    const pattern = this.#dormant.get(key) ?? new Pattern();
    this.#dormant.delete(key);
    pattern.computedAt = -1;
    return pattern;
  }

  /** A key has no shelf any more. */
  rest({ key, pattern }: Shelf): void {
    if (pattern === undefined) return;
    this.#dormant.set(key, pattern);
    if (this.#dormant.size <= DORMANT_MAX) return;
    for (const [oldest, { lostSince }] of this.#dormant) {
      this.#dormant.delete(oldest);
      // It never came back: that is worth knowing of those who come next.
      if (lostSince !== undefined) this.#all.observe(Number.POSITIVE_INFINITY);
      return;
    }
  }

  /** An idle container is used again. */
  onReused({ pattern }: Shelf, idledMs: number): void {
    if (pattern !== undefined && idledMs >= IDLE_MIN_MS) this.#observe(pattern, idledMs);
  }

  /** An activation found no container: one that was let go would have been idle until now. */
  onMissed({ pattern }: Shelf, now: Instant): void {
    if (pattern?.lostSince === undefined) return;
    this.#observe(pattern, now - pattern.lostSince);
    pattern.lostSince = undefined;
  }

  /** An idle container is let go. */
  onLost({ pattern }: Shelf, since: Instant): void {
    if (pattern !== undefined && (pattern.lostSince ?? since) <= since) pattern.lostSince = since;
  }

  /** A container falls idle while `usedMb` are held by all. */
  file(container: PooledContainer, usedMb: number): void {
    const pattern = workOf(container.state)?.shelf.pattern;
    assert(pattern !== undefined, "an idle container has no pattern");
    const shortage = shortageOf(usedMb / this.#memoryMb);
    if (isStale(pattern) || pattern.shortage !== shortage) {
      const price = { idleMs: this.#idleMs, memoryMb: container.memoryMb, fill: usedMb / this.#memoryMb };
      pattern.bin = keepBinOf(mixtureOf(pattern.own, this.#all), priceOf(price));
      pattern.computedAt = pattern.seen;
      pattern.shortage = shortage;
    }
    container.expiry.moveTo(this.#lines[pattern.bin]);
    const at = this.#expiryOf(container, pattern.bin);
    if (at < this.#dueAt) this.#dueAt = at;
  }

  /** A container whose time is over. It is to be removed before the next is asked for. */
  due(now: Instant): PooledContainer | undefined {
    if (now < this.#dueAt) return undefined;
    let next = instantOf(Number.POSITIVE_INFINITY);
    for (const [bin, { first }] of this.#lines.entries()) {
      if (first === undefined) continue;
      const at = this.#expiryOf(first, bin);
      if (at <= now) return first;
      if (at < next) next = at;
    }
    this.#dueAt = next;
    return undefined;
  }

  /** When {@link due} is to be asked, at the latest; only while a container is idle. */
  get deadline(): Instant {
    return this.#dueAt;
  }

  /** Of those that are idle longest the one that is missed least. */
  victim(idle: Iterable<PooledContainer>, now: Instant, circumstances: Circumstances): PooledContainer | undefined {
    const containers: PooledContainer[] = [];
    for (const container of idle) {
      containers.push(container);
      if (containers.length === CANDIDATES_MAX) break;
    }
    if (containers.length === 0) return undefined;
    return containers[victimOf(containers.map((one) => this.#candidateOf(one, now, circumstances)))];
  }

  /** What an action holds beside what it is entitled to. */
  holdingOf(shelf: Shelf, namespaces: number): Parameters<typeof isOverShare>[0] {
    const share = { capacityMb: this.#memoryMb, namespaces, actions: shelf.owner.shelves };
    return { heldMb: shelf.heldMb, containers: shelf.members, entitledMb: entitledMb(share) };
  }

  #candidateOf(container: PooledContainer, now: Instant, circumstances: Circumstances): Candidate {
    const shelf = workOf(container.state)?.shelf;
    assert(shelf !== undefined, "an idle container is nobody's");
    const { memoryMb, runtime } = container;
    const weights = mixtureOf(shelf.pattern?.own, this.#all);
    return {
      reuseChance: reuseChanceOf(weights, now - sinceOf(container), this.#idleMs),
      startMs: circumstances.meanStartMs(runtime) ?? START_MS,
      memoryMb,
      overShare: isOverShare(this.holdingOf(shelf, circumstances.namespaces)),
    };
  }

  #observe(pattern: Pattern, ms: number): void {
    if (ms < IDLE_MIN_MS) return;
    pattern.own.observe(ms);
    if (pattern.seen < SHARED_MAX) this.#all.observe(ms);
    pattern.seen += 1;
  }

  #expiryOf(container: PooledContainer, bin: number): Instant {
    return later(sinceOf(container), this.#edges[bin] ?? IDLE_MIN_MS);
  }
}

/** Its idle times have changed by an eighth since its window was computed, and by eight at most. */
function isStale({ seen, computedAt }: Pattern): boolean {
  return computedAt < 0 || seen - computedAt > Math.min(8, computedAt / 8);
}
