/**
 * The pool's books: which containers there are, where each may be found, and what they hold.
 *
 * Intuition: `become` is the only way a container changes state. It asks the machine whether it may, then keeps the lines and
 * the sums right, so that the pool's policy reads lines and never edits them.
 *
 * Bounded: containers by the memory budget (each holds at least 1 MB), shelves by containers and waiting activations.
 * Cost: O(1) for every call.
 */
import { assert } from "../../kernel/errors.ts";
import { type ContainerId, asId } from "../../kernel/ids.ts";
import type { Instant } from "../../kernel/instants.ts";
import {
  type ContainerEvent,
  type ContainerState,
  PooledContainer,
  type StateKind,
  type Work,
  mayBecome,
  workOf,
} from "./container.ts";
import type { Job, PoolKey } from "./job.ts";
import type { Keeping } from "./keeping.ts";
import { Line } from "./line.ts";
import { Patience } from "./patience.ts";
import { type Owner, Shelf } from "./shelf.ts";
import type { Stems } from "./stems.ts";

export class Inventory {
  readonly containers: Map<ContainerId, PooledContainer> = new Map<ContainerId, PooledContainer>();
  readonly shelves: Map<PoolKey, Shelf> = new Map<PoolKey, Shelf>();
  /** Namespaces that have shelves. */
  readonly owners: Map<string, Owner> = new Map<string, Owner>();
  /** Present where containers are kept by their actions' idle times. */
  readonly keeping: Keeping | undefined;
  /** Idle warm containers, oldest first: the order of eviction and of idle timeouts. */
  readonly idle: Line<PooledContainer> = new Line<PooledContainer>();
  /** Stem cells, oldest first: evicted when nothing idle is left. */
  readonly cells: Line<PooledContainer> = new Line<PooledContainer>();
  /** Free and not yet pausing, oldest first: the order of pauses. */
  readonly awake: Line<PooledContainer> = new Line<PooledContainer>();
  readonly patience: Patience = new Patience();
  /** Containers in a run that is expected to be short, in the order in which they began. */
  readonly sprinting: Line<PooledContainer> = new Line<PooledContainer>();
  /** How many containers are in each state. */
  readonly counts: Record<StateKind, number> = {
    starting: 0,
    prewarmed: 0,
    initialising: 0,
    free: 0,
    running: 0,
    settling: 0,
    draining: 0,
    pausing: 0,
    paused: 0,
    resuming: 0,
    removing: 0,
    gone: 0,
  };
  /** Shelves that lost their last container while somebody waits for one of them. Emptied after each event. */
  orphaned: Shelf[] = [];
  /** Memory of all containers, in any state. */
  usedMb = 0;
  /** Memory that comes back when pending destructions are done. */
  removingMb = 0;
  /** Memory of containers in {@link idle} and {@link cells}. */
  evictableMb = 0;

  readonly #prefix: string;
  readonly #stems: Stems;
  #made = 0;

  constructor(prefix: string, stems: Stems, keeping?: Keeping) {
    this.#prefix = prefix;
    this.#stems = stems;
    this.keeping = keeping;
  }

  /** The shelf of a job's key, made when there is none. */
  shelf({ key, namespace }: Job): Shelf {
    let shelf = this.shelves.get(key);
    if (shelf === undefined) {
      let owner = this.owners.get(namespace);
      if (owner === undefined) {
        owner = { name: namespace, shelves: 0 };
        this.owners.set(namespace, owner);
      }
      owner.shelves += 1;
      shelf = new Shelf(key, owner, this.keeping?.wake(key));
      this.shelves.set(key, shelf);
    }
    return shelf;
  }

  /** Lets go of a shelf that nobody needs. */
  tidy(shelf: Shelf): void {
    if (!shelf.empty || !this.shelves.delete(shelf.key)) return;
    shelf.owner.shelves -= 1;
    if (shelf.owner.shelves === 0) this.owners.delete(shelf.owner.name);
    this.keeping?.rest(shelf);
  }

  /** A new container in state `starting`, with its memory taken. */
  add(spec: { readonly runtime: string; readonly memoryMb: number; readonly work: Work | undefined }): PooledContainer {
    this.#made += 1;
    const container = new PooledContainer(asId<ContainerId>(`${this.#prefix}-${this.#made}`), spec);
    this.containers.set(container.id, container);
    this.usedMb += container.memoryMb;
    this.#enter(container, container.state);
    if (spec.work !== undefined) join(spec.work.shelf, container);
    return container;
  }

