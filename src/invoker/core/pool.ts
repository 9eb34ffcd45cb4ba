/**
 * The container pool of one invoker, sans-IO: events in, effects out.
 *
 * Intuition: the pool owns the memory of its machine and turns it into containers; an activation borrows one. Source: OpenWhisk's
 * ContainerPool and ContainerProxy (reference 4.1, 4.2). Changed: memory counts until a container is destroyed, not until
 * its destruction is ordered; a waiting head can be passed, with a bound (placement.ts); stem cells can be evicted, as they would
 * otherwise starve other kinds; failures back off by time.
 *
 * Bounded: everything by PoolOptions; per activation the work is O(1), and so are the checks after each event. `audit` checks
 * everything, for tests. docs/protocols/pool.md has the table and the invariants.
 */
import { assert } from "../../kernel/errors.ts";
import type { ActivationId, ContainerId } from "../../kernel/ids.ts";
import { type Instant, earliest, instantOf, later } from "../../kernel/instants.ts";
import { auditPool } from "./audit.ts";
import { type PooledContainer, sinceOf } from "./container.ts";
import { Inventory } from "./inventory.ts";
import { Keeping } from "./keeping.ts";
import { Lifecycle, type RunOver } from "./lifecycle.ts";
import type { PoolEffect, PoolEvent, PoolOptions } from "./messages.ts";
import { Placement } from "./placement.ts";
import { type PoolSnapshot, snapshotOf } from "./snapshot.ts";
import { Stems } from "./stems.ts";

const NOTHING: readonly PoolEffect[] = [];

export class Pool {
  readonly #options: PoolOptions;
  readonly #stems: Stems;
  readonly #inventory: Inventory;
  readonly #placement: Placement;
  readonly #lifecycle: Lifecycle;
  #effects: PoolEffect[] = [];
  #now: Instant = instantOf(0);
  #started = false;
  #drained = false;
  /** Memory, a slot or time may have made room for a stem cell since the last attempt. */
  #refillDue = false;

  constructor(options: PoolOptions) {
    assert(options.memoryMb > 0 && options.createsMax > 0, "a pool needs memory and a create slot");
    this.#options = options;
    this.#stems = new Stems(options.prewarm);
    this.#inventory = new Inventory(
      options.containerPrefix,
      this.#stems,
      options.keepAlive === "adaptive" ? new Keeping(options) : undefined,
    );
    const emit = (effect: PoolEffect) => void this.#effects.push(effect);
    const parts = { options, inventory: this.#inventory, stems: this.#stems, emit };
    this.#placement = new Placement(parts);
    this.#lifecycle = new Lifecycle(parts, this.#placement);
  }

  /** Takes one event; the effects are to be carried out in their order. Throws `InvariantError` on a defect. */
  on(event: PoolEvent, now: Instant): readonly PoolEffect[] {
    this.#begin(now);
    this.#take(event);
    return this.#finish();
  }

  /** Does what is due by now. */
  tick(now: Instant): readonly PoolEffect[] {
    this.#begin(now);
    const { pauseGraceMs } = this.#options;
    this.#expire(now);
    if (pauseGraceMs > 0) this.#pauseBefore(now - pauseGraceMs);
    this.#placement.endPatience(now);
    this.#refillDue = true;
    return this.#finish();
  }

