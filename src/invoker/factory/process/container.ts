import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "../../../kernel/json.ts";
import type { Container, ContainerDescriptor, RuntimeAnswer } from "../../factory.ts";
import type { RuntimeClient } from "../../transport/client.ts";
import { endOf } from "./end.ts";
import type { LogCollector } from "./logs.ts";
import { identify, signal } from "./proc.ts";
import type { Spawned } from "./spawner.ts";

/** What the container needs of its factory. */
export interface ContainerParts {
  readonly descriptor: ContainerDescriptor;
  readonly pid: number;
  readonly client: RuntimeClient;
  /** Absent for a container that was attached: its pipes went with the process that held them. */
  readonly logs?: LogCollector;
  readonly ended: Promise<void>;
  readonly wasOutOfMemory: () => boolean;
  readonly onPaused: () => void;
  readonly onResumed: () => void;
  readonly destroy: () => Promise<void>;
}

/** The order of output and answers says when a log is whole; see LogCollector. */
const NO_SENTINELS = "X-Skein-Sentinel: none\r\n";
/** Milliseconds between a broken connection and the news that its process ended, when it did. */
const EXIT_NEWS_MS = 1000;

/** A container that is a process and its descendants. */
export class ProcessContainer implements Container {
  readonly descriptor: ContainerDescriptor;
  readonly ended: Promise<void>;
  readonly #parts: ContainerParts;
  #hasEnded = false;
  #running = 0;
  #destroyed: Promise<void> | undefined;

  constructor(parts: ContainerParts) {
    this.descriptor = parts.descriptor;
    this.ended = parts.ended;
    this.#parts = parts;
    void parts.ended.then(() => {
      this.#hasEnded = true;
    });
  }

  async init(body: JsonObject, deadlineMs: number): Promise<RuntimeAnswer> {
    const request = { timeoutMs: deadlineMs, headers: NO_SENTINELS };
    const answer = await this.#parts.client.post("/init", JSON.stringify(body), request);
    // What a successful init printed is the first run's.
    if (answer.kind === "answer" && answer.status !== 200) this.#parts.logs?.onAnswered();
    return answer.kind === "gone" ? this.#gone() : answer;
  }

  async run(body: JsonObject, deadlineMs: number): Promise<RuntimeAnswer> {
    if (this.#running === 0) {
      // Whoever collects each run's log before the next run never waits here.
      const ending = this.#parts.logs?.ending;
      if (ending !== undefined) await ending;
      this.#parts.logs?.onFirstRun();
    }
    this.#running += 1;
    const answer = await this.#parts.client.post("/run", JSON.stringify(body), { timeoutMs: deadlineMs });
    this.#running -= 1;
    if (answer.kind === "answer") this.#parts.logs?.onAnswered();
    return answer.kind === "gone" ? this.#gone() : answer;
  }

  async logs(options: { readonly bytesMax: number; readonly waitMs: number }): Promise<readonly string[]> {
    return (await this.#parts.logs?.take(options)) ?? [];
  }

  pause(): Promise<void> {
    if (!this.#hasEnded) signal(-this.#parts.pid, "SIGSTOP");
    this.#parts.onPaused();
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.#parts.onResumed();
    if (!this.#hasEnded) signal(-this.#parts.pid, "SIGCONT");
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#parts.destroy();
    return this.#destroyed;
  }

  /** Why the connection broke: an end of the process is told a moment after its sockets close. */
  async #gone(): Promise<RuntimeAnswer> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, EXIT_NEWS_MS);
    });
    await Promise.race([this.ended, patience]);
    clearTimeout(timer);
    if (this.#parts.wasOutOfMemory()) return { kind: "gone", reason: "out-of-memory" };
    return { kind: "gone", reason: this.#hasEnded ? "exited" : "connection" };
  }
}

/** What a process tells without being asked. */
export interface Followed {
  /** When it began, as /proc says; undefined when it had ended before anybody looked. */
  readonly startTime: number | undefined;
  /** Resolves when it ended. */
  readonly ended: Promise<void>;
  /** Somebody knows that it has ended: `ended` waits for no news of it. */
  readonly onGone: () => void;
  /** True when it ended because V8's heap was full. */
  readonly wasHeapExhausted: () => boolean;
  /** The end of what it wrote to stderr. */
  readonly lastWords: () => string;
}

/** How long words that were written are waited for, on a machine that is busy. */
const LAST_WORDS_MS = 250;
const HEAP_WORDS = /heap out of memory|Allocation failed/;

/**
 * Follows a process: feeds its output to the collector, and tells when it ended and whether of its heap. Output goes on after the
 * end as long as a descendant holds the streams; `destroy` ends those.
 */
export function follow({ pid, streams, exit }: Spawned, logs: LogCollector): Followed {
  const startTime = identify(pid)?.startTime;
  let heapExhausted = false;
  // The two latest chunks of stderr are enough to hold V8's message, and cost no copy.
  let last: Buffer = Buffer.alloc(0);
  let beforeLast = last;
  const lastWords = () => Buffer.concat([beforeLast, last]).toString("utf8").slice(-2000);
  for (const name of ["stdout", "stderr"] as const) {
    const stream = streams[name];
    stream.on("data", (chunk: Buffer) => {
      logs.onBytes(name, chunk);
      if (name === "stdout") return;
      beforeLast = last;
      last = chunk;
    });
    stream.on("close", () => logs.onClose(name));
    stream.resume();
  }
  const { promise: ended, resolve: onGone } = Promise.withResolvers<void>();
  void exit.then(async (how) => {
    if (how === "unknown") {
      if (startTime !== undefined) await endOf({ pid, startTime });
      return onGone();
    }
    // Its last words came by another way than this news: they are here, but may not have been read.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    // V8 aborts; limiters and shells tell that as 134. Its words are looked for until the stream ends, which a child may put off.
    if (how.signal === "SIGABRT" || how.code === 134) {
      const until = performance.now() + LAST_WORDS_MS;
      while (!HEAP_WORDS.test(lastWords()) && !streams.stderr.closed && performance.now() < until) await delay(5);
      heapExhausted = HEAP_WORDS.test(lastWords());
    }
    onGone();
  });
  return { startTime, ended, onGone, wasHeapExhausted: () => heapExhausted, lastWords };
}