  /** Moves a container on. Throws when the machine does not allow it. */
  become(container: PooledContainer, event: ContainerEvent, next: ContainerState): void {
    const before = container.state;
    assert(mayBecome(before.kind, event, next.kind), `container ${before.kind} --${event}--> ${next.kind}`);
    const from = workOf(before);
    const to = workOf(next);
    assert(from === undefined || to === undefined || from.key === to.key, "a container changed its key");
    this.#leave(container, before);
    container.state = next;
    this.#enter(container, next);
    if (from === to) return;
    if (to !== undefined) join(to.shelf, container);
    if (from === undefined) return;
    if ("since" in before) this.keeping?.onLost(from.shelf, before.since);
    from.shelf.members -= 1;
    from.shelf.heldMb -= container.memoryMb;
    if (from.shelf.members === 0 && from.shelf.waiting.size > 0) this.orphaned.push(from.shelf);
    this.tidy(from.shelf);
  }

  /** Finds a container's place again after jobs entered or left it without a change of state. */
  refile(container: PooledContainer): void {
    const { state } = container;
    container.place.moveTo(this.#placeOf(container, state));
    this.#setEvictable(container, state);
  }

  /** True when as many short runs go on as `parallelism`. One that took too long is none any more. */
  sprintsFill(parallelism: number, now: Instant): boolean {
    for (let first = this.sprinting.first; first !== undefined; first = this.sprinting.first) {
      if (now < this.patience.ends(first.runtime, first.runSince ?? now)) break;
      first.sprint.moveTo(undefined);
    }
    return this.sprinting.size >= parallelism;
  }

  #leave(container: PooledContainer, state: ContainerState): void {
    this.counts[state.kind] -= 1;
    if (state.kind === "running") container.sprint.moveTo(undefined);
    if (state.kind === "removing") this.removingMb -= container.memoryMb;
  }

  #enter(container: PooledContainer, state: ContainerState): void {
    this.counts[state.kind] += 1;
    container.awake.moveTo(state.kind === "free" ? this.awake : undefined);
    this.refile(container);
    if (state.kind === "running" && this.patience.isShort(container.runtime, state.work)) {
      container.sprint.moveTo(this.sprinting);
    }
    if (state.kind === "removing") this.removingMb += container.memoryMb;
    if (state.kind !== "gone") return;
    this.counts.gone = 0;
    this.usedMb -= container.memoryMb;
    this.containers.delete(container.id);
  }

  #setEvictable(container: PooledContainer, state: ContainerState): void {
    const line = this.#ageLineOf(state);
    if (container.age.line === line) return;
    if (container.age.line === undefined) this.evictableMb += container.memoryMb;
    if (line === undefined) this.evictableMb -= container.memoryMb;
    container.age.moveTo(line);
    if (this.keeping === undefined) return;
    if (line === this.idle) this.keeping.file(container, this.usedMb);
    else container.expiry.moveTo(undefined);
  }

  #ageLineOf(state: ContainerState): Line<PooledContainer> | undefined {
    switch (state.kind) {
      case "free":
      case "paused":
        return this.idle;
      case "pausing":
        return state.work.jobs.size === 0 ? this.idle : undefined;
      case "prewarmed":
        return this.cells;
      case "starting":
      case "initialising":
      case "running":
      case "settling":
      case "draining":
      case "resuming":
      case "removing":
      case "gone":
        break;
    }
    return undefined;
  }

  #placeOf(container: PooledContainer, state: ContainerState): Line<PooledContainer> | undefined {
    switch (state.kind) {
      case "free":
      case "paused":
        return state.work.shelf.idle;
      case "pausing":
        return state.work.jobs.size === 0 ? state.work.shelf.idle : warmingLine(state.work);
      case "running":
        return hasRoom(state.work) ? state.work.shelf.roomy : undefined;
      case "starting":
        return state.work === undefined ? undefined : warmingLine(state.work);
      case "initialising":
      case "settling":
      case "resuming":
        return warmingLine(state.work);
      case "prewarmed":
        return this.#stems.cellsOf(container.runtime, container.memoryMb);
      case "draining":
      case "removing":
      case "gone":
        break;
    }
    return undefined;
  }
}

function join(shelf: Shelf, { memoryMb }: PooledContainer): void {
  shelf.members += 1;
  shelf.heldMb += memoryMb;
}

/** True when one more activation may enter. */
export function hasRoom(work: Work): boolean {
  return work.jobs.size < work.concurrency;
}

function warmingLine(work: Work): Line<PooledContainer> | undefined {
  return hasRoom(work) ? work.shelf.warming : undefined;
}
