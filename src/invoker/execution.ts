import type { ActivationMessage, ActivationResponse, RunOutcome } from "../kernel/activation.ts";
import type { Clock } from "../kernel/clock.ts";
import type { DispatchEvents } from "../kernel/dispatch.ts";
import { type Instant, instantOf } from "../kernel/instants.ts";
import type { Log } from "../kernel/log.ts";
import { applicationError, initResponse, runResponse, whiskError } from "./answers.ts";
import { initBody, runBody } from "./bodies.ts";
import type { BusyPoll } from "./busy-poll.ts";
import type { CodeCache } from "./code-cache.ts";
import type { Container, RuntimeAnswer } from "./factory.ts";
import type { LogState } from "./run-logs.ts";

/** One activation on its way through the invoker. */
export class Execution {
  readonly message: ActivationMessage;
  readonly events: DispatchEvents;
  /** It may have had an effect inside a container. */
  begun = false;
  /** Set once its result was told. */
  outcome: RunOutcome | undefined;
  /** Nothing more may be told of it. */
  over = false;
  /** Epoch milliseconds, and the same moment on the monotonic clock: spans are taken there, as calendar time may jump. */
  startAt = 0;
  startInstant: Instant = instantOf(0);
  /** Whole milliseconds of the init this activation paid for. */
  initTimeMs: number | undefined;

  constructor(message: ActivationMessage, events: DispatchEvents) {
    this.message = message;
    this.events = events;
  }
}

/** What executions need of the invoker. */
export interface ExecutionParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly code: CodeCache;
  readonly busyPoll: BusyPoll;
  readonly resultBytesMax: number;
}

/** How a run ended. */
export interface RunEnd {
  readonly kind: "over";
  readonly outcome: RunOutcome;
  readonly logs: LogState;
}

/** The controller did not let it begin. */
export interface Withdrawal {
  readonly kind: "withdrawn";
  readonly error: Error;
}

/** The calls into a container that one activation makes, and what their answers mean. Never rejects. */
export class Executor {
  readonly #parts: ExecutionParts;

  constructor(parts: ExecutionParts) {
    this.#parts = parts;
  }

  /** Gives a container the action's code on behalf of an activation. A result means that it failed. */
  async init(container: Container, run: Execution): Promise<{ readonly kind: "ok" } | RunEnd | Withdrawal> {
    const { message } = run;
    this.#start(run);
    const code = await this.#codeOf(message);
    if (typeof code !== "string") return { kind: "over", outcome: this.#outcome(run, code, false), logs: "none" };
    const withdrawal = await this.admit(run);
    if (withdrawal !== undefined) return withdrawal;
    this.#start(run);
    const { timeoutMs } = message.limits;
    const answer = await this.#ask(
      container,
      container.init(initBody(message, code, run.startAt + timeoutMs), timeoutMs),
    );
    run.initTimeMs = this.#sinceStartMs(run);
    const response = initResponse(answer, { timeoutMs, resultBytesMax: this.#parts.resultBytesMax });
    if (response === undefined) return { kind: "ok" };
    const outcome = this.#outcome(run, response, answer.kind === "timeout");
    return { kind: "over", outcome, logs: answer.kind === "answer" ? "whole" : "remains" };
  }

  /** Asks the controller whether the activation may begin. Undefined at once when it may at once: no promise on the hot path. */
  admit(run: Execution): Promise<Withdrawal | undefined> | undefined {
    let held: Promise<void> | undefined;
    try {
      held = run.events.beforeRun();
    } catch (error) {
      held = Promise.reject(errorOf(error));
    }
    if (held !== undefined) return this.#admitLater(run, held);
    run.begun = true;
    return undefined;
  }

  /** Runs an activation in a container that has its code. */
  async run(container: Container, run: Execution): Promise<RunEnd> {
    const { message } = run;
    if (run.initTimeMs === undefined) this.#start(run);
    const { timeoutMs } = message.limits;
    const deadlineAt = this.#parts.clock.wallMs() + timeoutMs;
    const asked = this.#ask(container, container.run(runBody(message, deadlineAt), timeoutMs));
    this.#parts.busyPoll.enter();
    const answer = await asked;
    this.#parts.busyPoll.leave();
    const response = runResponse(answer, { timeoutMs, resultBytesMax: this.#parts.resultBytesMax });
    const outcome = this.#outcome(run, response, answer.kind === "timeout");
    return { kind: "over", outcome, logs: answer.kind === "answer" ? "whole" : "remains" };
  }

  /** The outcome of an activation that ends without an answer of its own. */
  without(run: Execution, response: ActivationResponse): RunOutcome {
    if (run.startAt === 0) this.#start(run);
    return this.#outcome(run, response, false);
  }

  async #admitLater(run: Execution, held: Promise<void>): Promise<Withdrawal | undefined> {
    try {
      await held;
      run.begun = true;
      return undefined;
    } catch (error) {
      return { kind: "withdrawn", error: errorOf(error) };
    }
  }

  #start(run: Execution): void {
    run.startAt = this.#parts.clock.wallMs();
    run.startInstant = this.#parts.clock.now();
  }

  #sinceStartMs(run: Execution): number {
    return Math.round(this.#parts.clock.now() - run.startInstant);
  }

  #outcome(run: Execution, response: ActivationResponse, timedOut: boolean): RunOutcome {
    const { startAt, initTimeMs } = run;
    const endAt = startAt + this.#sinceStartMs(run);
    return initTimeMs === undefined
      ? { response, startAt, endAt, timedOut }
      : { response, startAt, endAt, initTimeMs, timedOut };
  }

  /** The code as `/init` takes it, or the response of an activation whose code cannot be had. The texts are OpenWhisk's. */
  async #codeOf(message: ActivationMessage): Promise<string | ActivationResponse> {
    try {
      const code = await this.#parts.code.get(message.exec.code, message.exec.binary);
      return code ?? applicationError("Action could not be found or may have been deleted.");
    } catch (error) {
      const { transactionId, activationId } = message;
      this.#parts.log.error({ err: error, transactionId, activationId }, "an action's code could not be read");
      return whiskError("Action could not be fetched.");
    }
  }

  /** A call that rejects is a connection that broke: the port promises answers, but a container must not be reused on doubt. */
  async #ask(container: Container, call: Promise<RuntimeAnswer>): Promise<RuntimeAnswer> {
    try {
      return await call;
    } catch (error) {
      this.#parts.log.warn({ err: error, container: container.descriptor.id }, "a call into a container failed");
      return { kind: "gone", reason: "connection" };
    }
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