  /** When `tick` is to be called next, unless an event comes first. */
  deadline(): Instant | undefined {
    const { pauseGraceMs } = this.#options;
    const awake = pauseGraceMs > 0 ? this.#inventory.awake.first : undefined;
    let next = earliest(this.#expiry(), this.#placement.patienceEnds);
    if (awake !== undefined) next = earliest(next, later(sinceOf(awake), pauseGraceMs));
    return this.#keepsStems() ? earliest(next, this.#stems.deadline(this.#now)) : next;
  }

  /** What the pool holds, as plain data. O(containers + waiting). */
  snapshot(): PoolSnapshot {
    return snapshotOf(this.#options, this.#inventory, this.#placement);
  }

  /** Checks every invariant from scratch. O(containers + waiting); for tests. @throws InvariantError */
  audit(): void {
    auditPool(this.#options, this.#inventory, this.#placement);
  }

  #begin(now: Instant): void {
    assert(now >= this.#now, "time went back");
    this.#now = now;
    this.#effects = [];
  }

  #take(event: PoolEvent): void {
    switch (event.kind) {
      case "activation":
        return this.#placement.accept(event.job, this.#now);
      case "ran":
        return this.#runOver(event, event.healthy ? "ran-well" : "ran-badly");
      case "withdrawn":
      case "answered":
        return this.#runOver(event, event.kind);
      case "start":
        this.#started = true;
        this.#refillDue = true;
        return;
      case "kinds":
        this.#placement.kinds = new Set(event.kinds);
        this.#refillDue = true;
        return;
      case "close":
        return this.#lifecycle.onClose();
      case "created":
      case "create-failed":
      case "initialised":
      case "init-failed":
      case "settled":
      case "paused":
      case "pause-failed":
      case "resumed":
      case "resume-failed":
      case "ended":
      case "removed":
        this.#refillDue = true;
        return this.#lifecycle.onReport(event.container, event.kind, this.#now);
    }
  }

  #runOver(event: { container: ContainerId; activation: ActivationId }, how: RunOver): void {
    this.#lifecycle.onRunOver(event.container, event.activation, how, this.#now);
  }

  #finish(): readonly PoolEffect[] {
    const { waiting } = this.#placement;
    if (waiting.size > 0) this.#placement.settle(this.#now);
    if (this.#refillDue) this.#refill();
    this.#check();
    if (this.#placement.closing && this.#inventory.containers.size === 0 && !this.#drained) {
      this.#drained = true;
      this.#effects.push({ kind: "drained" });
    }
    return this.#effects.length === 0 ? NOTHING : this.#effects;
  }

  /** The invariants that cost nothing to check: after each event, in production as well. */
  #check(): void {
    const { usedMb, removingMb, counts } = this.#inventory;
    const { waiting, inside, live } = this.#placement;
    assert(usedMb >= 0 && usedMb <= this.#options.memoryMb, "P2: containers hold more memory than there is");
    assert(removingMb >= 0 && removingMb <= usedMb, "P2: more memory comes back than is held");
    assert(live.size === inside + waiting.size, "P3: an activation is nowhere, or in two places");
    assert(counts.starting <= this.#options.createsMax, "P4: too many creations at once");
    assert(waiting.size <= this.#options.bufferMax, "P5: the buffer is over its bound");
  }

  /** Destroys what was idle for as long as it is kept, and stem cells that are no longer wanted. */
  #expire(now: Instant): void {
    const { idle, keeping } = this.#inventory;
    const next = (): PooledContainer | undefined => {
      if (keeping !== undefined) return keeping.due(now);
      return isIdleSince(idle.first, now - this.#options.idleMs) ? idle.first : undefined;
    };
    for (let one = next(); one !== undefined; one = next()) this.#placement.retire(one, "remove");
    if (!this.#keepsStems()) return;
    for (const cell of this.#stems.review(now)) this.#placement.retire(cell, "remove");
  }

  /** When {@link #expire} is to look at idle containers, at the latest. */
  #expiry(): Instant | undefined {
    const { idle, keeping } = this.#inventory;
    if (idle.first === undefined) return undefined;
    return keeping === undefined ? later(sinceOf(idle.first), this.#options.idleMs) : keeping.deadline;
  }

  #pauseBefore(instant: number): void {
    for (let next = this.#inventory.awake.first; isIdleSince(next, instant); next = this.#inventory.awake.first) {
      const { state } = next;
      assert(state.kind === "free", "only free containers are awake");
      this.#inventory.become(next, "rest", { kind: "pausing", work: state.work, since: state.since });
      this.#effects.push({ kind: "pause", container: next.id });
    }
  }

  #keepsStems(): boolean {
    return this.#started && !this.#placement.closing;
  }

  /** Makes stem cells as long as memory and slots allow and no activation waits for either. */
  #refill(): void {
    if (!this.#keepsStems()) return;
    const { kinds, waiting } = this.#placement;
    while (waiting.head === undefined && this.#placement.slotFree) {
      const stem = this.#stems.due(
        this.#now,
        ({ runtime, memoryMb }) => kinds.has(runtime) && memoryMb <= this.#placement.freeMb,
      );
      if (stem === undefined) {
        this.#refillDue = false;
        return;
      }
      const { runtime, memoryMb } = stem;
      stem.starting += 1;
      const container = this.#inventory.add({ runtime, memoryMb, work: undefined });
      this.#effects.push({ kind: "create", container: container.id, runtime, memoryMb });
    }
  }
}

function isIdleSince(container: PooledContainer | undefined, instant: number): container is PooledContainer {
  return container !== undefined && sinceOf(container) <= instant;
}
