import type { Instant } from "../../kernel/instants.ts";
import type { Job } from "./job.ts";
import { Line, Link } from "./line.ts";
import type { Shelf } from "./shelf.ts";

/** An activation in the buffer: in the one line of all, and in the line of its key. */
export class WaitingJob {
  readonly job: Job;
  readonly shelf: Shelf;
  readonly since: Instant;
  /** While it is patient: when that ends. */
  patientUntil: Instant;
  readonly overall: Link<WaitingJob> = new Link<WaitingJob>(this);
  readonly ofKey: Link<WaitingJob> = new Link<WaitingJob>(this);

  constructor(job: Job, shelf: Shelf, since: Instant) {
    this.job = job;
    this.shelf = shelf;
    this.since = since;
    this.patientUntil = since;
  }
}

/** The buffer: first in, first out, and readable by key as well. Its bound is the pool's to keep. */
export class WaitingLine {
  readonly #all = new Line<WaitingJob>();
  /** Those who would not have a new container yet. They hold nobody up. */
  readonly #patient = new Line<WaitingJob>();
  /** Shelves with somebody waiting, so that all can be looked at without looking at all jobs. */
  readonly #shelves = new Set<Shelf>();

  get size(): number {
    return this.#all.size + this.#patient.size;
  }

  /** Who has waited longest for a container of its own key to fall free, and for nothing else. */
  get firstPatient(): WaitingJob | undefined {
    return this.#patient.first;
  }

  get head(): WaitingJob | undefined {
    return this.#all.first;
  }

  /** Those of which somebody waits. A copy: serving them changes the line. */
  shelves(): readonly Shelf[] {
    return [...this.#shelves];
  }

  /** Adds one: to those who wait for anything, or, with a time, to those who wait for a container of their key until then. */
  push(entry: WaitingJob, patientUntil?: Instant): void {
    this.setPatient(entry, patientUntil);
    entry.shelf.waiting.push(entry.ofKey);
    this.#shelves.add(entry.shelf);
  }

  /** Lets one wait for a container of its own key only, or (again) for anything. Its place among those of its key stays. */
  setPatient(entry: WaitingJob, until: Instant | undefined): void {
    entry.patientUntil = until ?? entry.since;
    entry.overall.moveTo(until === undefined ? this.#all : this.#patient);
  }

  /** Puts one back that had been placed already. */
  unshift(entry: WaitingJob): void {
    this.#all.unshift(entry.overall);
    entry.shelf.waiting.unshift(entry.ofKey);
    this.#shelves.add(entry.shelf);
  }

  remove(entry: WaitingJob): void {
    entry.overall.moveTo(undefined);
    entry.shelf.waiting.remove(entry.ofKey);
    if (entry.shelf.waiting.size === 0) this.#shelves.delete(entry.shelf);
  }

  /** All of them: the line, then those who wait for a container of their own key, each from oldest to newest. */
  *[Symbol.iterator](): Generator<WaitingJob, void> {
    yield* this.#all;
    yield* this.#patient;
  }
}
