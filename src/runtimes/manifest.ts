import { nodejs } from "./nodejs/manifest.ts";

/** What a runtime serves and how it starts. A folder of `src/runtimes` has one, and is listed below. */
export interface RuntimeManifest {
  readonly family: string;
  readonly description: string;
  /** Kinds that actions may name; every one is served by this runtime. */
  readonly kinds: readonly string[];
  /** The kind that the family's alias and `GET /` call default; one of `kinds`. */
  readonly default: string;
  /** Other names, resolved when an action is written. */
  readonly aliases: Readonly<Record<string, string>>;
  /** True when an action of this kind must name its entry point. */
  readonly requireMain: boolean;
  /** Container image, for factories that run images; null when the kind runs as a process only. */
  readonly image: string | null;
  /** The process factory's command. */
  readonly start: ProcessStart;
  /** True when runs may overlap in one container. */
  readonly allowsConcurrency: boolean;
  /** True when every run's log ends in sentinels. */
  readonly sentinels: boolean;
}

/** How a process of this runtime is started. Its files are staged where the container's user may read them. */
export interface ProcessStart {
  /** `node` is the very binary that Skein runs on; anything else is searched in the path. */
  readonly program: string;
  /** Folder of the runtime's files, absolute. */
  readonly folder: string;
  /** The file to start, as it is called once staged (`.cts` becomes `.cjs`). */
  readonly entry: string;
  /** Environment that tells it where to listen. */
  readonly env: (at: ListenAt) => Readonly<Record<string, string>>;
  /** npm packages of Skein's own that the runtime itself loads. */
  readonly packages: readonly string[];
  /** npm packages that actions may load without bringing them. */
  readonly actionPackages: readonly string[];
}

/** Where a runtime process listens, and how it says that it does. */
export interface ListenAt {
  /** Path of a Unix socket that does not exist yet. */
  readonly socket: string;
  /** A descriptor that is to get a byte, or to be closed, once the socket takes connections. */
  readonly readyFd: number;
}

/** Every runtime this build brings. */
export const runtimes: readonly RuntimeManifest[] = [nodejs];

/** The runtime of a kind or alias, or undefined. */
export function runtimeOf(kind: string): RuntimeManifest | undefined {
  const resolved = resolveKind(kind);
  return resolved === undefined ? undefined : runtimes.find((runtime) => runtime.kinds.includes(resolved));
}

/** The concrete kind that a kind or alias (`nodejs:default`) stands for, or undefined when there is none. */
export function resolveKind(kind: string): string | undefined {
  for (const runtime of runtimes) {
    if (runtime.kinds.includes(kind)) return kind;
    if (Object.hasOwn(runtime.aliases, kind)) return runtime.aliases[kind];
  }
  return undefined;
}

/** One kind in the form of OpenWhisk's `GET /`. */
export interface AdvertisedKind {
  readonly kind: string;
  readonly default: boolean;
  readonly deprecated: boolean;
  readonly requireMain: boolean;
  readonly attached: boolean;
  /** OpenWhisk gives the image's name; a process has none. */
  readonly image: string | null;
}

/** What `GET /` tells of the runtimes: kinds by family, as OpenWhisk words it. */
export function advertisedRuntimes(): Readonly<Record<string, readonly AdvertisedKind[]>> {
  return Object.fromEntries(
    runtimes.map((runtime) => [
      runtime.family,
      runtime.kinds.map((kind) => ({
        kind,
        default: kind === runtime.default,
        deprecated: false,
        requireMain: runtime.requireMain,
        attached: true,
        image: runtime.image,
      })),
    ]),
  );
}
