import type { RuntimeKind, RuntimesAdvert } from "../controller/entities/runtimes.ts";
import type { ContainerFactory } from "../invoker/factory.ts";
import { type ImageManifest, readImageManifest } from "../invoker/factory/docker/runtimes-json.ts";
import { ProcessFactory } from "../invoker/factory/process/factory.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { InvokerOptions, SkeinOptions } from "../kernel/options/options.ts";
import { runtimesAdvert } from "./runtimes-advert.ts";

/** What makes containers here, and what that means for the others. */
export interface Containers {
  readonly factory: ContainerFactory;
  /** The kinds that actions may name. */
  readonly runtimes: RuntimesAdvert;
  /** The invoker's options, with the stem cells that fit the factory. */
  readonly invoker: InvokerOptions;
}

/**
 * The factory that the options name. The docker one is loaded only then: its client is a large package, and a start without it
 * takes 100 ms less.
 *
 * @throws `options/invalid`, `invoker/container-failed`
 */
export async function openContainers(
  options: SkeinOptions,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Containers> {
  const { resultBytesMax } = options.invocation;
  const { dir } = options.data;
  const { invoker } = options;
  if (invoker.factory === "process") {
    const factory = new ProcessFactory({ options: invoker.process, dataDir: dir, resultBytesMax, clock, log });
    return { factory, runtimes: runtimesAdvert(), invoker };
  }
  const { DockerFactory, invokerIdOf } = await import("../invoker/factory/docker/factory.ts");
  const manifest = readImageManifest(invoker.docker.runtimes ?? "");
  const id = invokerIdOf(dir);
  const factory = new DockerFactory({ options: invoker.docker, manifest, invoker: id, resultBytesMax, clock, log });
  return { factory, runtimes: advertOf(manifest), invoker: { ...invoker, prewarm: stemCellsOf(manifest) } };
}

function advertOf({ runtimes }: ImageManifest): RuntimesAdvert {
  const families: Record<string, RuntimeKind[]> = {};
  for (const { family, kind, default: isDefault, deprecated, requireMain, image } of runtimes) {
    (families[family] ??= []).push({ kind, default: isDefault, deprecated, requireMain, image });
  }
  return { families, aliases: {} };
}

/** The manifest's stem cells take the place of `invoker.prewarm`, whose kinds are the process factory's. */
function stemCellsOf({ runtimes }: ImageManifest): InvokerOptions["prewarm"] {
  return runtimes.flatMap(({ kind, stemCells }) => stemCells.map(({ count, memoryMb }) => ({ kind, memoryMb, count })));
}
