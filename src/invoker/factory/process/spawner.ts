import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PlatformError } from "../../../kernel/errors.ts";
import type { SpawnCommand } from "./spawn.ts";
import { StreamDesk, type Streams } from "./streams.ts";

/** What the spawner is to start, and where its streams go. Plain data: it crosses a channel. */
export interface SpawnOrder extends SpawnCommand {
  /** Names the container between the platform and its spawner, and opens its streams. */
  readonly token: string;
  /** Where the platform listens for streams. */
  readonly socket: string;
}

/** What the spawner tells. */
export type SpawnerNews =
  | { readonly kind: "spawned"; readonly token: string; readonly pid: number }
  | { readonly kind: "failed"; readonly token: string; readonly message: string }
  | { readonly kind: "exited"; readonly token: string; readonly code: number | null; readonly signal: string | null };

/** How a process ended; `unknown` when the spawner ended first, and who wants to know has to look itself. */
export type Exit = { readonly code: number | null; readonly signal: string | null } | "unknown";

/** A container's process as it began. */
export interface Spawned {
  readonly pid: number;
  readonly streams: Streams;
  readonly exit: Promise<Exit>;
}

interface Order {
  readonly spawned: PromiseWithResolvers<number>;
  readonly exit: PromiseWithResolvers<Exit>;
}

/** Chosen: a fork takes milliseconds, a new spawner's own start some forty. One that is silent for so long is stuck. */
const ANSWER_MS = 10_000;
const MAIN = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./spawner-main.ts" : "./spawner-main.js", import.meta.url),
);

/**
 * Starts processes through a small one of its own (see spawner-main.ts), which it starts at once, and again when it is needed and
 * has died. Its end takes no container with it.
 */
export class Spawner {
  readonly #command: readonly [string, ...string[]];
  readonly #desk: StreamDesk;
  #child: ChildProcess | undefined;
  /** Of the present child; both sides of an order are settled at the child's end. */
  #orders = new Map<string, Order>();
  #closed = false;

  /** `limiter` is the command that lowers limits and becomes what follows it; `folder` is where streams arrive. */
  constructor(options: { readonly limiter: readonly string[]; readonly folder: string }) {
    const [file, ...args] = [...options.limiter, process.execPath];
    // No type stripping's warning in a checkout, and a young generation that stays small.
    this.#command = [file, ...args, "--disable-warning=ExperimentalWarning", "--max-semi-space-size=1", MAIN];
    this.#desk = new StreamDesk(options.folder);
    this.#begin();
  }

  /** Process id of the spawner, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts a process. `onPid` hears of it as soon as it is there, before its streams are.
   * @throws invoker/container-failed when it cannot be started, or the spawner ends meanwhile or says nothing for ten seconds. When
   * `onPid` was not called, a process may nevertheless have begun; none begins afterwards.
   */
  async spawn(command: SpawnCommand, onPid: (pid: number) => void): Promise<Spawned> {
    const child = this.#child ?? this.#begin();
    const { token, streams } = this.#desk.expect();
    const order: Order = { spawned: Promise.withResolvers(), exit: Promise.withResolvers() };
    this.#orders.set(token, order);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      // Whatever it still does would come behind the back of those who clear up now.
      child.kill("SIGKILL");
      late.reject(failure("the spawner does not answer"));
    }, ANSWER_MS);
    try {
      child.send({ ...command, token, socket: this.#desk.path } satisfies SpawnOrder, (error) => {
        if (error !== null) order.spawned.reject(failure("the spawner cannot be reached", error));
      });
      const pid = await Promise.race([order.spawned.promise, late.promise]);
      onPid(pid);
      return { pid, streams: await Promise.race([streams, late.promise]), exit: order.exit.promise };
    } catch (error) {
      this.#desk.forget(token);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the spawner. Containers go on, and their ends are told as `unknown`. */
  close(): void {
    this.#closed = true;
    this.#desk.close();
    // Rather than a disconnect: nothing under way is to be finished.
    this.#child?.kill("SIGKILL");
  }

  #begin(): ChildProcess {
    if (this.#closed) throw new PlatformError("invoker/closing", "containers are no longer made");
    const [file, ...args] = this.#command;
    const orders = new Map<string, Order>();
    const child = spawn(file, args, {
      cwd: "/",
      env: {},
      // Out of reach of a terminal's signals; what it has to say about a defect of its own is for the platform's log.
      detached: true,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const onEnd = () => {
      if (this.#child === child) this.#child = undefined;
      for (const { spawned, exit } of orders.values()) {
        spawned.reject(failure("the spawner ended"));
        exit.resolve("unknown");
      }
      orders.clear();
    };
    // `disconnect` comes after all that it said; `error` when it could not even begin.
    child.on("message", (news) => onNews(orders, news as SpawnerNews));
    child.on("disconnect", onEnd);
    child.on("error", onEnd);
    child.unref();
    child.channel?.unref();
    this.#orders = orders;
    this.#child = child;
    return child;
  }
}

function onNews(orders: Map<string, Order>, news: SpawnerNews): void {
  const order = orders.get(news.token);
  switch (news.kind) {
    case "spawned":
      order?.spawned.resolve(news.pid);
      break;
    case "failed":
      order?.spawned.reject(failure(`process cannot be started: ${news.message}`));
      orders.delete(news.token);
      break;
    case "exited":
      order?.exit.resolve({ code: news.code, signal: news.signal });
      orders.delete(news.token);
      break;
  }
}

function failure(message: string, cause?: unknown): PlatformError {
  return new PlatformError("invoker/container-failed", message, cause === undefined ? {} : { cause });
}
