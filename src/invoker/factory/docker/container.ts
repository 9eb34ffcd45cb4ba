import { setTimeout as delay } from "node:timers/promises";
import type { Duplex } from "node:stream";
import type { JsonObject } from "../../../kernel/json.ts";
import type { Container, ContainerDescriptor, RuntimeAnswer } from "../../factory.ts";
import type { RuntimeClient } from "../../transport/client.ts";
import { type LogCollector, type LogStream } from "../process/logs.ts";
import type { Sentinel } from "./creation.ts";
import type { DockerEngine, EngineContainer } from "./engine.ts";
import { FrameReader } from "./frames.ts";

/** What the container needs of its factory. */
export interface ContainerParts {
  readonly descriptor: ContainerDescriptor;
  readonly engineId: string;
  readonly engine: DockerEngine;
  readonly client: RuntimeClient;
  readonly logs: LogCollector;
  readonly sentinel: Sentinel;
  readonly output: Output;
  /** Skein's own runtime keeps connections open between calls. */
  readonly keepAlive: boolean;
  /** Ends and removes it. */
  readonly destroy: () => Promise<void>;
}

/** Milliseconds between a broken connection and the news that the container ended, when it did. Chosen: the engine takes some 50. */
const EXIT_NEWS_MS = 1000;
/** Milliseconds after an answer in which a runtime without sentinels gets its output across. Chosen: the engine takes a few. */
const UNMARKED_MS = 100;
/** A server that closes idle connections after seconds does so at once when it wakes from a pause: each call has its own then. */
const CLOSE = "Connection: close\r\n";

/** A container of the engine. */
export class DockerContainer implements Container {
  readonly descriptor: ContainerDescriptor;
  readonly ended: Promise<void>;
  readonly #parts: ContainerParts;
  #running = 0;
  /** Of a runtime without sentinels: resolves when the last answered run's output counts as here. */
  #settling: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(parts: ContainerParts) {
    this.descriptor = parts.descriptor;
    this.ended = parts.output.ended.then(() => undefined);
    this.#parts = parts;
  }

  async init(body: JsonObject, deadlineMs: number): Promise<RuntimeAnswer> {
    const { sentinel } = this.#parts;
    const mark = sentinel.kind === "mark" ? `X-Skein-Sentinel: ${sentinel.mark}\r\n` : "";
    const answer = await this.#post("/init", body, { timeoutMs: deadlineMs, headers: mark });
    // What a successful init printed is the first run's.
    if (answer.kind === "answer" && answer.status !== 200) this.#onAnswered();
    return answer;
  }

  async run(body: JsonObject, deadlineMs: number): Promise<RuntimeAnswer> {
    if (this.#running === 0) {
      await this.#settling;
      this.#parts.logs.onFirstRun();
    }
    this.#running += 1;
    const answer = await this.#post("/run", body, { timeoutMs: deadlineMs, headers: "" });
    this.#running -= 1;
    if (answer.kind === "answer") this.#onAnswered();
    return answer;
  }

  async logs(options: { readonly bytesMax: number; readonly waitMs: number }): Promise<readonly string[]> {
    return await this.#parts.logs.take(options);
  }

  async pause(): Promise<void> {
    await this.#parts.engine.pause(this.#parts.engineId);
  }

  async resume(): Promise<void> {
    await this.#parts.engine.unpause(this.#parts.engineId);
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#parts.destroy();
    return this.#destroyed;
  }

  async #post(
    path: "/init" | "/run",
    body: JsonObject,
    options: { readonly timeoutMs: number; readonly headers: string },
  ): Promise<RuntimeAnswer> {
    const headers = this.#parts.keepAlive ? options.headers : options.headers + CLOSE;
    const answer = await this.#parts.client.post(path, JSON.stringify(body), { ...options, headers });
    return answer.kind === "gone" ? await this.#gone() : answer;
  }

  #onAnswered(): void {
    const { logs, sentinel } = this.#parts;
    if (sentinel.kind !== "none") return logs.onAnswered();
    // Nothing says where its log ends: what comes within a moment belongs to it.
    this.#settling = delay(UNMARKED_MS).then(async () => {
      logs.onAnswered();
      await logs.ending;
    });
  }

  /** Why the connection broke: the container's end is told some time after its sockets close. */
  async #gone(): Promise<RuntimeAnswer> {
    const { output } = this.#parts;
    const end = await Promise.race([output.ended, delay(EXIT_NEWS_MS, "running" as const, { ref: false })]);
    if (end === "running") return { kind: "gone", reason: "connection" };
    return { kind: "gone", reason: end?.outOfMemory === true ? "out-of-memory" : "exited" };
  }
}

/** What a container tells without being asked. */
export interface Output {
  /** Resolves when its main process has ended, with what the engine said of it last, if anything. */
  readonly ended: Promise<EngineContainer | undefined>;
  /** The end of what it printed to stderr. */
  readonly lastWords: () => string;
  /** Stops following; the container counts as ended. */
  readonly stop: () => void;
}

/** Times that a stream is opened anew when the engine cut it while the container goes on (the engine was restarted). */
const REOPENED_MAX = 10;
const REOPEN_MS = 500;
const LAST_WORDS = 2000;

/** Follows a container's output, which goes to `logs`, and its end, of which the end of its output is the news. */
export function follow(
  { engine, engineId, logs }: Pick<ContainerParts, "engine" | "engineId" | "logs">,
  first: Duplex,
): Output {
  const { promise: ended, resolve } = Promise.withResolvers<EngineContainer | undefined>();
  let last: Buffer = Buffer.alloc(0);
  const stopping = new AbortController();
  let stream: Duplex | undefined = first;
  const onBytes = (name: LogStream, bytes: Buffer): void => {
    logs.onBytes(name, bytes);
    if (name === "stderr") last = Buffer.concat([last.subarray(-LAST_WORDS), bytes.subarray(-LAST_WORDS)]);
  };
  void (async () => {
    let state: EngineContainer | undefined;
    for (let opened = 0; opened <= REOPENED_MAX; opened += 1) {
      if (stream !== undefined) await read(stream, new FrameReader(onBytes));
      if (stopping.signal.aborted) break;
      state = await engine.inspect(engineId).catch(() => state);
      if (state?.running !== true) break;
      await delay(REOPEN_MS, undefined, { ref: false });
      // When it cannot be opened, the next turn only asks again how the container is.
      stream = await engine.attach(engineId).catch(() => undefined);
      if (stopping.signal.aborted) stream?.destroy();
    }
    logs.onClose("stdout");
    logs.onClose("stderr");
    resolve(state);
  })();
  return {
    ended,
    lastWords: () => last.toString("utf8").slice(-LAST_WORDS),
    stop: () => {
      stopping.abort();
      stream?.destroy();
    },
  };
}

/** Resolves when the stream is over. */
function read(stream: Duplex, frames: FrameReader): Promise<void> {
  return new Promise((resolve) => {
    // An error is an end; `close` follows.
    stream.on("error", () => undefined);
    stream.on("data", (chunk: Buffer) => frames.take(chunk));
    // The engine keeps its half open while nobody ends ours.
    stream.on("end", () => stream.destroy());
    stream.on("close", resolve);
    if (stream.destroyed) resolve();
  });
}
