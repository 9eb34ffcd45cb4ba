import type { ActivationMessage, ActivationRecord, PromisedActivation } from "../../kernel/activation.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { InvokerPort } from "../../kernel/dispatch.ts";
import { assert, isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { ActivationId, Incarnation, Namespace } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { InvocationOptions } from "../../kernel/options/options.ts";
import type { Random } from "../../kernel/random.ts";
import type { ActivationStore } from "../../store/ports.ts";
import { isCode } from "../entities/action.ts";
import { backoff } from "./backoff.ts";
import { type Flight, Flights } from "./flight.ts";
import { activationIds } from "./ids.ts";
import { messageOf } from "./message.ts";
import type { CodeInvocations, ComponentEvents, InvokeRequest, InvokeResult, StoreHow } from "./port.ts";
import { failureRecordOf, recordOf } from "./record.ts";
import { Records } from "./records.ts";

export interface InvocationDeps {
  readonly options: InvocationOptions;
  readonly invoker: InvokerPort;
  readonly activations: ActivationStore;
  /** This start of this process: the owner of what it journals. */
  readonly me: Incarnation;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Refusals that will be the same tomorrow: a promised activation ends with them. After any other it is tried again. */
export const FINAL_REFUSALS: ReadonlySet<string> = new Set(["invoker/kind-unavailable", "invoker/too-large"]);

/**
 * Runs activations on an invoker and keeps the promises made about them (docs/protocols/journal.md).
 *
 * A blocking call is promised nothing until it is answered: if this process dies, its caller's connection dies with it. Its record
 * follows the answer within a commit interval. A 202, whether at once or after a wait that was too short, is a promise, and is
 * journaled first.
 */
export class LocalInvocations implements CodeInvocations {
  readonly #deps: InvocationDeps;
  readonly #flights = new Flights();
  readonly #nextId: ReturnType<typeof activationIds>;
  readonly #records: Records;
  readonly #stop = new AbortController();
  #closing = false;

  constructor(deps: InvocationDeps) {
    this.#deps = deps;
    this.#nextId = activationIds(deps.clock);
    this.#records = new Records({ ...deps, signal: this.#stop.signal });
  }

  inFlight(namespace: Namespace): number {
    return this.#flights.of(namespace);
  }

  get size(): number {
    return this.#flights.size;
  }

  /** What runs, or waits to: sequences have their components here. */
  *active(): IterableIterator<PromisedActivation> {
    for (const { message } of this.#flights) yield message;
  }

  invoke(request: InvokeRequest): Promise<InvokeResult> {
    try {
      this.#admit();
      const { action } = request;
      assert(isCode(action), "a sequence came to where code runs");
      const { activationId, waitMs } = request;
      assert(activationId === undefined || waitMs === undefined, "only a non-blocking call may bring its id");
      const message = messageOf({ ...request, action }, activationId ?? this.#nextId(), this.#deps.clock.wallMs());
      if (waitMs !== undefined) return this.#wait(message, waitMs);
      return this.#promise(message, { repeatable: activationId !== undefined });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  nextId(): ActivationId {
    return this.#nextId();
  }

  enter(namespace: Namespace, { promised }: { readonly promised: boolean } = { promised: false }): () => void {
    if (!promised) this.#admit();
    return this.#flights.enter(namespace);
  }

  run(message: ActivationMessage, component: ComponentEvents): void {
    const flight: Flight = { message, journaled: undefined, begun: false, waiter: undefined, component };
    // A composition that is promised goes on while the platform drains: `stopped` is what ends it.
    if (this.#stop.signal.aborted) return component.onRefused(stopping());
    this.#flights.add(flight);
    this.#dispatch(flight, 1);
  }

  store(record: ActivationRecord, message: PromisedActivation, how: StoreHow): Promise<boolean> {
    const journaled = how === "entry" ? Promise.resolve() : undefined;
    return this.#records.store(record, { message, journaled, ...(how === "part" ? { composed: "promised" } : {}) });
  }

  /** Takes an activation whose journal entry this process has just adopted, and runs it. */
  resume(message: ActivationMessage): void {
    const flight: Flight = { message, journaled: Promise.resolve(), begun: false, waiter: undefined };
    this.#flights.add(flight);
    this.#dispatch(flight, 1);
  }

  /** Ends an adopted activation that must not run again, with a record that says why. */
  async abandon(message: ActivationMessage, error: string): Promise<void> {
    const flight: Flight = { message, journaled: Promise.resolve(), begun: true, waiter: undefined };
    this.#flights.add(flight);
    await this.#end(flight, failureRecordOf(message, error, this.#deps.clock.wallMs()));
  }

  /**
   * Refuses new work, then waits up to `deadlineMs` for what is in flight. What is left then stays in the journal for the next start
   * (or is refused, where a caller still waits). Call it before the invoker cuts its containers: outcomes after it count for nothing.
   * True when nothing was left.
   */
  async close(deadlineMs: number): Promise<boolean> {
    this.#closing = true;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([this.#quiet(), deadline]);
    clearTimeout(timer);
    this.#stop.abort();
    const drained = this.#flights.size + this.#records.size === 0;
    for (const flight of this.#flights) {
      this.#answer(flight, new PlatformError("invoker/closing", "the platform is stopping and cut this activation"));
      this.#flights.remove(flight);
      flight.component?.onRefused(stopping());
    }
    return drained;
  }

  async #quiet(): Promise<void> {
    await this.#flights.empty();
    await this.#records.settled();
  }

  #admit(): void {
    if (this.#closing) throw stopping();
    const { inFlightMax } = this.#deps.options;
    if (this.#flights.size + this.#records.size >= inFlightMax) {
      throw new PlatformError("invoker/buffer-full", `all ${inFlightMax} places for activations in flight are taken`);
    }
  }

  /** Non-blocking: journal, then promise, then run. */
  async #promise(message: ActivationMessage, options: { readonly repeatable: boolean }): Promise<InvokeResult> {
    const flight: Flight = { message, journaled: undefined, begun: false, waiter: undefined };
    const result = { kind: "accepted", activationId: message.activationId } as const;
    this.#flights.add(flight);
    try {
      const accepted = await this.#deps.activations.accept({ message, state: "accepted", owner: this.#deps.me });
      if (accepted === "known" && options.repeatable) {
        this.#flights.remove(flight);
        return result;
      }
      requireNew(accepted);
    } catch (error) {
      this.#flights.remove(flight);
      throw error;
    }
    flight.journaled = Promise.resolve();
    this.#dispatch(flight, 1);
    return result;
  }

  /** Blocking: run, and promise only when the wait is over first. */
  #wait(message: ActivationMessage, waitMs: number): Promise<InvokeResult> {
    return new Promise((resolve, reject) => {
      const flight: Flight = { message, journaled: undefined, begun: false, waiter: undefined };
      const timer = setTimeout(() => this.#waitOver(flight), waitMs);
      flight.waiter = { resolve, reject, timer };
      this.#flights.add(flight);
      this.#dispatch(flight, 1);
    });
  }

  /** The caller will be told 202: from now on the activation is promised, so it is journaled as far as it has come. */
  #waitOver(flight: Flight): void {
    const { me, activations } = this.#deps;
    const entry = { message: flight.message, state: flight.begun ? "running" : "accepted", owner: me } as const;
    flight.journaled = activations.accept(entry).then(requireNew);
    flight.journaled.then(
      () => this.#answer(flight, { kind: "accepted", activationId: flight.message.activationId }),
      (error: Error) => {
        flight.journaled = undefined;
        this.#answer(flight, error);
      },
    );
  }

  #dispatch(flight: Flight, attempt: number): void {
    const { activations, me, invoker } = this.#deps;
    const id = flight.message.activationId;
    if (flight.journaled !== undefined) {
      // Nobody waits for this mark: it tells whoever looks at the activation. A lost one costs a successor nothing.
      void activations.mark(id, "dispatched", me).catch(() => false);
    }
    /** Built once, for the answer and for the store. */
    let answered: ActivationRecord | undefined;
    invoker.dispatch(flight.message, {
      beforeRun: () => {
        flight.begun = true;
        if (flight.component !== undefined) return flight.component.beforeRun();
        return flight.journaled === undefined ? undefined : this.#markRunning(flight);
      },
      onResult: (outcome) => {
        if (flight.waiter === undefined && flight.component === undefined) return;
        if (this.#stop.signal.aborted) return;
        answered = recordOf(flight.message, outcome, []);
        flight.component?.onAnswered(answered);
        this.#answer(flight, { kind: "done", record: answered });
      },
      onComplete: (outcome, logs) => {
        if (this.#stop.signal.aborted) return;
        const record = answered === undefined || logs.length > 0 ? recordOf(flight.message, outcome, logs) : answered;
        // Nobody waits here any more, unless no result was told before.
        this.#answer(flight, { kind: "done", record: { ...record, logs: [] } });
        if (answered === undefined) flight.component?.onAnswered(record);
        void this.#end(flight, record).then((stored) => flight.component?.onStored(stored));
      },
      onRefused: (error) => void this.#refused(flight, error, attempt),
    });
  }

  async #markRunning(flight: Flight): Promise<void> {
    await flight.journaled;
    const marked = await this.#deps.activations.mark(flight.message.activationId, "running", this.#deps.me);
    if (!marked) throw new PlatformError("internal/unexpected", "another process took this activation over");
  }

  /** It did not start. A waiting caller hears so; a promised one is tried again, or ends where trying is in vain. */
  async #refused(flight: Flight, error: Error, attempt: number): Promise<void> {
    const { random, log, clock } = this.#deps;
    const activationId = flight.message.activationId;
    flight.begun = false;
    if (flight.component !== undefined) {
      this.#flights.remove(flight);
      flight.component.onRefused(error);
      return;
    }
    if (flight.journaled === undefined) {
      this.#answer(flight, error);
      this.#flights.remove(flight);
      return;
    }
    if (isPlatformError(error) && FINAL_REFUSALS.has(error.code)) {
      const text = "Failed to provision resources to run the action.";
      void this.#end(flight, failureRecordOf(flight.message, `${text} ${error.message}`, clock.wallMs()));
      return;
    }
    if (isPlatformError(error, "internal/unexpected")) {
      log.warn({ activationId, err: error }, "an activation was taken over by another process");
      this.#flights.remove(flight);
      return;
    }
    if (this.#closing || !(await backoff(attempt, random, this.#stop.signal))) {
      this.#flights.remove(flight); // Its journal entry stays: the next start runs it.
      return;
    }
    this.#dispatch(flight, attempt + 1);
  }

  /** The activation is over: it counts no more, and its record goes to the store. */
  #end(flight: Flight, record: ActivationRecord): Promise<boolean> {
    this.#flights.remove(flight);
    const isPart = flight.component?.isPromised() === true;
    return this.#records.store(record, isPart ? { ...flight, composed: "promised" } : flight);
  }

  #answer(flight: Flight, answer: InvokeResult | Error): void {
    const { waiter } = flight;
    if (waiter === undefined) return;
    flight.waiter = undefined;
    clearTimeout(waiter.timer);
    if (answer instanceof Error) waiter.reject(answer);
    else waiter.resolve(answer);
  }
}

function stopping(): PlatformError<"invoker/closing"> {
  return new PlatformError("invoker/closing", "the platform is stopping");
}

/** Ids of ours are random: one that is known already is a defect, and its call is refused before anything runs. */
function requireNew(accepted: "accepted" | "known"): void {
  if (accepted === "known") throw new PlatformError("internal/unexpected", "an activation of this id is known already");
}
