/**
 * What the news of a container mean: for it, for the activations in it, and for the stem cells.
 *
 * Intuition: each handler leaves one state of container.ts's machine for the next one that the machine allows, and says where the
 * jobs go: on into the container, out with the shared fate of a failed init, or back to the buffer when they had not begun.
 */
import { InvariantError, assert } from "../../kernel/errors.ts";
import type { ActivationId, ContainerId } from "../../kernel/ids.ts";
import type { Instant } from "../../kernel/instants.ts";
import { type ContainerEvent, type PooledContainer, type Work, isLate, workOf } from "./container.ts";
import type { Inventory } from "./inventory.ts";
import type { Job } from "./job.ts";
import type { PoolEffect } from "./messages.ts";
import { meanOf } from "./patience.ts";
import type { Placement, PlacementParts } from "./placement.ts";
import type { Stems } from "./stems.ts";

/** How an activation left its container. */
export type RunOver = "answered" | "ran-well" | "ran-badly" | "withdrawn";
/** Reports about a container as a whole, told by their own name. */
type Report = Extract<
  ContainerEvent,
  | "created"
  | "create-failed"
  | "initialised"
  | "init-failed"
  | "settled"
  | "paused"
  | "pause-failed"
  | "resumed"
  | "resume-failed"
  | "ended"
  | "removed"
>;

export class Lifecycle {
  readonly #inventory: Inventory;
  readonly #stems: Stems;
  readonly #placement: Placement;
  readonly #emit: (effect: PoolEffect) => void;

  constructor(parts: PlacementParts, placement: Placement) {
    this.#inventory = parts.inventory;
    this.#stems = parts.stems;
    this.#emit = parts.emit;
    this.#placement = placement;
  }

  onReport(id: ContainerId, report: Report, now: Instant): void {
    const container = this.#find(id, report);
    if (container === undefined) return;
    switch (report) {
      case "created":
        return this.#onCreated(container, now);
      case "create-failed":
        return this.#onCreateFailed(container, now);
      case "initialised":
        return this.#onInitialised(container, now);
      case "init-failed":
        return this.#onInitFailed(container);
      case "settled":
        return this.#onSettled(container, now);
      case "paused":
        return this.#onPaused(container);
      case "resumed":
        return this.#onResumed(container, now);
      case "pause-failed":
      case "resume-failed":
        return this.#onLost(container, report, now);
      case "ended":
        return this.#onEnded(container, now);
      case "removed":
        return this.#inventory.become(container, "removed", { kind: "gone" });
    }
  }

  /** A run (or its turn, when withdrawn) is over: the activation leaves. */
  onRunOver(id: ContainerId, activation: ActivationId, how: RunOver, now: Instant): void {
    const container = this.#find(id, how);
    assert(container !== undefined, "a run cannot be over too late");
    const { state } = container;
    const work = workOf(state);
    assert(work !== undefined, "a run is over in a container of nobody");
    this.#leave(work, activation);
    if (how !== "withdrawn") observeRun(container, work, now);
    if (state.kind === "initialising") return this.#passInit(container, work);
    const busy = work.jobs.size > 0;
    if (state.kind === "draining" || how === "ran-badly") {
      if (busy) return this.#inventory.become(container, how, { kind: "draining", work });
      return this.#placement.retire(container, how);
    }
    if (busy) this.#inventory.become(container, how, { kind: "running", work });
    else if (how === "answered") this.#inventory.become(container, how, { kind: "settling", work });
    else return this.#becomeIdle(container, how, work, now);
    this.#placement.feed(container, now);
  }

  /** Stops intake, gives back who waits, destroys what is idle. What runs or is on its way to run goes on. */
  onClose(): void {
    this.#placement.close();
    for (const container of [...this.#inventory.idle, ...this.#inventory.cells]) {
      this.#placement.retire(container, "remove");
    }
  }

  /** The container an event is about, or undefined when the event comes too late to matter. */
  #find(id: ContainerId, event: ContainerEvent): PooledContainer | undefined {
    const container = this.#inventory.containers.get(id);
    return isLate(container === undefined ? "gone" : container.state.kind, event) ? undefined : container;
  }

  #becomeIdle(container: PooledContainer, event: ContainerEvent, work: Work, now: Instant): void {
    if (this.#placement.closing) return this.#placement.retire(container, event);
    this.#inventory.become(container, event, { kind: "free", work, since: now });
    this.#placement.feed(container, now);
  }

