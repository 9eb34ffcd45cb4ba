import type { ActivationMessage } from "../../kernel/activation.ts";
import type { InvokeResult } from "./port.ts";

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
}

/** The activations in flight, counted by namespace: what the concurrency limit looks at. */
export class Flights {
  readonly #all = new Set<Flight>();
  readonly #perNamespace = new Map<string, number>();
  #onEmpty: (() => void) | undefined;

  get size(): number {
    return this.#all.size;
  }

  of(namespace: string): number {
    return this.#perNamespace.get(namespace) ?? 0;
  }

  add(flight: Flight): void {
    this.#all.add(flight);
    const { namespace } = flight.message.caller;
    this.#perNamespace.set(namespace, this.of(namespace) + 1);
  }

  /** Takes it out; again is harmless. */
  remove(flight: Flight): void {
    if (!this.#all.delete(flight)) return;
    const { namespace } = flight.message.caller;
    const left = this.of(namespace) - 1;
    if (left === 0) this.#perNamespace.delete(namespace);
    else this.#perNamespace.set(namespace, left);
    if (this.#all.size === 0) this.#onEmpty?.();
  }

  [Symbol.iterator](): IterableIterator<Flight> {
    return this.#all.values();
  }

  /** Resolves when none is left, now or later. */
  async empty(): Promise<void> {
    if (this.#all.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }
}
