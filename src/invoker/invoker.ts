import { hash, randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import type { ActivationMessage, RunOutcome } from "../kernel/activation.ts";
import type { Clock } from "../kernel/clock.ts";
import type { DispatchEvents, InvokerPort } from "../kernel/dispatch.ts";
import { PlatformError } from "../kernel/errors.ts";
import type { ActivationId, ContainerId } from "../kernel/ids.ts";
import type { Instant } from "../kernel/instants.ts";
import type { Log } from "../kernel/log.ts";
import type { InvokerOptions } from "../kernel/options/options.ts";
import { isHealthy, whiskError } from "./answers.ts";
import { BusyPoll } from "./busy-poll.ts";
import { Cells } from "./cells.ts";
import { CodeCache, type ReadCode } from "./code-cache.ts";
import { jobOf } from "./core/job.ts";
import type { PoolEffect, Refusal } from "./core/messages.ts";
import { Pool } from "./core/pool.ts";
import { Execution, Executor, type RunEnd } from "./execution.ts";
import type { Container, ContainerFactory, MadeFor } from "./factory.ts";
import { PoolDriver } from "./pool-driver.ts";
import { collectLogs } from "./run-logs.ts";
import { type InvokerStatus, type ShellStatus, statusOf } from "./status.ts";

/** What an invoker is made of. */
export interface InvokerParts {
  readonly options: InvokerOptions;
  /** Bytes of a result; said in the text of a truncated one. */
  readonly resultBytesMax: number;
  readonly factory: ContainerFactory;
  /** Reads an action's code from wherever it is kept. */
  readonly readCode: ReadCode;
  /** What containers see as `__OW_API_HOST`; asked at each creation, as a port may be known only after listening. */
  readonly apiHost: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Start of the ids of this process's containers, unlike that of any process before; random when absent. */
  readonly containerPrefix?: string;
}

/** Creations that fail one after another before the invoker counts as unhealthy: OpenWhisk's tolerance. */
const FAILURES_TOLERATED = 3;
/** For how long it does. Whoever sends it nothing more while it is unhealthy would else never see it recover. Chosen. */
const UNHEALTHY_MS = 60_000;

/** Bytes of code kept in memory, as `/init` takes it. Chosen: a few hundred usual actions, or the largest one. */
const CODE_CACHE_BYTES = 67_108_864;

const REFUSALS = {
  "invoker/buffer-full": "the invoker's waiting line is full",
  "invoker/too-large": "the action's memory limit is above the invoker's memory",
  "invoker/kind-unavailable": "the action's kind has no runtime here",
  "invoker/closing": "the invoker is stopping",
} as const satisfies Record<Refusal, string>;

/**
 * Runs activations in containers: the shell around {@link Pool}. Carries out the pool's effects, reports what came of them, and
 * tells the controller.
 */
export class Invoker implements InvokerPort {
  readonly #parts: InvokerParts;
  readonly #driver: PoolDriver;
  readonly #executor: Executor;
  readonly #cells: Cells;
  readonly #runs = new Map<ActivationId, Execution>();
  /** Digests of init parameters: a controller gives the same object with every activation of a revision. */
  readonly #environments = new WeakMap<object, string>();
  #kinds: ReadonlySet<string> = new Set();
  readonly #starts = { cold: 0, prewarmed: 0, warm: 0 };
  #started = false;
  #onDrained: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: InvokerParts) {
    const { options, factory, apiHost, clock, log, resultBytesMax } = parts;
    this.#parts = parts;
    const pool = new Pool({ ...options, containerPrefix: parts.containerPrefix ?? randomBytes(6).toString("hex") });
    this.#driver = new PoolDriver(pool, clock, (effect) => this.#apply(effect));
    this.#cells = new Cells({ factory, apiHost, clock, log, report: (event) => this.#driver.step(event) });
    const code = new CodeCache(parts.readCode, CODE_CACHE_BYTES);
    // A core for each run, and one for this loop.
    const busyPoll = new BusyPoll({ clock, forMs: options.busyPollUs / 1000, runsMax: availableParallelism() - 1 });
    this.#executor = new Executor({ clock, log, code, busyPoll, resultBytesMax });
  }

  /** Destroys what a former process left behind, then begins to keep stem cells. Rejects when the factory cannot list. */
  async start(): Promise<void> {
    await this.#cells.sweep();
    this.#readKinds();
    this.#driver.step({ kind: "start" });
    this.#started = true;
  }

  dispatch(message: ActivationMessage, events: DispatchEvents): void {
    const run = new Execution(message, events);
    const { activationId, exec } = message;
    if (this.#closed === undefined && this.#runs.has(activationId)) {
      const text = `activation ${activationId} is at this invoker already`;
      return this.#tellRefused(run, new PlatformError("internal/unexpected", text));
    }
    if (this.#closed !== undefined) return this.#tellRefused(run, refusal("invoker/closing"));
    this.#runs.set(activationId, run);
    // A runtime may have been installed meanwhile: look again before the pool refuses.
    if (!this.#kinds.has(exec.kind)) this.#readKinds();
    this.#driver.step({ kind: "activation", job: jobOf(message, this.#environmentOf(message.initEnv)) });
  }

  /** Takes nothing more, waits for what runs until `deadline`, then destroys everything. Idempotent. */
  async close(deadline: Instant): Promise<void> {
    this.#closed ??= this.#close(deadline);
    await this.#closed;
  }

  /** Counts for operators. */
  status(): InvokerStatus {
    return statusOf(this.#driver.snapshot(), { health: this.#health(), starts: this.#starts });
  }

  #health(): ShellStatus["health"] {
    if (!this.#started || this.#closed !== undefined) return "down";
    const { inRow, lastAt } = this.#cells.failures;
    const recent = lastAt !== undefined && this.#parts.clock.now() - lastAt < UNHEALTHY_MS;
    return recent && inRow > FAILURES_TOLERATED ? "unhealthy" : "up";
  }

  #apply(effect: PoolEffect): void {
    switch (effect.kind) {
      case "run":
        return void this.#run(effect.container, effect.activation);
      case "init":
        return void this.#init(effect.container, effect.activation);
      case "create":
        return void this.#cells.create(effect, this.#madeFor(effect.activation));
      case "pause":
        return void this.#cells.pause(effect.container);
      case "resume":
        return void this.#cells.resume(effect.container);
      case "destroy":
        return void this.#cells.destroy(effect.container);
      case "refuse":
        return this.#refuse(effect.activation, refusal(effect.code));
      case "fail":
        return this.#failRun(effect);
      case "prewarm-abandoned":
        this.#parts.log.error(
          { kind: effect.runtime, memoryMb: effect.memoryMb },
          "stem cells fail; none are made for now",
        );
        return;
      case "drained":
        return this.#onDrained?.();
    }
  }

  async #init(id: ContainerId, activation: ActivationId): Promise<void> {
    const run = this.#runOf(activation);
    const cell = this.#cells.get(id);
    this.#starts[cell.stem ? "prewarmed" : "cold"] += 1;
    const end = await this.#executor.init(cell.container, run);
    switch (end.kind) {
      case "ok":
        return this.#driver.step({ kind: "initialised", container: id });
      case "withdrawn":
        return this.#withdraw(id, run, end.error);
      case "over":
        cell.initFailure = end.outcome.response;
        this.#tellResult(run, end.outcome);
        this.#tellComplete(run, end.outcome, await this.#logsOf(cell.container, run, end));
        return this.#driver.step({ kind: "init-failed", container: id });
    }
  }

  async #run(id: ContainerId, activation: ActivationId): Promise<void> {
    const run = this.#runOf(activation);
    const { container } = this.#cells.get(id);
    if (run.initTimeMs === undefined) this.#starts.warm += 1;
    const admission = run.begun ? undefined : this.#executor.admit(run);
    if (admission !== undefined) {
      const withdrawal = await admission;
      if (withdrawal !== undefined) return this.#withdraw(id, run, withdrawal.error);
    }
    const end = await this.#executor.run(container, run);
    const healthy = isHealthy(end.outcome.response);
    const { logsMb, concurrency } = run.message.limits;
    const ran = { kind: "ran", container: id, activation, healthy } as const;
    if (logsMb === 0) {
      // Nothing to collect: the container is free before the answer is told, as the teller may be back at once.
      this.#driver.step(ran);
      this.#tellResult(run, end.outcome);
      return this.#tellComplete(run, end.outcome, []);
    }
    const settles = healthy && concurrency === 1;
    if (settles) this.#driver.step({ kind: "answered", container: id, activation });
    this.#tellResult(run, end.outcome);
    const logs = await this.#logsOf(container, run, end);
    this.#driver.step(settles ? { kind: "settled", container: id } : ran);
    this.#tellComplete(run, end.outcome, logs);
  }

  /** Gives an activation back that the controller did not let begin. */
  #withdraw(id: ContainerId, run: Execution, error: Error): void {
    const { activationId } = run.message;
    this.#driver.step({ kind: "withdrawn", container: id, activation: activationId });
    this.#refuse(activationId, error);
  }

  /** Ends an activation whose container came to nothing. */
  #failRun({ activation, container, reason }: Extract<PoolEffect, { kind: "fail" }>): void {
    const run = this.#runOf(activation);
    const shared = reason === "init" ? this.#cells.get(container).initFailure : undefined;
    const response = shared ?? whiskError("Failed to provision resources to run the action.");
    const outcome = this.#executor.without(run, response);
    this.#tellResult(run, outcome);
    this.#tellComplete(run, outcome, []);
  }

  async #logsOf(container: Container, run: Execution, { logs }: RunEnd): Promise<readonly string[]> {
    return await collectLogs(container, { logsMb: run.message.limits.logsMb, expected: logs }, this.#parts);
  }

  async #close(deadline: Instant): Promise<void> {
    const { clock, factory, log } = this.#parts;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadline - clock.now()));
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#driver.step({ kind: "close" });
    });
    this.#driver.stop();
    if (this.#runs.size > 0) log.warn({ activations: this.#runs.size }, "cutting what still runs");
    for (const run of this.#runs.values()) this.#cut(run);
    this.#runs.clear();
    await factory.close();
  }

  /** Ends an activation that the stop does not wait for. What may start again is given back instead of being lost. */
  #cut(run: Execution): void {
    if (run.outcome !== undefined) return this.#tellComplete(run, run.outcome, []);
    if (!run.begun || run.message.retryOnLoss) return this.#tellRefused(run, refusal("invoker/closing"));
    const outcome = this.#executor.without(run, whiskError("The invoker stopped while the action was running."));
    this.#tellResult(run, outcome);
    this.#tellComplete(run, outcome, []);
  }

  #madeFor(activation: ActivationId | undefined): MadeFor | undefined {
    const message = activation === undefined ? undefined : this.#runs.get(activation)?.message;
    if (message === undefined) return undefined;
    const { action, caller } = message;
    return {
      namespace: caller.namespace,
      action: `/${action.namespace}/${action.path}`,
      revision: String(action.revision),
    };
  }

  #runOf(activation: ActivationId): Execution {
    const run = this.#runs.get(activation);
    if (run === undefined) throw new Error(`activation ${activation} is not here`);
    return run;
  }

  #refuse(activation: ActivationId, error: Error): void {
    const run = this.#runOf(activation);
    this.#runs.delete(activation);
    this.#tellRefused(run, error);
  }

  #tellResult(run: Execution, outcome: RunOutcome): void {
    if (run.over) return;
    run.outcome = outcome;
    try {
      run.events.onResult(outcome);
    } catch (error) {
      this.#complain(run, error);
    }
  }

  #tellComplete(run: Execution, outcome: RunOutcome, logs: readonly string[]): void {
    if (run.over) return;
    run.over = true;
    this.#runs.delete(run.message.activationId);
    try {
      run.events.onComplete(outcome, logs);
    } catch (error) {
      this.#complain(run, error);
    }
  }

  #tellRefused(run: Execution, refused: Error): void {
    if (run.over) return;
    run.over = true;
    try {
      run.events.onRefused(refused);
    } catch (error) {
      this.#complain(run, error);
    }
  }

  #complain(run: Execution, error: unknown): void {
    const { activationId, transactionId } = run.message;
    this.#parts.log.error({ err: error, activationId, transactionId }, "a listener of an activation threw");
  }

  #readKinds(): void {
    const kinds = this.#parts.factory.kinds();
    if (kinds.length === this.#kinds.size && kinds.every((kind) => this.#kinds.has(kind))) return;
    this.#kinds = new Set(kinds);
    this.#driver.step({ kind: "kinds", kinds });
  }

  #environmentOf(initEnv: Readonly<Record<string, string>>): string {
    let digest = this.#environments.get(initEnv);
    if (digest === undefined) {
      const entries = Object.entries(initEnv).sort(([a], [b]) => (a < b ? -1 : 1));
      digest = entries.length === 0 ? "" : hash("sha256", JSON.stringify(entries));
      this.#environments.set(initEnv, digest);
    }
    return digest;
  }
}

function refusal(code: Refusal): PlatformError {
  return new PlatformError(code, REFUSALS[code]);
}