  /** The logs of the last run are in. */
  #onSettled(container: PooledContainer, now: Instant): void {
    const work = workOf(container.state);
    assert(work !== undefined, "a container of nobody settled");
    if (work.jobs.size === 0) return this.#becomeIdle(container, "settled", work, now);
    this.#runAll(container, "settled", work, now);
  }

  #onCreated(container: PooledContainer, now: Instant): void {
    const { state } = container;
    assert(state.kind === "starting", "created");
    if (state.work !== undefined) {
      const first = firstOf(state.work);
      assert(first !== undefined, "a container was made for nobody");
      this.#inventory.become(container, "created", { kind: "initialising", work: state.work, first });
      this.#emit({ kind: "init", container: container.id, activation: first.id });
      return;
    }
    this.#stems.of(container).starting -= 1;
    if (this.#placement.closing) return this.#placement.retire(container, "created");
    this.#inventory.become(container, "created", { kind: "prewarmed", since: now });
  }

  #onCreateFailed(container: PooledContainer, now: Instant): void {
    const work = workOf(container.state);
    if (work === undefined) {
      this.#stems.of(container).starting -= 1;
      this.#onCellLost(container, now, 0);
    } else {
      this.#failAll(container, work, "create");
    }
    this.#inventory.become(container, "create-failed", { kind: "gone" });
  }

  #onInitialised(container: PooledContainer, now: Instant): void {
    const { state } = container;
    assert(state.kind === "initialising", "initialised");
    this.#stems.onProven(container.runtime);
    if (container.orderedAt !== undefined)
      this.#inventory.patience.onStarted(container.runtime, now - container.orderedAt);
    this.#runAll(container, "initialised", state.work, now);
  }

  #onInitFailed(container: PooledContainer): void {
    const { state } = container;
    assert(state.kind === "initialising", "init failed");
    // Whose init it was has got its answer already.
    this.#leave(state.work, state.first.id);
    this.#failAll(container, state.work, "init");
    this.#placement.retire(container, "init-failed");
  }

  /** Whoever was to initialise the container was given back: the next one does, or it goes, as it is no stem cell any more. */
  #passInit(container: PooledContainer, work: Work): void {
    const first = firstOf(work);
    if (first === undefined) return this.#placement.retire(container, "withdrawn");
    this.#inventory.become(container, "withdrawn", { kind: "initialising", work, first });
    this.#emit({ kind: "init", container: container.id, activation: first.id });
  }

  #onPaused(container: PooledContainer): void {
    const { state } = container;
    assert(state.kind === "pausing", "paused");
    const { work, since } = state;
    if (work.jobs.size === 0) return this.#inventory.become(container, "paused", { kind: "paused", work, since });
    this.#inventory.become(container, "paused", { kind: "resuming", work });
    this.#emit({ kind: "resume", container: container.id });
  }

  #onResumed(container: PooledContainer, now: Instant): void {
    const work = workOf(container.state);
    assert(work !== undefined && work.jobs.size > 0, "a container was resumed for nobody");
    this.#runAll(container, "resumed", work, now);
  }

  /** A container that ended by itself. Where an answer is pending, it will say so; where none is, nobody else would notice. */
  #onEnded(container: PooledContainer, now: Instant): void {
    const { state } = container;
    switch (state.kind) {
      case "initialising":
        return this.#inventory.become(container, "ended", state);
      case "running":
      case "draining":
        return this.#inventory.become(container, "ended", { kind: "draining", work: state.work });
      case "prewarmed":
        this.#placement.retire(container, "ended");
        return this.#onCellLost(container, now, now - state.since);
      case "free":
      case "settling":
      case "pausing":
      case "paused":
      case "resuming":
        return this.#onLost(container, "ended", now);
      case "starting":
      case "removing":
      case "gone":
        throw new InvariantError(`a container ended while ${state.kind}`);
    }
  }

  /** A container nobody runs in is unusable: who waited for it had not begun and is placed again. */
  #onLost(container: PooledContainer, event: ContainerEvent, now: Instant): void {
    const work = workOf(container.state);
    const jobs = work === undefined ? [] : [...work.jobs.values()];
    work?.jobs.clear();
    this.#placement.retire(container, event);
    this.#placement.takeBack(jobs, now);
  }

  #onCellLost(container: PooledContainer, now: Instant, livedMs: number): void {
    const { runtime, memoryMb } = container;
    const last = this.#stems.onFailed(this.#stems.of(container), now, livedMs);
    if (last) this.#emit({ kind: "prewarm-abandoned", runtime, memoryMb });
  }

  #runAll(container: PooledContainer, event: ContainerEvent, work: Work, now: Instant): void {
    container.runSince = now;
    this.#inventory.become(container, event, { kind: "running", work });
    for (const activation of work.jobs.keys()) this.#emit({ kind: "run", container: container.id, activation });
    this.#placement.feed(container, now);
  }

  #failAll(container: PooledContainer, work: Work, reason: "create" | "init"): void {
    for (const activation of work.jobs.keys()) {
      this.#leave(work, activation);
      this.#emit({ kind: "fail", activation, container: container.id, reason });
    }
  }

  #leave(work: Work, activation: ActivationId): void {
    assert(work.jobs.delete(activation), `activation ${activation} is not in that container`);
    this.#placement.forget(activation);
  }
}

/** What patience is told: how long a container of this key is busy with a run. */
function observeRun({ runSince }: PooledContainer, { shelf }: Work, now: Instant): void {
  if (runSince !== undefined) shelf.meanRunMs = meanOf(shelf.meanRunMs, now - runSince);
}

function firstOf(work: Work): Job | undefined {
  return work.jobs.values().next().value;
}
