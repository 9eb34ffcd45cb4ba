import { type ActivationRecord, type PromisedActivation, Status, type StatusCode } from "../../kernel/activation.ts";
import type { Incarnation } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { InvocationOptions, StoreLevel } from "../../kernel/options/options.ts";
import type { Random } from "../../kernel/random.ts";
import type { ActivationStore } from "../../store/ports.ts";
import { backoff } from "./backoff.ts";
import { recordPath } from "./record.ts";

interface RecordsDeps {
  readonly options: Pick<InvocationOptions, "storeBlocking" | "storeNonBlocking">;
  readonly activations: ActivationStore;
  readonly me: Incarnation;
  readonly random: Random;
  readonly log: Log;
  /** Aborted when nothing is tried again any more. */
  readonly signal: AbortSignal;
}

/** What is over. */
interface Over {
  readonly message: PromisedActivation;
  /** Settles when the journal has it; undefined when it was promised to nobody. May become that when the journal refuses. */
  readonly journaled: Promise<unknown> | undefined;
  /** Its composition is promised, whose journal entry speaks for it. */
  readonly composed?: "promised";
}

/** Records on their way into the store: their activations are over and count no more. */
export class Records {
  readonly #deps: RecordsDeps;
  readonly #storing = new Set<Promise<boolean>>();

  constructor(deps: RecordsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#storing.size;
  }

  /** Ends an activation. True when its one record is in the store; false when the process stopped before. Never rejects. */
  store(record: ActivationRecord, over: Over): Promise<boolean> {
    const stored = this.#store(record, over).finally(() => this.#storing.delete(stored));
    this.#storing.add(stored);
    return stored;
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#storing);
  }

  /** What OpenWhisk's storage levels say, and what a composition needs to go on after a crash. */
  #keeps({ response }: ActivationRecord, { message, journaled, composed }: Over): boolean {
    if (message.unstored === true) return false;
    if (message.storedAlways === true || composed === "promised") return true;
    const promised = journaled !== undefined;
    const { storeBlocking, storeNonBlocking } = this.#deps.options;
    return isKept(promised ? storeNonBlocking : storeBlocking, response.statusCode);
  }

  /** A store that cannot take the record now is asked again until this process stops. */
  async #store(record: ActivationRecord, over: Over): Promise<boolean> {
    const { activations, me, log, random, signal } = this.#deps;
    const { activationId } = over.message;
    const keep = this.#keeps(record, over);
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (over.journaled !== undefined) await over.journaled;
        const result = await activations.finish(record, {
          path: recordPath(over.message),
          ...(over.journaled === undefined ? undefined : { owner: me }),
          keep,
        });
        if (result !== "stored") log.warn({ activationId, result }, "an activation's record was not stored");
        return result !== "not-owner";
      } catch (error) {
        if (attempt === 1) log.error({ activationId, err: error }, "an activation's record cannot be stored yet");
        if (!(await backoff(attempt, random, signal))) return false;
      }
    }
  }
}

function isKept(level: StoreLevel, status: StatusCode): boolean {
  if (level === "always") return true;
  if (level === "failures") return status !== Status.success;
  return status !== Status.success && status !== Status.applicationError;
}
