import { realpathSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../../kernel/clock.ts";
import { PlatformError } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { ContainerId } from "../../../kernel/ids.ts";
import type { ProcessFactoryOptions } from "../../../kernel/options/options.ts";
import { type AvailableRuntime, availableRuntimes, runtimeOf } from "../../../runtimes/manifest.ts";
import type { Container, ContainerDescriptor, ContainerFactory, ContainerSpec } from "../../factory.ts";
import { RuntimeClient } from "../../transport/client.ts";
import { type ContainerParts, follow, type Followed, ProcessContainer } from "./container.ts";
import { DescriptorFolder, placeOf, type ProcessPlace } from "./descriptors.ts";
import { endOf, endProcesses, membershipOf } from "./end.ts";
import { LogCollector } from "./logs.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { identify, isAlive, ProcessTable, signal } from "./proc.ts";
import { defaultRunDir, removeFolder, RunDir } from "./run-dir.ts";
import { commandOf, limitersOf } from "./spawn.ts";
import { Spawner } from "./spawner.ts";
import { passableByAll, type StagedRuntime, stageNode, stageRuntime } from "./staging.ts";
import { ContainerUsers } from "./users.ts";

export interface ProcessFactorySettings {
  readonly options: ProcessFactoryOptions;
  /** Descriptors are kept in `containers` below it. */
  readonly dataDir: string;
  /** Bytes of an answer's body that are kept. */
  readonly resultBytesMax: number;
  /** Bytes of one run's log that are kept until somebody asks with a lower bound; default 10 MiB. */
  readonly logBytesMax?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** `__OW_API_HOST` of containers whose spec names none. */
  readonly apiHost?: string;
  /** The node binary; default the one that runs Skein. */
  readonly nodeBinary?: string;
}

type Adopted = Pick<ContainerParts, "descriptor" | "pid" | "client" | "logs" | "ended"> &
  Pick<Followed, "wasHeapExhausted" | "onGone">;

const LOG_BYTES_MAX = 10_485_760;

/**
 * Containers as operating system processes: one runtime process each, with its own session, folder and, when Skein is root, user.
 * It keeps functions apart by what every Unix has and needs nothing installed; it is no boundary between tenants who mean harm.
 */
export class ProcessFactory implements ContainerFactory {
  readonly #settings: ProcessFactorySettings;
  readonly #runDir: RunDir;
  readonly #descriptors: DescriptorFolder;
  readonly #users: ContainerUsers | undefined;
  readonly #table: ProcessTable;
  readonly #memory: MemoryWatch;
  readonly #staged = new Map<AvailableRuntime, StagedRuntime>();
  readonly #containers = new Map<ContainerId, Container>();
  readonly #creating = new Set<Promise<Container>>();
  readonly #node: string;
  readonly #spawner: Spawner;
  /** The command before each container's own. */
  readonly #limiter: readonly string[];
  #closed = false;

  /** @throws invoker/container-failed when the run folder cannot be used. */
  constructor(settings: ProcessFactorySettings) {
    this.#settings = settings;
    const { options, dataDir } = settings;
    this.#runDir = new RunDir(options.runDir ?? defaultRunDir(dataDir));
    this.#descriptors = new DescriptorFolder(join(dataDir, "containers"));
    const ownUsers = process.getuid?.() === 0 && options.uidFrom > 0;
    this.#table = new ProcessTable({ byUser: ownUsers });
    const owner = this.#runDir.path;
    const isInUse = (uid: number) => this.#table.hasUser(uid);
    this.#users = ownUsers ? new ContainerUsers({ from: options.uidFrom, owner, isInUse }) : undefined;
    for (const descriptor of this.#readDescriptors()) {
      const { uid } = placeOf(descriptor);
      if (uid !== undefined) this.#users?.keep(uid);
    }
    this.#memory = new MemoryWatch(this.#table);
    if (ownUsers && !passableByAll(realpathSync(this.#runDir.path))) {
      const message = `run folder ${this.#runDir.path} lies where the users of containers cannot go`;
      throw new PlatformError("invoker/container-failed", `${message}: set invoker.process.runDir to another`);
    }
    const binary = settings.nodeBinary ?? process.execPath;
    this.#node = ownUsers ? stageNode(binary, this.#runDir.lib) : binary;
    const { once, each } = limitersOf(options, { ownUsers });
    this.#limiter = each;
    this.#spawner = new Spawner({ limiter: once, folder: this.#runDir.streams });
  }

  kinds(): readonly string[] {
    return availableRuntimes().flatMap(({ manifest }) => manifest.kinds);
  }

  /** @throws invoker/kind-unavailable, invoker/closing, invoker/container-failed. */
  async create(spec: ContainerSpec): Promise<Container> {
    const runtime = runtimeOf(spec.kind);
    if (runtime === undefined) throw new PlatformError("invoker/kind-unavailable", `no runtime of kind ${spec.kind}`);
    if (this.#closed) throw new PlatformError("invoker/closing", "containers are no longer made");
    const creation = this.#create(spec, runtime);
    this.#creating.add(creation);
    try {
      return await creation;
    } catch (cause) {
      if (cause instanceof PlatformError) throw cause;
      throw new PlatformError("invoker/container-failed", `container ${spec.id} could not be made`, { cause });
    } finally {
      this.#creating.delete(creation);
    }
  }

  async attach(descriptor: ContainerDescriptor): Promise<Container> {
    const place = placeOf(descriptor);
    const { pid, startTime } = place;
    if (pid === undefined || startTime === undefined || !isAlive({ pid, startTime })) {
      throw new PlatformError("invoker/container-failed", `container ${descriptor.id} is no longer there`);
    }
    if (place.uid !== undefined) this.#users?.keep(place.uid);
    // One that a former process paused answers nothing before it goes on.
    signal(-pid, "SIGCONT");
    const client = this.#client(place);
    try {
      await client.connect();
    } catch (cause) {
      throw new PlatformError("invoker/container-failed", `container ${descriptor.id} does not answer`, { cause });
    }
    const { promise: ended, resolve: onGone } = Promise.withResolvers<void>();
    void endOf({ pid, startTime }).then(onGone);
    // No log: the streams of its output ended with the process that made it.
    return this.#adopt({ descriptor, pid, client, ended, onGone, wasHeapExhausted: () => false });
  }

  /**
   * Containers of this instance whose process is there. Those it finds dead (their process ended while nobody looked, or Skein was
   * killed between writing a descriptor and starting a process) it clears away.
   */
  async list(): Promise<readonly ContainerDescriptor[]> {
    const alive: ContainerDescriptor[] = [];
    for (const descriptor of this.#readDescriptors()) {
      const { pid, startTime } = placeOf(descriptor);
      if (pid !== undefined && startTime !== undefined && isAlive({ pid, startTime })) alive.push(descriptor);
      else if (!this.#containers.has(descriptor.id) && this.#creating.size === 0) await this.destroy(descriptor);
    }
    return alive;
  }

  async destroy(descriptor: ContainerDescriptor): Promise<void> {
    const known = this.#containers.get(descriptor.id);
    if (known !== undefined) return known.destroy();
    await this.#clear(descriptor.id, placeOf(descriptor));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#creating);
    try {
      await Promise.all(Array.from(this.#containers.values(), (container) => container.destroy()));
    } finally {
      // One that does not end keeps its descriptor and folder, but neither the watch nor the spawner.
      this.#memory.close();
      this.#spawner.close();
    }
    if (this.#settings.options.runDir === undefined) await this.#runDir.removeIfEmpty();
  }

  async #create(spec: ContainerSpec, runtime: AvailableRuntime): Promise<Container> {
    const places = this.#runDir.placesOf(spec.id);
    if (this.#containers.has(spec.id)) {
      throw new PlatformError("invoker/container-failed", `container ${spec.id} exists already`);
    }
    const uid = this.#users?.claim();
    let place: ProcessPlace = { version: 1, folder: places.folder, socket: places.socket, uid };
    const described = (): ContainerDescriptor => {
      const { id, kind, memoryMb } = spec;
      return { id, kind, memoryMb, where: JSON.parse(JSON.stringify(place)) as ContainerDescriptor["where"] };
    };
    // First the descriptor: from here on a kill of this process leaves something that says what to look for.
    this.#descriptors.write(described());
    try {
      const staged = this.#stage(runtime);
      this.#runDir.make(places, { uid, modules: staged.modules });
      const { apiHost } = this.#settings;
      const env = apiHost === undefined ? spec.env : { __OW_API_HOST: apiHost, ...spec.env };
      const { memoryMb } = spec;
      const request = {
        id: spec.id,
        runtime,
        staged,
        node: this.#node,
        places,
        uid,
        memoryMb,
        env,
        limiter: this.#limiter,
      };
      const spawned = await this.#spawner.spawn(commandOf(request), (pid) => {
        place = { ...place, pid, startTime: identify(pid)?.startTime };
        this.#table.learn(pid, { containerId: spec.id, ...(uid === undefined ? {} : { uid }), pid });
        this.#descriptors.write(described());
      });
      const logs = new LogCollector({
        clock: this.#settings.clock,
        bytesMax: this.#settings.logBytesMax ?? LOG_BYTES_MAX,
        ends: { by: "order" },
      });
      const followed = follow(spawned, logs);
      await this.#ready(spawned.streams.ready, followed);
      const client = this.#client(place);
      await client.connect();
      return this.#adopt({ descriptor: described(), pid: spawned.pid, client, logs, ...followed });
    } catch (error) {
      await this.#clear(spec.id, place);
      throw error;
    }
  }

  /** Waits until the runtime listens. @throws invoker/container-failed when it ends first, or takes longer than startMs. */
  async #ready(ready: Socket, { ended, lastWords }: Followed): Promise<void> {
    const { startMs } = this.#settings.options;
    const news = Promise.withResolvers<"ready" | "ended" | "late">();
    const timer = setTimeout(() => news.resolve("late"), startMs);
    ready.on("data", () => news.resolve("ready"));
    ready.resume();
    void ended.then(() => news.resolve("ended"));
    const heard = await news.promise;
    clearTimeout(timer);
    ready.destroy();
    if (heard === "ready") return;
    const reason =
      heard === "late" ? `did not answer within ${startMs} ms` : `ended at its start: ${lastWords().trim()}`;
    throw new PlatformError("invoker/container-failed", `runtime process ${reason}`);
  }

  #adopt(made: Adopted): ProcessContainer {
    const { descriptor, pid, wasHeapExhausted, onGone, ended } = made;
    const { id, memoryMb } = descriptor;
    const place = placeOf(descriptor);
    let outOfMemory = false;
    const watch = () =>
      this.#memory.watch(membershipOf(id, place), memoryMb, () => {
        outOfMemory = true;
        signal(-pid, "SIGKILL");
        // Descendants that left the group; whatever forks on meanwhile, `destroy` ends.
        for (const member of this.#table.membersOf(membershipOf(id, place))) signal(member, "SIGKILL");
      });
    watch();
    const container = new ProcessContainer({
      ...made,
      wasOutOfMemory: () => outOfMemory || wasHeapExhausted(),
      onPaused: () => this.#memory.unwatch(id),
      onResumed: watch,
      destroy: async () => {
        made.client.close();
        this.#memory.unwatch(id);
        await this.#clear(id, place);
        onGone();
        await ended;
        this.#containers.delete(id);
      },
    });
    this.#containers.set(id, container);
    return container;
  }

  /** Ends what is left of a container, processes first, and forgets it. @throws invoker/container-failed when one will not die. */
  async #clear(id: ContainerId, place: ProcessPlace): Promise<void> {
    // One whose spawner did not tell its pid may have been seen before it took its user.
    if (place.pid === undefined) this.#table.forget();
    const gone = await endProcesses(this.#table, membershipOf(id, place), this.#settings.clock);
    if (!gone) {
      // Its descriptor stays, so that a later `list` tries again; its user is not given to another.
      this.#settings.log.error({ containerId: id }, "a container's process does not end");
      throw new PlatformError("invoker/container-failed", `a process of container ${id} does not end`);
    }
    await removeFolder(place.folder);
    this.#descriptors.remove(id);
    if (place.uid !== undefined) this.#users?.release(place.uid);
  }

  #client(place: ProcessPlace): RuntimeClient {
    const { resultBytesMax } = this.#settings;
    return new RuntimeClient({ address: { kind: "unix", path: place.socket }, resultBytesMax });
  }

  #stage(runtime: AvailableRuntime): StagedRuntime {
    const known = this.#staged.get(runtime);
    if (known !== undefined) return known;
    const staged = stageRuntime(runtime.manifest.start, this.#runDir.lib);
    this.#staged.set(runtime, staged);
    return staged;
  }

  #readDescriptors(): readonly ContainerDescriptor[] {
    return this.#descriptors.list((file) => {
      this.#settings.log.warn({ file }, "a container's descriptor cannot be read");
    });
  }
}
