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
  /** Resolves when the last run under way is answered, once the output is over. */
  readonly #idle = Promise.withResolvers<void>();
  /** Of a runtime without sentinels: resolves when the last answered run's output counts as here. */
  #settling: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(parts: ContainerParts) {
    this.descriptor = parts.descriptor;
    this.#parts = parts;
    this.ended = parts.output.over.then(async (over) => {
      // Without its output it may still answer what it runs, but is not used again.
      if (over.how === "cut" && this.#running > 0) await this.#idle.promise;
    });
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
    if (this.#running === 0 && this.#parts.output.isOver()) this.#idle.resolve();
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
    const over = await Promise.race([this.#parts.output.over, delay(EXIT_NEWS_MS, undefined, { ref: false })]);
    if (over?.how !== "ended") return { kind: "gone", reason: "connection" };
    return { kind: "gone", reason: over.outOfMemory ? "out-of-memory" : "exited" };
  }
}

/** Why there is no more output. */
export type Over =
  | { readonly how: "ended"; readonly outOfMemory: boolean }
  /** The engine let go of the stream, for it was restarted, or does not answer: the container may go on. */
  | { readonly how: "cut" };

/** What a container tells without being asked. */
export interface Output {
  readonly over: Promise<Over>;
  readonly isOver: () => boolean;
  /** The end of what it printed to stderr. */
  readonly lastWords: () => string;
  /** The container is about to be removed: however it ends now, that is why. */
  readonly onRemoval: () => void;
  /** Stops following; the container counts as ended. */
  readonly stop: () => void;
}

/** Times that an engine is asked what became of a container whose stream it ended. */
const ASKED_MAX = 20;
const ASK_AGAIN_MS = 500;
/** Podman counts a container whose output just ended as running for a moment: believed when it says so several times. */
const RUNNING_BELIEVED = 5;
const RUNNING_AGAIN_MS = 100;
const LAST_WORDS = 2000;
const SIGKILL_CODE = 137;

/**
 * Follows a container's output, which goes to `logs`, and its end, of which the end of its output is the news. A stream that was
 * cut is not opened again: what was printed meanwhile is lost, sentinels too, and all later logs would be taken for others.
 */
export function follow(
  { engine, engineId, logs }: Pick<ContainerParts, "engine" | "engineId" | "logs">,
  stream: Duplex,
): Output {
  const removal = new AbortController();
  let isOver = false;
  let last: Buffer = Buffer.alloc(0);
  const onBytes = (name: LogStream, bytes: Buffer): void => {
    logs.onBytes(name, bytes);
    if (name === "stderr") last = Buffer.concat([last.subarray(-LAST_WORDS), bytes.subarray(-LAST_WORDS)]);
  };
  const reading = async (): Promise<Over> => {
    await read(stream, new FrameReader(onBytes));
    isOver = true;
    logs.onClose("stdout");
    logs.onClose("stderr");
    return await causeOf(engine, engineId, removal.signal);
  };
  return {
    over: reading(),
    isOver: () => isOver,
    lastWords: () => last.toString("utf8").slice(-LAST_WORDS),
    onRemoval: () => removal.abort(),
    stop: () => {
      removal.abort();
      stream.destroy();
    },
  };
}

/** Why an output ended, unless it is for its `removal`. An engine that was restarted is given time to come back. */
async function causeOf(engine: DockerEngine, engineId: string, removal: AbortSignal): Promise<Over> {
  let running = 0;
  for (let asked = 0; asked < ASKED_MAX && !removal.aborted; asked += 1) {
    try {
      const found = await engine.inspect(engineId);
      if (removal.aborted) break;
      if (found?.running !== true) {
        return { how: "ended", outOfMemory: found !== undefined && wasOutOfMemory(found) };
      }
      running += 1;
      if (running === RUNNING_BELIEVED) return { how: "cut" };
      await delay(RUNNING_AGAIN_MS, undefined, { ref: false });
    } catch {
      // It does not answer; whether the container goes on is not known.
      await delay(ASK_AGAIN_MS, undefined, { ref: false });
    }
  }
  return removal.aborted ? { how: "ended", outOfMemory: false } : { how: "cut" };
}

/**
 * Engines miss some of the kernel's kills (Podman with the first version of cgroups all of them), and nobody but the kernel sends
 * SIGKILL to a container that is not being removed, except an operator, who knows.
 */
function wasOutOfMemory({ outOfMemory, exitCode }: EngineContainer): boolean {
  return outOfMemory || exitCode === SIGKILL_CODE;
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
