import type { ActivationRecord, CompositionMessage, PromisedActivation } from "../../kernel/activation.ts";
import type { Clock } from "../../kernel/clock.ts";
import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Incarnation, Namespace } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { ActivationStore } from "../../store/ports.ts";
import type { Composition } from "../core/composition.ts";
import type { CompositionEffect, CompositionEvent, Ended } from "../core/composition-state.ts";
import type { Identity } from "../entitlement/identity.ts";
import { refText } from "../entities/ref.ts";
import { backoff } from "./backoff.ts";
import type { ComponentFinder, Found } from "./component-finder.ts";
import { type Current, composedMessage, endedOf, nestedMessage } from "./composition-message.ts";
import { compositionRecordOf } from "./composition-record.ts";
import type { Waiter } from "./flight.ts";
import { FINAL_REFUSALS } from "./invocations.ts";
import { type CallTemplate, componentMessageOf, templateOf } from "./message.ts";
import type { CodeInvocations, InvokeResult } from "./port.ts";
import { failureRecordOf } from "./record.ts";

export interface RunDeps {
  readonly code: CodeInvocations;
  readonly finder: ComponentFinder;
  readonly activations: ActivationStore;
  /** The owner of a namespace as he stands now; undefined when he is blocked or gone. */
  readonly identityOf: (namespace: Namespace) => Identity | undefined | Promise<Identity | undefined>;
  readonly me: Incarnation;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What a run is made from. */
export interface RunStart {
  /** With what it is at its start. */
  readonly message: CompositionMessage;
  readonly composition: Composition;
  /** Absent after a restart: it is asked for when it is needed. */
  readonly identity?: Identity;
  readonly leave: () => void;
}

// About half a minute, in which a store that is busy comes back.
const FIND_ATTEMPTS_MAX = 12;
const CALLER_GONE = "The composition was stopped: the namespace that began it is blocked or gone.";

/**
 * One composition on its way: does what the machine says, one step after the other, and keeps the journal up with it.
 *
 * *free*: nobody was promised anything, and nothing is journaled; its components' records are stored as they end. *promising*: the
 * entry is being written; what runs goes on, and what is next waits. *promised*: before a component is handed over, what led to it is
 * durable; before it enters a container, that too. docs/protocols/composition.md has the order of writes and why.
 */
export class CompositionRun {
  readonly #deps: RunDeps;
  readonly #start: RunStart;
  readonly #composition: Composition;
  #identity: Identity | undefined;
  #standing: "free" | "promising" | "promised" | "cancelled" = "free";
  /** Settles when *promising* is over. */
  #promising: Promise<void> = Promise.resolve();
  #current: Current | undefined;
  /** The action behind the component that was found last. */
  #found: CallTemplate | undefined;
  /** Records of what is over, on their way into the store. One that was not stored stays. */
  readonly #storing = new Set<Promise<boolean>>();
  #hasRun = false;
  #isOver = false;
  #isDisowned = false;
  #waiter: Waiter | undefined;

  constructor(deps: RunDeps, start: RunStart) {
    this.#deps = deps;
    this.#start = start;
    this.#composition = start.composition;
    this.#identity = start.identity;
  }

