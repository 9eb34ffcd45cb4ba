import type { ActivationMessage } from "../../kernel/activation.ts";
import type { Namespace } from "../../kernel/ids.ts";
import type { ComponentEvents, InvokeResult } from "./port.ts";

/** A caller that waits for the answer of a blocking call. */
export interface Waiter {
  readonly resolve: (result: InvokeResult) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** An activation that was taken and is not over. */
export interface Flight {
  readonly message: ActivationMessage;
  /** Settled when the journal holds it; undefined while nobody was promised anything (a blocking call still waiting). */
  journaled: Promise<void> | undefined;
  /** True once it may have entered a container. */
  begun: boolean;
  waiter: Waiter | undefined;
  /** Set where a composition has it run, which has a place of its own for all of its components. */
  readonly component?: ComponentEvents;
}

/** The activations in flight, counted by namespace: what the concurrency limit looks at. */
export class Flights {
  readonly #all = new Set<Flight>();
  readonly #perNamespace = new Map<string, number>();
  #places = 0;
  #onEmpty: (() => void) | undefined;

  /** Places taken. */
  get size(): number {
    return this.#places;
  }

  of(namespace: string): number {
    return this.#perNamespace.get(namespace) ?? 0;
  }

  add(flight: Flight): void {
    this.#all.add(flight);
    if (flight.component === undefined) this.#take(flight.message.caller.namespace);
  }

  /** Takes it out; again is harmless. */
  remove(flight: Flight): void {
    if (!this.#all.delete(flight)) return;
    if (flight.component === undefined) this.#leave(flight.message.caller.namespace);
  }

  /** Takes a place for a composition, whose components come and go in it. Gives back how to leave it; again is harmless. */
  enter(namespace: Namespace): () => void {
    this.#take(namespace);
    let isIn = true;
    return () => {
      if (isIn) this.#leave(namespace);
      isIn = false;
    };
  }

  [Symbol.iterator](): IterableIterator<Flight> {
    return this.#all.values();
  }

  /** Resolves when no place is taken, now or later. */
  async empty(): Promise<void> {
    if (this.#places === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  #take(namespace: string): void {
    this.#places += 1;
    this.#perNamespace.set(namespace, this.of(namespace) + 1);
  }

  #leave(namespace: string): void {
    this.#places -= 1;
    const left = this.of(namespace) - 1;
    if (left === 0) this.#perNamespace.delete(namespace);
    else this.#perNamespace.set(namespace, left);
    if (this.#places === 0) this.#onEmpty?.();
  }
}
