import type { ContainerId } from "../../src/kernel/ids.ts";
import type { JsonObject, JsonValue } from "../../src/kernel/json.ts";
import type {
  Container,
  ContainerDescriptor,
  ContainerFactory,
  ContainerSpec,
  RuntimeAnswer,
} from "../../src/invoker/factory.ts";

type Init = (body: JsonObject, container: MemoryContainer) => RuntimeAnswer | Promise<RuntimeAnswer>;

/** What a test may bend. Each stands for the runtime or the machine; the defaults answer at once and well. */
export interface Behaviour {
  init: Init;
  run: Init;
  logs: (options: { bytesMax: number; waitMs: number }) => readonly string[] | Promise<readonly string[]>;
  create: (spec: ContainerSpec) => void | Promise<void>;
  pause: () => void | Promise<void>;
  resume: () => void | Promise<void>;
  destroy: () => void | Promise<void>;
}

/** An answer with status 200 and a JSON body. */
export function answer(value: JsonValue, status = 200): RuntimeAnswer {
  return { kind: "answer", status, body: { kind: "json", value, bytes: JSON.stringify(value).length } };
}

/** The in-memory twin of the container factories: containers are objects, and what they do is the test's word. */
export class MemoryFactory implements ContainerFactory {
  readonly specs: ContainerSpec[] = [];
  readonly containers: Map<ContainerId, MemoryContainer> = new Map<ContainerId, MemoryContainer>();
  /** What a former process left. */
  readonly left: ContainerDescriptor[] = [];
  available: string[] = ["nodejs:24", "python:3.13"];
  closed = false;
  readonly behaviour: Behaviour;

  constructor(behaviour: Partial<Behaviour> = {}) {
    const nothing = (): void => {};
    this.behaviour = {
      init: () => answer({ ok: true }),
      run: (body) => answer({ got: body["value"] ?? null }),
      logs: () => [],
      create: nothing,
      pause: nothing,
      resume: nothing,
      destroy: nothing,
      ...behaviour,
    };
  }

  kinds(): readonly string[] {
    return this.available;
  }

  async create(spec: ContainerSpec): Promise<Container> {
    this.specs.push(spec);
    await this.behaviour.create(spec);
    const container = new MemoryContainer(this, { id: spec.id, kind: spec.kind, memoryMb: spec.memoryMb, where: {} });
    this.containers.set(spec.id, container);
    return container;
  }

  attach(descriptor: ContainerDescriptor): Promise<Container> {
    const container = this.containers.get(descriptor.id);
    return container === undefined ? Promise.reject(new Error("no such container")) : Promise.resolve(container);
  }

  list(): Promise<readonly ContainerDescriptor[]> {
    return Promise.resolve([...this.left, ...[...this.containers.values()].map(({ descriptor }) => descriptor)]);
  }

  async destroy(descriptor: ContainerDescriptor): Promise<void> {
    const at = this.left.indexOf(descriptor);
    if (at >= 0) this.left.splice(at, 1);
    await this.containers.get(descriptor.id)?.destroy();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const container of this.containers.values()) await container.destroy();
  }
}

/** One container in memory. `calls` is what was asked of it, in order. */
export class MemoryContainer implements Container {
  readonly descriptor: ContainerDescriptor;
  readonly ended: Promise<void>;
  readonly calls: string[] = [];
  readonly bodies: JsonObject[] = [];
  readonly #factory: MemoryFactory;
  #end: () => void = () => {};

  constructor(factory: MemoryFactory, descriptor: ContainerDescriptor) {
    this.#factory = factory;
    this.descriptor = descriptor;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Its process ends by itself. */
  die(): void {
    this.#end();
  }

  async init(body: JsonObject): Promise<RuntimeAnswer> {
    this.calls.push("init");
    this.bodies.push(body);
    return await this.#factory.behaviour.init(body, this);
  }

  async run(body: JsonObject): Promise<RuntimeAnswer> {
    this.calls.push("run");
    this.bodies.push(body);
    return await this.#factory.behaviour.run(body, this);
  }

  async logs(options: { bytesMax: number; waitMs: number }): Promise<readonly string[]> {
    this.calls.push("logs");
    return await this.#factory.behaviour.logs(options);
  }

  async pause(): Promise<void> {
    this.calls.push("pause");
    await this.#factory.behaviour.pause();
  }

  async resume(): Promise<void> {
    this.calls.push("resume");
    await this.#factory.behaviour.resume();
  }

  async destroy(): Promise<void> {
    this.calls.push("destroy");
    await this.#factory.behaviour.destroy();
    this.#factory.containers.delete(this.descriptor.id);
    this.#end();
  }
}
