import { createHash, randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import type { Clock } from "../../../kernel/clock.ts";
import { PlatformError } from "../../../kernel/errors.ts";
import type { ContainerId } from "../../../kernel/ids.ts";
import type { Log } from "../../../kernel/log.ts";
import type { DockerFactoryOptions } from "../../../kernel/options/options.ts";
import type { Container, ContainerDescriptor, ContainerFactory, ContainerSpec } from "../../factory.ts";
import { RuntimeClient } from "../../transport/client.ts";
import { LogCollector } from "../process/logs.ts";
import { DockerContainer, follow } from "./container.ts";
import { creationOf, describe, engineIdOf, LABELS, PORT, type Sentinel, sentinelOf } from "./creation.ts";
import { DockerEngine, type EngineContainer } from "./engine.ts";
import { Images } from "./images.ts";
import { untilListening } from "./reach.ts";
import type { ImageManifest, ImageRuntime } from "./runtimes-json.ts";

export interface DockerFactorySettings {
  readonly options: DockerFactoryOptions;
  readonly manifest: ImageManifest;
  /** Which invoker this is, the same after a restart and unlike any other of the same engine: see {@link invokerIdOf}. */
  readonly invoker: string;
  /** Bytes of an answer's body that are kept. */
  readonly resultBytesMax: number;
  /** Bytes of one run's log that are kept until somebody asks with a lower bound; default 10 MiB. */
  readonly logBytesMax?: number;
  readonly clock: Clock;
  readonly log: Log;
}

const LOG_BYTES_MAX = 10_485_760;
/** Tries to remove a container that the engine is busy with. */
const REMOVALS_MAX = 3;

/** Names an invoker by its data folder: 12 hex digits. */
export function invokerIdOf(dataDir: string): string {
  return createHash("sha256")
    .update(`${hostname()}\0${realpathSync(dataDir)}`)
    .digest("hex")
    .slice(0, 12);
}

/**
 * Containers of a container engine (Docker, Podman), each from the image that the manifest names for its kind. OpenWhisk's own
 * runtime images run as they are. What a container is, its labels say: no file is kept beside the engine.
 */
export class DockerFactory implements ContainerFactory {
  readonly #settings: DockerFactorySettings;
  readonly #engine: DockerEngine;
  readonly #images: Images;
  readonly #runtimes: ReadonlyMap<string, ImageRuntime>;
  readonly #containers = new Map<ContainerId, DockerContainer>();
  readonly #creating = new Map<ContainerId, Promise<Container>>();
  #closed = false;

  constructor(settings: DockerFactorySettings) {
    const { options, log } = settings;
    this.#settings = settings;
    this.#engine = new DockerEngine(options);
    this.#images = new Images({ engine: this.#engine, options, log });
    this.#runtimes = new Map(settings.manifest.runtimes.map((runtime) => [runtime.kind, runtime]));
  }

  kinds(): readonly string[] {
    return [...this.#runtimes.keys()];
  }

  /** @throws invoker/kind-unavailable, invoker/closing, invoker/container-failed. */
  async create(spec: ContainerSpec): Promise<Container> {
    const runtime = this.#runtimes.get(spec.kind);
    if (runtime === undefined) throw new PlatformError("invoker/kind-unavailable", `no image of kind ${spec.kind}`);
    if (this.#closed) throw new PlatformError("invoker/closing", "containers are no longer made");
    if (this.#containers.has(spec.id) || this.#creating.has(spec.id)) {
      throw new PlatformError("invoker/container-failed", `container ${spec.id} exists already`);
    }
    const creation = this.#create(spec, runtime);
    this.#creating.set(spec.id, creation);
    try {
      return await creation;
    } finally {
      this.#creating.delete(spec.id);
    }
  }

  /** What it printed while nobody was attached is lost. */
  async attach(descriptor: ContainerDescriptor): Promise<Container> {
    const engineId = engineIdOf(descriptor);
    const found = await this.#engine.inspect(engineId);
    if (found?.running !== true || found.labels[LABELS.invoker] !== this.#settings.invoker) {
      throw new PlatformError("invoker/container-failed", `container ${descriptor.id} is no longer there`);
    }
    if (found.paused) await this.#engine.unpause(engineId);
    return await this.#adopt(descriptor, found.labels);
  }

  /** Containers that carry this invoker's label. Ended ones are listed too: they take up names and disk until they are destroyed. */
  async list(): Promise<readonly ContainerDescriptor[]> {
    const { invoker, log } = this.#settings;
    const found = await this.#engine.list(LABELS.invoker, invoker);
    return found.flatMap(({ id, labels }) => {
      const descriptor = describe(id, labels);
      if (descriptor === undefined) log.warn({ engineId: id, labels }, "a container's labels are not understood");
      return descriptor ?? [];
    });
  }

  async destroy(descriptor: ContainerDescriptor): Promise<void> {
    const known = this.#containers.get(descriptor.id);
    if (known !== undefined) return await known.destroy();
    await this.#remove(engineIdOf(descriptor));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#creating.values());
    await Promise.all(Array.from(this.#containers.values(), (container) => container.destroy()));
  }

  async #create(spec: ContainerSpec, runtime: ImageRuntime): Promise<Container> {
    const { options, invoker } = this.#settings;
    const { image } = runtime;
    const { ownRuntime } = await this.#images.get(runtime);
    const sentinel = sentinelFor(runtime, ownRuntime);
    const creation = creationOf({ spec, image, invoker, sentinel, ownRuntime }, options);
    let engineId: string;
    try {
      engineId = await this.#engine.create(creation);
    } catch (error) {
      // The image may have been removed meanwhile.
      this.#images.forget(image);
      throw error;
    }
    try {
      const { id, kind, memoryMb } = spec;
      return await this.#adopt({ id, kind, memoryMb, where: { version: 1, engineId } }, creation.Labels ?? {}, {
        isNew: true,
      });
    } catch (error) {
      await this.#remove(engineId).catch((unremoved: unknown) =>
        this.#settings.log.error({ err: unremoved, container: spec.id }, "a failed container could not be removed"),
      );
      throw error;
    }
  }

  /** Makes a container that the engine has into ours: follows its output, starts it when it is new, waits until it listens. */
  async #adopt(
    descriptor: ContainerDescriptor,
    labels: Readonly<Record<string, string>>,
    { isNew = false }: { readonly isNew?: boolean } = {},
  ): Promise<Container> {
    const { clock, logBytesMax: bytesMax = LOG_BYTES_MAX, resultBytesMax, options } = this.#settings;
    const engineId = engineIdOf(descriptor);
    const sentinel = sentinelOf(labels);
    const mark = sentinel.kind === "mark" ? sentinel.mark : "";
    const ends = sentinel.kind === "none" ? ({ by: "order" } as const) : ({ by: "sentinel", mark } as const);
    const logs = new LogCollector({ clock, bytesMax, ends });
    // Before the start, so that nothing it prints is missed.
    const stream = await this.#engine.attach(engineId);
    const output = follow({ engine: this.#engine, engineId, logs }, stream);
    try {
      if (isNew) await this.#engine.start(engineId);
      const { host } = await this.#found(engineId);
      const ended = new AbortController();
      void output.over.then(() => ended.abort());
      const wait = { timeoutMs: options.startMs, signal: ended.signal };
      if (!(await untilListening({ host, port: PORT }, wait))) {
        const why = ended.signal.aborted ? "ended" : `did not listen within ${options.startMs} ms`;
        throw new PlatformError("invoker/container-failed", `container ${descriptor.id} ${why}: ${output.lastWords()}`);
      }
      const client = new RuntimeClient({ address: { kind: "tcp", host, port: PORT }, resultBytesMax });
      const destroy = async (): Promise<void> => {
        output.onRemoval();
        client.close();
        await this.#remove(engineId);
        output.stop();
        this.#containers.delete(descriptor.id);
      };
      const keepAlive = sentinel.kind === "mark";
      const engine = this.#engine;
      const parts = { descriptor, engineId, engine, client, logs, sentinel, output, keepAlive, destroy };
      const container = new DockerContainer(parts);
      this.#containers.set(descriptor.id, container);
      return container;
    } catch (error) {
      output.stop();
      throw error;
    }
  }

  async #found(engineId: string): Promise<EngineContainer> {
    const found = await this.#engine.inspect(engineId);
    if (found === undefined) throw new PlatformError("invoker/container-failed", "the container is gone");
    if (found.host === "" && found.running) {
      const text = `network ${this.#settings.options.network} gives containers no address`;
      throw new PlatformError("invoker/container-failed", `${text}: set invoker.docker.network to one that does`);
    }
    return found;
  }

  /** Tried again, since an engine may be busy with the container's own end. */
  async #remove(engineId: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#engine.remove(engineId);
      } catch (error) {
        if (tries === REMOVALS_MAX) throw error;
      }
    }
  }
}

function sentinelFor({ sentinels }: ImageRuntime, ownRuntime: boolean): Sentinel {
  if (ownRuntime) return { kind: "mark", mark: randomBytes(16).toString("hex") };
  return { kind: sentinels ? "plain" : "none" };
}
