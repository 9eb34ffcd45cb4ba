/**
 * Where an activation goes, and who waits for whom.
 *
 * Intuition: the nearest warm container, else a stem cell, else a new container, else a place in the buffer. Source: OpenWhisk's
 * ContainerPool.schedule (reference 4.2). Changed: OpenWhisk lets nobody pass a waiting head; here a warm container serves whoever
 * fits it, with a bound on patience so that the head cannot starve:
 *
 *   While memory is what the head lacks, it may be passed by activations that arrive up to `OVERTAKE_MS` after it did. From then
 *   on it is *due*: nothing starts before it, and every container that falls idle is destroyed for it, until destructions under
 *   way cover what it lacks. Runs are bounded by their time limits, so the wait is as well. Waiting for a create slot or for a
 *   destruction under way blocks nobody: warm containers take neither slots nor memory.
 *
 * An activation whose key is served by busy containers that will soon be free waits for one of them only (patience.ts), and holds
 * up nobody else.
 *
 * Bounded: the buffer by `bufferMax`, creations by `createsMax`, memory by `memoryMb`.
 * Cost: O(1) per activation; O(keys waiting) once when a due head has been satisfied.
 */
import { InvariantError, assert } from "../../kernel/errors.ts";
import type { ActivationId } from "../../kernel/ids.ts";
import { type Instant, later } from "../../kernel/instants.ts";
import { type ContainerEvent, type PooledContainer, type Work, workOf } from "./container.ts";
import { type Inventory, hasRoom } from "./inventory.ts";
import type { Job } from "./job.ts";
import type { PoolEffect, PoolOptions, Refusal } from "./messages.ts";
import { PATIENCE_MAX_MS } from "./patience.ts";
import { isBurst } from "./policy/fairness.ts";
import type { Shelf } from "./shelf.ts";
import type { Stems } from "./stems.ts";
import { WaitingJob, WaitingLine } from "./waiting.ts";

/** Milliseconds. Chosen: about two cold starts, so that destroying a busy key's container pays off before it is asked for. */
export const OVERTAKE_MS = 250;

/** What placement needs of the pool: its options, its books, and where effects go. */
export interface PlacementParts {
  readonly options: PoolOptions;
  readonly inventory: Inventory;
  readonly stems: Stems;
  readonly emit: (effect: PoolEffect) => void;
}

export class Placement {
  readonly waiting: WaitingLine = new WaitingLine();
  /** Activations the pool is responsible for. */
  readonly live: Set<ActivationId> = new Set<ActivationId>();
  /** Those of them that are in a container. */
  inside = 0;
  kinds: ReadonlySet<string> = new Set();
  closing = false;

  readonly #options: PoolOptions;
  readonly #inventory: Inventory;
  readonly #stems: Stems;
  readonly #emit: (effect: PoolEffect) => void;
  /** Somebody waits behind a due head although a container of its key has room. */
  #passedBy = false;

  constructor(parts: PlacementParts) {
    this.#options = parts.options;
    this.#inventory = parts.inventory;
    this.#stems = parts.stems;
    this.#emit = parts.emit;
  }

  /** Megabytes that no container holds. */
  get freeMb(): number {
    return this.#options.memoryMb - this.#inventory.usedMb;
  }

  get slotFree(): boolean {
    return this.#inventory.counts.starting < this.#options.createsMax;
  }

