import { z } from "zod";
import { PlatformError } from "../../../kernel/errors.ts";
import { asId, type ContainerId } from "../../../kernel/ids.ts";
import type { DockerFactoryOptions } from "../../../kernel/options/options.ts";
import type { ContainerDescriptor, ContainerSpec } from "../../factory.ts";
import type { EngineCreate } from "./engine.ts";

/** Labels of a container, by which it is found again and which operators may filter for. */
export const LABELS = {
  /** The invoker that made it; no other touches it. */
  invoker: "io.skein.invoker",
  container: "io.skein.container",
  kind: "io.skein.kind",
  memoryMb: "io.skein.memory-mb",
  /** Whose activation it was made for; absent on stem cells. */
  namespace: "io.skein.namespace",
  action: "io.skein.action",
  revision: "io.skein.revision",
  /** What its log's ends carry; empty for a runtime that prints OpenWhisk's bare ones, `none` for one that prints none. */
  sentinel: "io.skein.sentinel",
} as const;

/** Label of an image whose runtime is Skein's own: it ends logs with a mark and keeps connections. */
export const IMAGE_LABEL = "io.skein.runtime";

/** The port that a runtime in an image listens on. */
export const PORT = 8080;

/** How the end of a run's output is known; see LABELS.sentinel. */
export type Sentinel = { readonly kind: "mark"; readonly mark: string } | { readonly kind: "plain" | "none" };

export interface Creation {
  readonly spec: ContainerSpec;
  readonly image: string;
  readonly invoker: string;
  readonly sentinel: Sentinel;
  /** Own runtimes are told where to listen; others know. */
  readonly ownRuntime: boolean;
}

const MIB = 1_048_576;
/** OpenWhisk's: a container of the default 256 MB has the engine's default weight of 1,024. */
const CPU_SHARES_PER_MB = 4;
const CPU_SHARES_MIN = 2;
const KEPT_IN_NAMES = /[^a-zA-Z0-9_.-]/g;

/** What the engine is asked for: the container's limits, names and labels. */
export function creationOf(creation: Creation, options: DockerFactoryOptions): EngineCreate {
  const { spec, image, ownRuntime } = creation;
  const env = { ...spec.env, ...(ownRuntime ? { __SKEIN_SOCKET: String(PORT) } : {}) };
  const memory = spec.memoryMb * MIB;
  return {
    name: nameOf(creation),
    Image: image,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: labelsOf(creation),
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      Memory: memory,
      // The same: no swap.
      MemorySwap: memory,
      CpuShares: Math.max(CPU_SHARES_MIN, spec.memoryMb * CPU_SHARES_PER_MB),
      PidsLimit: options.processesMax,
      Ulimits: options.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      CapDrop: [...options.capDrop],
      SecurityOpt: ["no-new-privileges"],
      NetworkMode: options.network,
      // Output is read from the stream; a copy on disk would have to be bounded and cleared.
      LogConfig: { Type: "none", Config: {} },
    },
  };
}

/** `skein-<invoker>-<container>-<kind>`, for the eyes of operators. */
function nameOf({ spec, invoker }: Creation): string {
  return `skein-${invoker}-${spec.id}-${spec.kind}`.replace(KEPT_IN_NAMES, "_");
}

function labelsOf({ spec, invoker, sentinel }: Creation): Record<string, string> {
  return {
    [LABELS.invoker]: invoker,
    [LABELS.container]: spec.id,
    [LABELS.kind]: spec.kind,
    [LABELS.memoryMb]: String(spec.memoryMb),
    ...(spec.madeFor && {
      [LABELS.namespace]: spec.madeFor.namespace,
      [LABELS.action]: spec.madeFor.action,
      [LABELS.revision]: spec.madeFor.revision,
    }),
    [LABELS.sentinel]: sentinel.kind === "mark" ? sentinel.mark : sentinel.kind === "none" ? "none" : "",
  };
}

/** The descriptor of a container that carries our labels; undefined when they are not what this version writes. */
export function describe(engineId: string, labels: Readonly<Record<string, string>>): ContainerDescriptor | undefined {
  const id = labels[LABELS.container] ?? "";
  const kind = labels[LABELS.kind] ?? "";
  const memoryMb = Number(labels[LABELS.memoryMb]);
  if (id === "" || kind === "" || !Number.isSafeInteger(memoryMb) || memoryMb <= 0) return undefined;
  return { id: asId<ContainerId>(id), kind, memoryMb, where: { version: 1, engineId } };
}

/** What a container's labels say of its log's ends. */
export function sentinelOf(labels: Readonly<Record<string, string>>): Sentinel {
  const mark = labels[LABELS.sentinel] ?? "";
  if (mark === "none") return { kind: "none" };
  return mark === "" ? { kind: "plain" } : { kind: "mark", mark };
}

const placeSchema = z.object({ version: z.literal(1), engineId: z.string().min(1) });

/** The engine's id of a descriptor's container. @throws invoker/container-failed when another factory, or a newer version, wrote it. */
export function engineIdOf(descriptor: ContainerDescriptor): string {
  const parsed = placeSchema.safeParse(descriptor.where);
  if (parsed.success) return parsed.data.engineId;
  throw new PlatformError("invoker/container-failed", `descriptor of container ${descriptor.id} is not an engine's`);
}
