import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { ContainerId } from "../kernel/ids.ts";

/** What a container is made for. Its memory bounds its processes, its kind chooses the runtime. */
export interface ContainerSpec {
  readonly id: ContainerId;
  readonly kind: string;
  readonly memoryMb: number;
  /** Environment given at creation: `__OW_API_HOST`, `__OW_ALLOW_CONCURRENT`. */
  readonly env: Readonly<Record<string, string>>;
  /** Whose activation it is made for, for the eyes of operators; absent for stem cells. Another's may yet be the first to run in it. */
  readonly madeFor?: MadeFor;
}

/** Who called, and what. */
export interface MadeFor {
  readonly namespace: string;
  /** The action's whole name, e.g. `/guest/pack/act`. */
  readonly action: string;
  readonly revision: string;
}

/** Enough to find a container again, written where it outlives the process that made it. Plain data, JSON-safe. */
export interface ContainerDescriptor {
  readonly id: ContainerId;
  readonly kind: string;
  readonly memoryMb: number;
  /** The factory's own knowledge: pid and its start time, socket, folder, image id. */
  readonly where: JsonObject;
}

/** The answer to `/init` or `/run`, or what came instead of one. */
export type RuntimeAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly body: AnswerBody }
  /** The deadline passed; the container must not be used again. */
  | { readonly kind: "timeout" }
  /** The connection ended without a whole answer: the process exited, or closed its socket. */
  | { readonly kind: "gone"; readonly reason: "exited" | "out-of-memory" | "connection" };

/** A body read up to the result limit. */
export type AnswerBody =
  | { readonly kind: "json"; readonly value: JsonValue; readonly bytes: number }
  | { readonly kind: "text"; readonly text: string; readonly bytes: number }
  /** Longer than allowed: its beginning, and the length it announced or had when reading stopped. */
  | { readonly kind: "truncated"; readonly head: string; readonly bytes: number };

/** One running container. One caller at a time uses `init`; `run` as many as the action's concurrency allows. */
export interface Container {
  readonly descriptor: ContainerDescriptor;
  /** Sends `/init`, resp. `/run`, and waits for the answer at most `deadlineMs` milliseconds from now. They never reject. */
  init(body: JsonObject, deadlineMs: number): Promise<RuntimeAnswer>;
  run(body: JsonObject, deadlineMs: number): Promise<RuntimeAnswer>;
  /**
   * The log lines of one run, in OpenWhisk's form (`time stream: text`), complete once nothing more of the run can be on its way, or
   * `waitMs` passed, or the container ended. Never rejects. Bounded by `bytesMax`; what is over is dropped and said in a last line.
   * Called after an answer, once for each, in the order of the answers; with runs that overlap a line belongs to the one that
   * ends next after it. What nobody asked for is dropped when the next run begins alone.
   */
  logs(options: { readonly bytesMax: number; readonly waitMs: number }): Promise<readonly string[]>;
  /** Stops its processes where they are; they cost no time until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends every process of the container, whatever it does, and removes its files. Idempotent; resolves when all is gone. */
  destroy(): Promise<void>;
  /** Resolves when the container's main process has ended for any reason. */
  readonly ended: Promise<void>;
}

/** Makes containers. Every method settles within the factory's own deadlines and throws `invoker/container-failed`. */
export interface ContainerFactory {
  /** Kinds it can make on this machine, now. */
  kinds(): readonly string[];
  create(spec: ContainerSpec): Promise<Container>;
  /** Takes charge of a container that a former process made and that still runs. */
  attach(descriptor: ContainerDescriptor): Promise<Container>;
  /** Containers of this invoker that exist, whoever made them. */
  list(): Promise<readonly ContainerDescriptor[]>;
  /** Ends a container known only by its descriptor, and removes its files. */
  destroy(descriptor: ContainerDescriptor): Promise<void>;
  /** Destroys what it made and is not yet destroyed. Idempotent. */
  close(): Promise<void>;
}
