import type { ActivationResponse } from "../kernel/activation.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ContainerId } from "../kernel/ids.ts";
import type { Instant } from "../kernel/instants.ts";
import type { Log } from "../kernel/log.ts";
import type { PoolEffect, PoolEvent } from "./core/messages.ts";
import type { Container, ContainerDescriptor, ContainerFactory, MadeFor } from "./factory.ts";

/** Leftovers destroyed at once. Chosen: each may cost a few signals and the removal of a folder. */
const LEFTOVERS_AT_ONCE = 8;

/** A container of this process, and what those who waited for its failed init are told. */
export interface Cell {
  readonly container: Container;
  /** Made before anybody asked for it. */
  readonly stem: boolean;
  initFailure: ActivationResponse | undefined;
}

export interface CellsParts {
  readonly factory: ContainerFactory;
  readonly apiHost: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where reports go. */
  readonly report: (event: PoolEvent) => void;
}

export interface Failures {
  readonly inRow: number;
  readonly lastAt?: Instant;
}

const NO_FAILURES: Failures = { inRow: 0 };

type CreateEffect = Extract<PoolEffect, { kind: "create" }>;

/** The containers behind the pool's ids: makes, pauses, resumes and destroys them, and reports how it went. Nothing rejects. */
export class Cells {
  readonly #parts: CellsParts;
  readonly #cells = new Map<ContainerId, Cell>();
  /** Ids whose containers are being made. */
  readonly #creating = new Set<ContainerId>();
  #failures: Failures = NO_FAILURES;

  constructor(parts: CellsParts) {
    this.#parts = parts;
  }

  /** The container of an id the pool has been told is created. */
  get(id: ContainerId): Cell {
    const cell = this.#cells.get(id);
    if (cell === undefined) throw new Error(`container ${id} is not here`);
    return cell;
  }

  /** Creations that failed since one did not. */
  get failures(): Failures {
    return this.#failures;
  }

  /** `madeFor` is absent for stem cells. */
  async create(
    { container: id, runtime, memoryMb, activation }: CreateEffect,
    madeFor: MadeFor | undefined,
  ): Promise<void> {
    const { factory, apiHost, log, report } = this.#parts;
    let container: Container;
    this.#creating.add(id);
    try {
      // Every container admits concurrency, as the pool alone decides how many runs enter it: so stem cells fit all actions.
      const env = { __OW_API_HOST: apiHost(), __OW_ALLOW_CONCURRENT: "true" };
      container = await factory.create({ id, kind: runtime, memoryMb, env, ...(madeFor && { madeFor }) });
    } catch (error) {
      log.error({ err: error, container: id, kind: runtime, memoryMb }, "a container could not be made");
      this.#creating.delete(id);
      this.#failures = { inRow: this.#failures.inRow + 1, lastAt: this.#parts.clock.now() };
      report({ kind: "create-failed", container: id });
      return;
    }
    this.#creating.delete(id);
    this.#failures = NO_FAILURES;
    this.#cells.set(id, { container, stem: activation === undefined, initFailure: undefined });
    report({ kind: "created", container: id });
    await container.ended;
    report({ kind: "ended", container: id });
  }

  async pause(id: ContainerId): Promise<void> {
    await this.#try(id, "paused", async ({ container }) => await container.pause());
  }

  async resume(id: ContainerId): Promise<void> {
    await this.#try(id, "resumed", async ({ container }) => await container.resume());
  }

  /** A destruction that fails is logged and counted as done: the factory has done what it could, and memory must come back. */
  async destroy(id: ContainerId): Promise<void> {
    try {
      await this.get(id).container.destroy();
    } catch (error) {
      this.#parts.log.error({ err: error, container: id }, "a container could not be destroyed");
    }
    this.#cells.delete(id);
    this.#parts.report({ kind: "removed", container: id });
  }

  /** Destroys what a former process of this invoker left behind. */
  async sweep(): Promise<void> {
    const { factory, log } = this.#parts;
    const listed = await factory.list();
    // Activations may be served before the sweep: what this process made is not left over.
    const left = listed.filter(({ id }) => !this.#cells.has(id) && !this.#creating.has(id));
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await this.#sweepOne(next);
    };
    if (left.length > 0) log.info({ containers: left.length }, "destroying what a former process left");
    await Promise.all(Array.from({ length: LEFTOVERS_AT_ONCE }, work));
  }

  async #sweepOne(descriptor: ContainerDescriptor): Promise<void> {
    try {
      await this.#parts.factory.destroy(descriptor);
    } catch (error) {
      this.#parts.log.error({ err: error, container: descriptor.id }, "a leftover container could not be destroyed");
    }
  }

  async #try(id: ContainerId, done: "paused" | "resumed", act: (cell: Cell) => Promise<void>): Promise<void> {
    try {
      await act(this.get(id));
    } catch (error) {
      this.#parts.log.warn({ err: error, container: id }, `a container could not be ${done}`);
      this.#parts.report({ kind: done === "paused" ? "pause-failed" : "resume-failed", container: id });
      return;
    }
    this.#parts.report({ kind: done, container: id });
  }
}
