import { actionloop } from "./actionloop/manifest.ts";
import { nodejs } from "./nodejs/manifest.ts";
import { python } from "./python/manifest.ts";

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
  /**
   * `node` is the very binary that Skein runs on. Anything else is looked for on this machine, once; without it the runtime's kinds
   * are not offered.
   */
  readonly program: "node" | (() => FoundProgram | undefined);
  /** Folder of the runtime's files, absolute. */
  readonly folder: string;
  /** Folders of other runtimes whose files are staged beside them. */
  readonly libraries: readonly string[];
  /** The file to start, as it is called once staged (`.cts` becomes `.cjs`). */
  readonly entry: string;
  /** Environment that tells it where to listen. */
  readonly env: (at: ListenAt) => Readonly<Record<string, string>>;
  /** npm packages of Skein's own that the runtime itself loads. */
  readonly packages: readonly string[];
  /** npm packages that actions may load without bringing them. */
  readonly actionPackages: readonly string[];
}

/** An interpreter that this machine has. */
export interface FoundProgram {
  /** Absolute; whoever containers run as may execute it. */
  readonly path: string;
  /** Come before the runtime's entry. */
  readonly args: readonly string[];
  readonly version: string;
  /** Kinds' other names that this version can stand for, beside the manifest's. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** Where a runtime process listens, and how it says that it does. */
export interface ListenAt {
  /** Path of a Unix socket that does not exist yet. */
  readonly socket: string;
  /** A descriptor that is to get a byte, or to be closed, once the socket takes connections. */
  readonly readyFd: number;
}

/** Every runtime this build brings. A new one is a folder with a manifest, and a word here. */
export const runtimes: readonly RuntimeManifest[] = [nodejs, python, actionloop];

/** A runtime that this machine can run as a process. */
export interface AvailableRuntime {
  readonly manifest: RuntimeManifest;
  /** Undefined for `node`. */
  readonly program: FoundProgram | undefined;
  /** The manifest's, and those of the program that was found. */
  readonly aliases: Readonly<Record<string, string>>;
}

let available: readonly AvailableRuntime[] | undefined;

/** Runtimes whose program is here. Looked for at the first question; what is installed later counts after a restart. */
export function availableRuntimes(): readonly AvailableRuntime[] {
  available ??= availableOf(runtimes);
  return available;
}

/** Those of the given runtimes whose program is found. */
export function availableOf(candidates: readonly RuntimeManifest[]): readonly AvailableRuntime[] {
  const found: AvailableRuntime[] = [];
  for (const manifest of candidates) {
    const { program } = manifest.start;
    const there = program === "node" ? undefined : program();
    if (program !== "node" && there === undefined) continue;
    found.push({ manifest, program: there, aliases: { ...manifest.aliases, ...there?.aliases } });
  }
  return found;
}

/** The runtime of a kind or alias, or undefined when there is none here. */
export function runtimeOf(kind: string): AvailableRuntime | undefined {
  const resolved = resolveKind(kind);
  return resolved === undefined
    ? undefined
    : availableRuntimes().find(({ manifest }) => manifest.kinds.includes(resolved));
}

/** The concrete kind that a kind or alias (`nodejs:default`) stands for, or undefined when there is none here. */
export function resolveKind(kind: string): string | undefined {
  for (const { manifest, aliases } of availableRuntimes()) {
    if (manifest.kinds.includes(kind)) return kind;
    if (Object.hasOwn(aliases, kind)) return aliases[kind];
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
  /** OpenWhisk gives the image's name; for a process the kind stands there, with the version where that says more. */
  readonly image: string;
}

/** What `GET /` tells of the runtimes: kinds by family, as OpenWhisk words it. */
export function advertisedRuntimes(
  here: readonly AvailableRuntime[] = availableRuntimes(),
): Readonly<Record<string, readonly AdvertisedKind[]>> {
  return Object.fromEntries(
    here.map(({ manifest, program }) => [
      manifest.family,
      manifest.kinds.map((kind) => ({
        kind,
        default: kind === manifest.default,
        deprecated: false,
        requireMain: manifest.requireMain,
        attached: true,
        // Of a kind that is whatever the machine has, this says what that is: `python:3.11.2`.
        image: manifest.image ?? (program === undefined ? kind : `${manifest.family}:${program.version}`),
      })),
    ]),
  );
}