  /** Blocking: runs, and promises only when the wait is over first. */
  wait(effects: readonly CompositionEffect[], waitMs: number): Promise<InvokeResult> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject, timer: setTimeout(() => void this.#waitOver(), waitMs) };
      void this.#go(() => this.#drive(effects));
    });
  }

  /** Non-blocking: journals, then promises, then runs. `repeatable` takes an id that is known already for this call, done before. */
  async promise(
    effects: readonly CompositionEffect[],
    { repeatable }: { readonly repeatable: boolean },
  ): Promise<InvokeResult> {
    const { activationId } = this.#start.message;
    const settle = this.#becomePromising();
    // Until its first step is to be taken, which waits for the journal.
    void this.#go(() => this.#drive(effects));
    try {
      const accepted = await this.#accept();
      settle(accepted === "accepted" ? "promised" : "cancelled");
      if (accepted === "accepted" || repeatable) return { kind: "accepted", activationId };
      throw new PlatformError("internal/unexpected", "an activation of this id is known already");
    } catch (error) {
      settle("cancelled");
      throw error;
    }
  }

  /** Goes on with what a former process promised; `current` is what it was at. */
  resume(current: Current | undefined): void {
    this.#standing = "promised";
    this.#hasRun = true;
    void this.#go(async () => {
      if (current === undefined) return await this.#drive(this.#composition.pending());
      this.#current = current;
      const event = await this.#recall(current);
      this.#current = undefined;
      return await this.#drive(this.#composition.on(event));
    });
  }

  async #go(work: () => Promise<void>): Promise<void> {
    const { log } = this.#deps;
    try {
      await work();
    } catch (error) {
      // Refused before anything ran; or the process stops, and the next one goes on from the journal.
      const isExpected = isPlatformError(error);
      if (!isExpected) log.error({ activationId: this.#start.message.activationId, err: error }, "a composition broke");
      this.#answer(
        isExpected ? error : new PlatformError("internal/unexpected", "the composition broke", { cause: error }),
      );
    } finally {
      this.#start.leave();
    }
  }

  async #drive(effects: readonly CompositionEffect[]): Promise<void> {
    const { message } = this.#start;
    let todo = effects;
    for (;;) {
      let event: CompositionEvent | undefined;
      for (const effect of todo) {
        if (effect.kind === "end") return await this.#finish(effect.ended);
        if (effect.kind === "record") this.#keep(this.#recordOf(effect.ended), nestedMessage(effect.ended, message));
        else event = await this.#step(effect);
      }
      if (event === undefined) throw new PlatformError("internal/unexpected", "a composition has nothing to do");
      // Only now: until the machine knows, a snapshot must hold what has just ended.
      this.#current = undefined;
      todo = this.#composition.on(event);
    }
  }

  async #step(effect: CompositionEffect & { kind: "find" | "run" | "conduct" }): Promise<CompositionEvent> {
    if (effect.kind === "find") return await this.#find(effect.name);
    const template = effect.kind === "run" ? this.#found : (effect.call as unknown as CallTemplate);
    if (template === undefined) throw new PlatformError("internal/unexpected", "a component runs that was not found");
    this.#found = undefined;
    const { payload, cause } = effect;
    const activationId = this.#deps.code.nextId();
    const acceptedAt = this.#deps.clock.wallMs();
    const { storedAlways } = this.#start.message;
    const message = componentMessageOf(template, { activationId, acceptedAt, cause, payload });
    return await this.#run({
      message: storedAlways === undefined ? message : { ...message, storedAlways },
      begun: false,
      durable: "no",
    });
  }

  async #find(name: (CompositionEffect & { kind: "find" })["name"]): Promise<CompositionEvent> {
    const { finder, code, identityOf, log } = this.#deps;
    const { caller, transactionId, activationId } = this.#start.message;
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#identity ??= await identityOf(caller.namespace);
        if (this.#identity === undefined) return { kind: "stopped", why: CALLER_GONE };
        const who = { identity: this.#identity, transactionId };
        const found: Found = await finder.find(who, name, () => code.nextId());
        if ("action" in found) this.#found = templateOf(found.action, who);
        return found.event;
      } catch (error) {
        // Where nothing has run, there is nothing to save.
        if (!this.#hasRun && this.#standing === "free") throw error;
        if (attempt === 1) log.warn({ activationId, err: error }, "a component cannot be looked up yet");
        const isHopeless = !isPlatformError(error, "store/unavailable") || attempt === FIND_ATTEMPTS_MAX;
        if (isHopeless) return { kind: "failed", why: error instanceof Error ? error.message : String(error) };
        await this.#pause(attempt);
      }
    }
  }

  /** Has one activation run, again where it is refused for now, until it has an answer. */
  async #run(current: Current): Promise<CompositionEvent> {
    this.#current = current;
    await this.#untilMayRun(current);
    for (let attempt = 1; ; attempt += 1) {
      const ran = await this.#attempt(current);
      if ("record" in ran) {
        this.#track(ran.stored);
        // A successor takes what has no record for lost: no record that builds on this one may be there before it.
        if (this.#standing !== "free") await this.#stored();
        return endedOf(ran.record, current.message);
      }
      current.begun = false;
      const failure = await this.#onRefused(ran.refused, current);
      if (failure !== undefined) return endedOf(failure, current.message);
      await this.#pause(attempt);
    }
  }

  /** What is promised is journaled before it is handed over, and after everything before it is stored. */
  async #untilMayRun(current: Current): Promise<void> {
    await this.#settledStanding();
    if (this.#standing !== "promised" || current.durable !== "no") return;
    await this.#stored();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#advance(current, "due");
        return;
      } catch (error) {
        if (this.#isDisowned) throw error;
        await this.#pause(attempt);
      }
    }
  }

  #attempt(
    current: Current,
  ): Promise<{ readonly record: ActivationRecord; readonly stored: Promise<boolean> } | { readonly refused: Error }> {
    const stored = Promise.withResolvers<boolean>();
    return new Promise((resolve) => {
      this.#deps.code.run(current.message, {
        isPromised: () => this.#standing !== "free",
        beforeRun: () => {
          current.begun = true;
          this.#hasRun = true;
          return this.#standing === "free" ? undefined : this.#beforeRun(current);
        },
        onAnswered: (record) => resolve({ record, stored: stored.promise }),
        onStored: (isStored) => stored.resolve(isStored),
        onRefused: (refused) => {
          resolve({ refused });
          // It may have been answered: then its record is what was cut.
          stored.resolve(false);
        },
      });
    });
  }

  async #beforeRun(current: Current): Promise<void> {
    await this.#settledStanding();
    if (this.#standing === "promised" && current.durable !== "begun") await this.#advance(current, "begun");
  }

  /** A record where trying again is in vain, undefined where it is not. @throws what ends the run without a record */
  async #onRefused(error: Error, current: Current): Promise<ActivationRecord | undefined> {
    const { code, clock } = this.#deps;
    if (code.stopped.aborted || this.#isDisowned) throw error;
    await this.#settledStanding();
    if (!this.#hasRun && this.#standing === "free") throw error;
    if (!isPlatformError(error) || !FINAL_REFUSALS.has(error.code)) return undefined;
    const text = `Failed to provision resources to run the action. ${error.message}`;
    const record = failureRecordOf(current.message, text, clock.wallMs());
    this.#keep(record, current.message);
    return record;
  }

  /** What became of the activation that a dead process was at: it ended, it was lost, or it never began. */
  async #recall(current: Current): Promise<CompositionEvent> {
    const { activations, clock } = this.#deps;
    const { message } = current;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const stored = await activations.get(message.caller.namespace, message.activationId);
        if (stored?.kind === "final") return endedOf(stored.record, message);
        break;
      } catch (error) {
        if (!isPlatformError(error, "store/unavailable")) throw error;
        await this.#pause(attempt);
      }
    }
    if (!current.begun || message.retryOnLoss) return await this.#run(current);
    const text = `The activation of '${refText(message.action)}' was lost: the process that ran it ended before it answered. It may have had effects; it was not run again, as the action is not annotated retry-on-loss.`;
    const record = failureRecordOf(message, text, clock.wallMs());
    this.#keep(record, message);
    return endedOf(record, message);
  }

  async #finish(ended: Ended): Promise<void> {
    const { code } = this.#deps;
    const { message, leave } = this.#start;
    const record = this.#recordOf(ended);
    this.#isOver = true;
    await this.#settledStanding();
    const journaled = this.#standing === "promised";
    if (journaled) await this.#stored();
    else this.#answer({ kind: "done", record });
    const stored = code.store(record, message, journaled ? "entry" : "free");
    leave();
    await stored;
  }

  async #waitOver(): Promise<void> {
    const { activationId } = this.#start.message;
    const settle = this.#becomePromising();
    try {
      await this.#stored();
      // It came to its end meanwhile: that is the answer.
      if (this.#isOver) return settle("free");
      await this.#accept();
      settle("promised");
      this.#answer({ kind: "accepted", activationId });
    } catch (error) {
      settle("free");
      this.#answer(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #becomePromising(): (standing: "free" | "promised" | "cancelled") => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#standing = "promising";
    this.#promising = promise;
    return (standing) => {
      this.#standing = standing;
      resolve();
    };
  }

  /** Journals it as far as it has come. */
  async #accept(): Promise<"accepted" | "known"> {
    const { activations, me } = this.#deps;
    const current = this.#current;
    // Until the answer comes, `current` may begin; what is written is what it is now.
    const begun = current?.begun === true;
    const message = composedMessage(this.#start.message, this.#composition.snapshot(), current);
    const accepted = await activations.accept({ message, state: this.#hasRun ? "running" : "accepted", owner: me });
    if (current !== undefined) current.durable = begun ? "begun" : "due";
    return accepted;
  }

  async #advance(current: Current, to: "due" | "begun"): Promise<void> {
    const { activations, me } = this.#deps;
    const message = composedMessage(this.#start.message, this.#composition.snapshot(), {
      ...current,
      begun: to === "begun",
    });
    // What callers see of it; nothing hangs on it.
    if (to === "begun") void activations.mark(message.activationId, "running", me).catch(() => false);
    const advanced = await activations.advance(message, me);
    this.#isDisowned = !advanced;
    if (!advanced) throw new PlatformError("internal/unexpected", "another process took this composition over");
    current.durable = to;
  }

  /** @throws when this call was not to be: its journal entry was refused */
  async #settledStanding(): Promise<void> {
    if (this.#standing === "promising") await this.#promising;
    if (this.#standing === "cancelled") throw new PlatformError("invoker/closing", "the call was not accepted");
  }

  /** All records so far are in the store. @throws `invoker/closing` when the process stopped before */
  async #stored(): Promise<void> {
    while (this.#storing.size > 0) {
      const kept = await Promise.all(this.#storing);
      if (kept.includes(false)) throw letGo();
    }
  }

  #recordOf(ended: Ended): ActivationRecord {
    return compositionRecordOf(ended, this.#start.message, this.#deps.clock.wallMs());
  }

  /** Stores the record of something that had no run, of this composition's or of one of its components'. */
  #keep(record: ActivationRecord, of: PromisedActivation): void {
    this.#track(this.#deps.code.store(record, of, this.#standing === "free" ? "free" : "part"));
  }

  #track(stored: Promise<boolean>): void {
    this.#storing.add(stored);
    void stored.then((isStored) => isStored && this.#storing.delete(stored));
  }

  async #pause(attempt: number): Promise<void> {
    const { random, code } = this.#deps;
    if (!(await backoff(attempt, random, code.stopped))) throw letGo();
  }

  #answer(answer: InvokeResult | Error): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    clearTimeout(waiter.timer);
    if (answer instanceof Error) waiter.reject(answer);
    else waiter.resolve(answer);
  }
}

/** The process stops: the journal keeps what was promised, and nobody was promised anything else. */
function letGo(): PlatformError<"invoker/closing"> {
  return new PlatformError("invoker/closing", "the platform is stopping and cut this activation");
}
