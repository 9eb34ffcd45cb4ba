import type { Duplex } from "node:stream";
import Docker from "dockerode";
import { PlatformError } from "../../../kernel/errors.ts";

/** What the engine knows of one container. */
export interface EngineContainer {
  /** The engine's own id. */
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** True while its main process lives, paused or not. */
  readonly running: boolean;
  readonly paused: boolean;
  readonly outOfMemory: boolean;
  readonly exitCode: number;
  /** Its address on its network; empty when it has none. */
  readonly host: string;
}

/** A container to create: the Engine API's own words. */
export type EngineCreate = Docker.ContainerCreateOptions & { readonly name: string };

export interface DockerEngineOptions {
  /** Path of the Unix socket that Docker or Podman serves its API on. */
  readonly socket: string;
  /** Milliseconds that one call may take. */
  readonly callMs: number;
}

/** Containers of one invoker that are listed at most; a pool holds thousands at the very most. Chosen. */
const LISTED_MAX = 100_000;
const NOT_FOUND = 404;
/** "It runs already." */
const NOT_MODIFIED = 304;
/** Bytes of a pull's progress that are looked at for an error, which is its last line. */
const PROGRESS_TAIL = 4096;

/**
 * The few calls of the Docker Engine API that containers need, each with a deadline. Podman serves the same. It rejects with
 * `invoker/container-failed` and the engine's own words.
 */
export class DockerEngine {
  readonly #docker: Docker;
  readonly #options: DockerEngineOptions;

  constructor(options: DockerEngineOptions) {
    this.#options = options;
    this.#docker = new Docker({ socketPath: options.socket });
  }

  /** Makes a container, not yet started, and gives the engine's id. */
  async create(options: EngineCreate): Promise<string> {
    const call = async (abortSignal: AbortSignal) => await this.#docker.createContainer({ ...options, abortSignal });
    return (await this.#call(`create container ${options.name}`, call)).id;
  }

  async start(id: string): Promise<void> {
    const call = (abortSignal: AbortSignal) => this.#docker.getContainer(id).start({ abortSignal });
    await this.#call(`start container ${id}`, call, NOT_MODIFIED);
  }

  /** Freezes its processes. Idempotent. */
  async pause(id: string): Promise<void> {
    const call = (abortSignal: AbortSignal) => this.#docker.getContainer(id).pause({ abortSignal });
    await this.#freeze(id, { paused: true, call });
  }

  /** Lets them go on. Idempotent. */
  async unpause(id: string): Promise<void> {
    const call = (abortSignal: AbortSignal) => this.#docker.getContainer(id).unpause({ abortSignal });
    await this.#freeze(id, { paused: false, call });
  }

  /** Kills and removes it with its anonymous volumes. One that is not there is removed. */
  async remove(id: string): Promise<void> {
    const call = (abortSignal: AbortSignal) =>
      this.#docker.getContainer(id).remove({ force: true, v: true, abortSignal });
    await this.#call(`remove container ${id}`, call, NOT_FOUND);
  }

  /** Undefined when there is no such container. */
  async inspect(id: string): Promise<EngineContainer | undefined> {
    const call = (abortSignal: AbortSignal) => this.#docker.getContainer(id).inspect({ abortSignal });
    const found = await this.#call(`inspect container ${id}`, call, NOT_FOUND);
    if (found === undefined) return undefined;
    const { State: state, Config: config, NetworkSettings: network } = found;
    const hosts = Object.values(network.Networks).map((one) => one.IPAddress);
    return {
      id: found.Id,
      labels: config.Labels ?? {},
      running: state.Running || state.Paused,
      paused: state.Paused,
      outOfMemory: state.OOMKilled,
      exitCode: state.ExitCode,
      host: hosts.find((host) => host !== "") ?? "",
    };
  }

  /** The engine's ids and labels of the containers that carry a label with this value, ended ones too. */
  async list(label: string, value: string): Promise<readonly Pick<EngineContainer, "id" | "labels">[]> {
    const filters = { label: [`${label}=${value}`] };
    const call = (abortSignal: AbortSignal) =>
      this.#docker.listContainers({ all: true, limit: LISTED_MAX, filters, abortSignal });
    const found = await this.#call("list containers", call);
    return found.map(({ Id: id, Labels: labels }) => ({ id, labels }));
  }

  /** The stream of what it prints from now on, in the engine's frames; see FrameReader. */
  async attach(id: string): Promise<Duplex> {
    // The signal must not outlive the call: it would cut the stream.
    const cut = new AbortController();
    const timer = setTimeout(() => cut.abort(new Error("timeout")), this.#options.callMs);
    const options = { stream: true, stdout: true, stderr: true, hijack: true, abortSignal: cut.signal };
    try {
      return (await this.#docker.getContainer(id).attach(options)) as Duplex;
    } catch (cause) {
      throw this.#failed(`attach to container ${id}`, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The labels of a local image; undefined when it is not here. */
  async imageLabels(image: string): Promise<Readonly<Record<string, string>> | undefined> {
    // The one call that takes no signal; its deadline only ends the wait.
    const call = (signal: AbortSignal) => Promise.race([this.#docker.getImage(image).inspect(), aborted(signal)]);
    const found = await this.#call(`inspect image ${image}`, call, NOT_FOUND);
    return found === undefined ? undefined : (found.Config?.Labels ?? {});
  }

  /** Pulls an image, within `pullMs` milliseconds. */
  async pull(image: string, pullMs: number): Promise<void> {
    const abortSignal = AbortSignal.timeout(pullMs);
    try {
      const progress = await this.#docker.pull(image, { abortSignal });
      let tail = "";
      for await (const chunk of progress) tail = (tail + String(chunk)).slice(-PROGRESS_TAIL);
      // The status was sent before the work was done: a failure is told in the stream's last line.
      const last = tail.trimEnd().split("\n").at(-1) ?? "";
      const failure = /^\{.*"error":"((?:[^"\\]|\\.)*)"/.exec(last)?.[1];
      if (failure !== undefined) throw new Error(failure);
    } catch (cause) {
      throw this.#failed(`pull image ${image}`, cause);
    }
  }

  /** Engines refuse to pause what is paused, each in words of its own. */
  async #freeze(
    id: string,
    { paused, call }: { readonly paused: boolean; readonly call: (signal: AbortSignal) => Promise<unknown> },
  ): Promise<void> {
    try {
      await this.#call(`${paused ? "pause" : "unpause"} container ${id}`, call);
    } catch (error) {
      const found = await this.inspect(id).catch(() => undefined);
      if (found?.running !== true || found.paused !== paused) throw error;
    }
  }

  /** One call, with its deadline. A refusal with the status `fine` gives undefined. */
  async #call<T>(what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  async #call<T>(what: string, call: (signal: AbortSignal) => Promise<T>, fine: number): Promise<T | undefined>;
  async #call<T>(what: string, call: (signal: AbortSignal) => Promise<T>, fine?: number): Promise<T | undefined> {
    try {
      return await call(AbortSignal.timeout(this.#options.callMs));
    } catch (cause) {
      const status = statusOf(cause);
      if (status !== undefined && status === fine) return undefined;
      throw this.#failed(what, cause);
    }
  }

  #failed(what: string, cause: unknown): PlatformError {
    const words = cause instanceof Error ? cause.message.trim() : String(cause);
    const text = `the container engine at ${this.#options.socket} could not ${what}: ${words}`;
    return new PlatformError("invoker/container-failed", text, { cause });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number } | undefined)?.statusCode;
}
