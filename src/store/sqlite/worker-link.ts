import { Worker } from "node:worker_threads";
import type { Clock } from "../../kernel/clock.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { type Instant, later } from "../../kernel/instants.ts";
import type { Log } from "../../kernel/log.ts";

// Milliseconds after which a thread that answers nothing counts as stuck (a dead network disk). Chosen: far above the slowest commit
// seen on a busy disk, and below the minute that a blocking caller waits.
const STUCK_MS = 30_000;
const WATCH_MS = 2000;

interface Request<Reply> {
  readonly since: Instant;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export interface LinkOptions {
  /** What the thread is called in logs and errors. */
  readonly name: "writer" | "reader";
  readonly database: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A thread that answers requests one by one, in their order. When it dies or gets stuck, what it was asked fails and the next
 * request starts a new one. Bounded by its users: the write queue keeps two requests out, reads are counted.
 */
export class WorkerLink<Message, Reply> {
  readonly #options: LinkOptions;
  #worker: Worker | undefined;
  #waiting: Request<Reply>[] = [];
  #watch: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#worker = this.#start();
  }

  /** @throws `store/unavailable` when the thread ended first; what it had been asked may be done or not. */
  request(message: Message): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    try {
      this.#worker ??= this.#start();
    } catch (cause) {
      reject(new PlatformError("store/unavailable", `cannot start the store's ${this.#options.name}`, { cause }));
      return promise;
    }
    this.#waiting.push({ since: this.#options.clock.now(), resolve, reject });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#worker.postMessage(message);
    this.#watch ??= setInterval(() => this.#check(), WATCH_MS).unref();
    return promise;
  }

  /** Lets the thread finish and end. Nothing may be requested afterwards. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage("close");
    const cut = setTimeout(() => void worker.terminate(), STUCK_MS).unref();
    await ended;
    clearTimeout(cut);
    clearInterval(this.#watch);
  }

  #start(): Worker {
    const { name, database, log } = this.#options;
    const worker = new Worker(entryOf(name), { name: `store-${name}`, workerData: database });
    worker.on("message", (reply: Reply | "closed") => {
      if (reply === "closed") return;
      this.#waiting.shift()?.resolve(reply);
    });
    worker.on("error", (error) => {
      log.error({ err: error, thread: name }, "a store thread failed");
      this.#drop(worker, error);
    });
    worker.on("exit", () => this.#drop(worker, new Error("it ended")));
    return worker;
  }

  #check(): void {
    const oldest = this.#waiting[0];
    if (oldest === undefined) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    const worker = this.#worker;
    if (worker === undefined || this.#options.clock.now() < later(oldest.since, STUCK_MS)) return;
    this.#options.log.error({ thread: this.#options.name, waitedMs: STUCK_MS }, "a store thread is stuck");
    this.#drop(worker, new Error(`it did not answer for ${STUCK_MS} ms`));
    void worker.terminate();
  }

  #drop(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const failed = this.#waiting;
    this.#waiting = [];
    const message = `the store's ${this.#options.name} stopped: ${cause.message}; what it was doing may be done or not`;
    for (const { reject } of failed) reject(new PlatformError("store/unavailable", message, { cause }));
  }
}

function entryOf(name: LinkOptions["name"]): URL {
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  return new URL(`./${name}${extension}`, import.meta.url);
}