  /** Takes an activation in: places, buffers or refuses it. */
  accept(job: Job, now: Instant): void {
    assert(!this.live.has(job.id), `activation ${job.id} is in the pool already`);
    this.live.add(job.id);
    if (this.closing) return this.refuse(job, "invoker/closing");
    const blocked = this.#blocked(now);
    const patientUntil = this.#patienceOf(job, now);
    const patient = patientUntil !== undefined;
    if (!patient && !blocked && this.#placeWarm(job, now) !== undefined) return;
    if (job.memoryMb > this.#options.memoryMb) return this.refuse(job, "invoker/too-large");
    if (!this.kinds.has(job.kind)) return this.refuse(job, "invoker/kind-unavailable");
    if (!patient && !blocked && this.#placeStem(job, now) !== undefined) return;
    // Memory and create slots are the head's as long as there is one.
    if (!patient && this.waiting.head === undefined && this.#placeCold(job, now) !== undefined) return;
    if (this.waiting.size >= this.#options.bufferMax) return this.refuse(job, "invoker/buffer-full");
    if (blocked) this.#passedBy = true;
    this.waiting.push(new WaitingJob(job, this.#inventory.shelf(job), now), patientUntil);
  }

  /** Takes no more, and gives back who waits. */
  close(): void {
    this.closing = true;
    for (const entry of Array.from(this.waiting)) {
      this.waiting.remove(entry);
      this.#inventory.tidy(entry.shelf);
      this.refuse(entry.job, "invoker/closing");
    }
  }

  /** An activation that was in a container is none of the pool's any more. */
  forget(activation: ActivationId): void {
    this.live.delete(activation);
    this.inside -= 1;
  }

  /** Takes jobs back whose container was lost before they began: they go before everybody else. */
  takeBack(jobs: readonly Job[], now: Instant): void {
    for (const job of jobs.toReversed()) {
      this.inside -= 1;
      if (this.closing) this.refuse(job, "invoker/closing");
      else if (this.waiting.size >= this.#options.bufferMax) this.refuse(job, "invoker/buffer-full");
      else this.waiting.unshift(new WaitingJob(job, this.#inventory.shelf(job), now));
    }
  }

  /** Gives the room in a container to those of its key who wait, oldest first. */
  feed(container: PooledContainer, now: Instant): void {
    const work = workOf(container.state);
    if (work === undefined || work.shelf.waiting.size === 0) return;
    for (let next = work.shelf.waiting.first; next !== undefined && hasRoom(work); next = work.shelf.waiting.first) {
      if (next !== this.waiting.head && this.#blocked(now)) {
        this.#passedBy = true;
        return;
      }
      this.waiting.remove(next);
      this.#assign(container, next.job, now);
    }
  }

  /** Serves the head, and the next one, as long as anything can be done for it. To be called after every change. */
  settle(now: Instant): void {
    this.#endOrphansPatience();
    this.#servePatient(now);
    for (let head = this.waiting.head; head !== undefined; head = this.waiting.head) {
      const patientUntil = this.#patienceOf(head.job, now, head);
      if (patientUntil !== undefined) {
        this.waiting.setPatient(head, patientUntil);
        continue;
      }
      const warm = this.#placeWarm(head.job, now);
      const container = warm ?? this.#placeStem(head.job, now) ?? this.#placeCold(head.job, now);
      if (container === undefined) break;
      this.waiting.remove(head);
      this.feed(container, now);
    }
    this.#claim(now);
    if (this.#passedBy && !this.#blocked(now)) this.#feedAll(now);
  }

  /** Gives up on those who have been patient for too long: they take what they can get. */
  endPatience(now: Instant): void {
    for (let next = this.waiting.firstPatient; next !== undefined; next = this.waiting.firstPatient) {
      if (now < next.patientUntil) return;
      this.waiting.setPatient(next, undefined);
    }
  }

  /** When {@link endPatience} has something to do. */
  get patienceEnds(): Instant | undefined {
    return this.waiting.firstPatient?.patientUntil;
  }

  /** Begins a container's destruction. */
  retire(container: PooledContainer, event: ContainerEvent): void {
    this.#inventory.become(container, event, { kind: "removing" });
    this.#emit({ kind: "destroy", container: container.id });
  }

  /** Ends an activation that is in no container. */
  refuse(job: Job, code: Refusal): void {
    this.live.delete(job.id);
    this.#emit({ kind: "refuse", activation: job.id, code });
  }

  /** True while nothing may start before the head. */
  #blocked(now: Instant): boolean {
    const { head } = this.waiting;
    return head !== undefined && now - head.since >= OVERTAKE_MS && this.slotFree && this.#lackMb(head.job) > 0;
  }

  /** Megabytes that are neither free nor about to be. */
  #lackMb(job: Job): number {
    return job.memoryMb - this.freeMb - this.#inventory.removingMb;
  }

  /** Destroys idle containers, oldest first, for a head that lacks memory: all it needs, or, when it is due, all there is. */
  #claim(now: Instant): void {
    const { head } = this.waiting;
    if (head === undefined || !this.slotFree) return;
    let lackMb = this.#lackMb(head.job);
    if (lackMb <= 0 || (this.#inventory.evictableMb < lackMb && !this.#blocked(now))) return;
    while (lackMb > 0) {
      const victim = this.#victim(now) ?? this.#inventory.cells.first;
      if (victim === undefined) return;
      lackMb -= victim.memoryMb;
      this.retire(victim, "remove");
    }
  }

  /** The idle container to destroy first, if there is one. */
  #victim(now: Instant): PooledContainer | undefined {
    const { idle, keeping, owners, patience } = this.#inventory;
    if (keeping === undefined) return idle.first;
    return keeping.victim(idle, now, { namespaces: owners.size, meanStartMs: (kind) => patience.meanStartMs(kind) });
  }

  /** It holds what it is entitled to, its next container would cost others theirs, and its own are about to be free. */
  #isBurst(job: Job, shelf: Shelf): boolean {
    const { keeping, owners, removingMb } = this.#inventory;
    if (keeping === undefined || shelf.idle.size > 0 || shelf.warming.size > 0) return false;
    if ((this.#stems.find(job.kind, job.memoryMb)?.cells.size ?? 0) > 0) return false;
    const growth = { needMb: job.memoryMb, freeMb: this.freeMb + removingMb, busy: shelf.members };
    return isBurst(keeping.holdingOf(shelf, owners.size), growth);
  }

  #feedAll(now: Instant): void {
    this.#passedBy = false;
    for (const shelf of this.waiting.shelves()) {
      for (let next = shelf.waiting.first; next !== undefined; next = shelf.waiting.first) {
        if (this.#placeWarm(next.job, now) === undefined) break;
        this.waiting.remove(next);
      }
    }
    assert(!this.#blocked(now), "warm starts took memory from the head");
  }

  /** As many short runs go on as the machine takes. */
  #coresTaken(now: Instant): boolean {
    return this.#inventory.sprintsFill(this.#options.parallelism, now);
  }

  /** A core is free again, and who waits for one has an idle container. */
  #servePatient(now: Instant): void {
    for (let next = this.waiting.firstPatient; next !== undefined; next = this.waiting.firstPatient) {
      if (next.shelf.idle.size === 0 || this.#coresTaken(now) || this.#blocked(now)) return;
      const first = next.shelf.waiting.first ?? next;
      this.waiting.remove(first);
      this.#placeWarm(first.job, now);
    }
  }

  /** There is no container left to be patient for. */
  #endOrphansPatience(): void {
    if (this.#inventory.orphaned.length === 0) return;
    for (const shelf of this.#inventory.orphaned) {
      for (const entry of Array.from(shelf.waiting)) this.waiting.setPatient(entry, undefined);
    }
    this.#inventory.orphaned = [];
  }

  /** Until when an activation, new or waiting already, had better wait for a busy container of its key; undefined when not. */
  #patienceOf(job: Job, now: Instant, entry?: WaitingJob): Instant | undefined {
    const shelf = entry?.shelf ?? this.#inventory.shelves.get(job.key);
    if (shelf === undefined || shelf.roomy.size > 0) return undefined;
    const { patience } = this.#inventory;
    const since = entry?.since ?? now;
    // Of those who wait, a head counts all but itself as before it: it is asked before any of them is served.
    const before = shelf.waiting.size - (entry === undefined ? 0 : 1);
    const question = { shelf, since, now, before, coresTaken: this.#coresTaken(now) };
    if (patience.isWorthwhile(job, question)) return patience.ends(job.kind, since);
    const burstEnds = later(since, PATIENCE_MAX_MS);
    return now < burstEnds && this.#isBurst(job, shelf) ? burstEnds : undefined;
  }

  #placeWarm(job: Job, now: Instant): PooledContainer | undefined {
    const shelf = this.#inventory.shelves.get(job.key);
    if (shelf === undefined) return undefined;
    // A busy container with room first: it was used most recently, and packing lets the idle ones time out. One that is about to be
    // free comes before an idle one only where the cores are taken.
    const settling = this.#coresTaken(now) ? shelf.warming.first : undefined;
    const container = shelf.roomy.last ?? settling ?? shelf.idle.last ?? shelf.warming.first;
    if (container !== undefined) this.#assign(container, job, now);
    return container;
  }

  #placeStem(job: Job, now: Instant): PooledContainer | undefined {
    const stem = this.#stems.find(job.kind, job.memoryMb);
    const cell = stem?.cells.first;
    if (stem === undefined || cell === undefined) return undefined;
    this.inside += 1;
    const work = this.#workFor(job);
    this.#onStart(job, work.shelf, now);
    this.#inventory.become(cell, "assign", { kind: "initialising", work, first: job });
    this.#stems.onUsed(stem, now);
    this.#emit({ kind: "init", container: cell.id, activation: job.id });
    return cell;
  }

  #placeCold(job: Job, now: Instant): PooledContainer | undefined {
    if (!this.slotFree || job.memoryMb > this.freeMb) return undefined;
    this.inside += 1;
    const { memoryMb, kind: runtime } = job;
    const work = this.#workFor(job);
    this.#onStart(job, work.shelf, now);
    const container = this.#inventory.add({ runtime, memoryMb, work });
    container.orderedAt = now;
    this.#emit({ kind: "create", container: container.id, runtime, memoryMb, activation: job.id });
    return container;
  }

  /** What the policies learn from an activation that no container of its key was there for. */
  #onStart(job: Job, shelf: Shelf, now: Instant): void {
    const { keeping, patience } = this.#inventory;
    if (keeping === undefined) return;
    keeping.onMissed(shelf, now);
    this.#stems.onDemand(job, { now, startMs: patience.meanStartMs(job.kind), poolMb: this.#options.memoryMb });
  }

  #workFor(job: Job): Work {
    const { key, concurrency } = job;
    return { key, shelf: this.#inventory.shelf(job), concurrency, jobs: new Map([[job.id, job]]) };
  }

  /** The one place where an activation enters a container that belongs to somebody: A2 is guarded here. */
  #assign(container: PooledContainer, job: Job, now: Instant): void {
    const { state } = container;
    const work = workOf(state);
    assert(work !== undefined && work.key === job.key, "A2: a container may serve its own key only");
    assert(hasRoom(work), "a container is full");
    this.inside += 1;
    if ("since" in state && work.jobs.size === 0) this.#inventory.keeping?.onReused(work.shelf, now - state.since);
    work.jobs.set(job.id, job);
    switch (state.kind) {
      case "free":
      case "running":
        container.runSince = now;
        this.#inventory.become(container, "assign", { kind: "running", work });
        this.#emit({ kind: "run", container: container.id, activation: job.id });
        return;
      case "paused":
        this.#inventory.become(container, "assign", { kind: "resuming", work });
        this.#emit({ kind: "resume", container: container.id });
        return;
      case "starting":
      case "initialising":
      case "settling":
      case "pausing":
      case "resuming":
        this.#inventory.become(container, "assign", state);
        return;
      case "prewarmed":
      case "draining":
      case "removing":
      case "gone":
        throw new InvariantError(`an activation cannot enter a container that is ${state.kind}`);
    }
  }
}
