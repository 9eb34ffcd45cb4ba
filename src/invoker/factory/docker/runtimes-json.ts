import { readFileSync } from "node:fs";
import { z } from "zod";
import { PlatformError } from "../../../kernel/errors.ts";

/** A kind that runs in an image, as OpenWhisk's `runtimes.json` words it. */
export interface ImageRuntime {
  readonly family: string;
  readonly kind: string;
  /** The image's whole name: `registry/prefix/name:tag`. */
  readonly image: string;
  /** True for images that are built on this machine and never pulled. */
  readonly local: boolean;
  readonly default: boolean;
  readonly deprecated: boolean;
  readonly requireMain: boolean;
  /** True when its runtime ends each log with OpenWhisk's sentinel. */
  readonly sentinels: boolean;
  readonly stemCells: readonly StemCells[];
}

/** Containers kept ready. */
export interface StemCells {
  readonly count: number;
  readonly memoryMb: number;
}

/** What a `runtimes.json` says. */
export interface ImageManifest {
  readonly runtimes: readonly ImageRuntime[];
  /** Images that actions of kind blackbox may use as if they were the platform's own. */
  readonly blackboxes: readonly string[];
}

/** Chosen: OpenWhisk's own has 14 kinds in 9 families. */
const KINDS_MAX = 200;
const BYTES_MAX = 1_048_576;
const MEMORY = /^(\d{1,7}) ?(MB|M|GB|G)$/i;
const IMAGE_PART = /^[a-z0-9]+(?:[._/:-]+[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

const imageSchema = z.object({
  registry: z.string().regex(IMAGE_PART).optional(),
  prefix: z.string().regex(IMAGE_PART).optional(),
  name: z.string().regex(IMAGE_PART),
  tag: z.string().regex(TAG).optional(),
});

const stemCellsSchema = z.object({
  initialCount: z.number().int().min(0).max(1000).optional(),
  // What OpenWhisk called it first.
  count: z.number().int().min(0).max(1000).optional(),
  memory: z.string().regex(MEMORY, "must be a size such as `256 MB`"),
});

const runtimeSchema = z.object({
  kind: z.string().min(1).max(128),
  image: imageSchema,
  default: z.boolean().default(false),
  deprecated: z.boolean().default(false),
  requireMain: z.boolean().default(false),
  sentinelledLogs: z.boolean().default(true),
  stemCells: z.array(stemCellsSchema).max(16).default([]),
});

// Fields beyond these are OpenWhisk's for its own (`attached`, `description`, `reactive`) and say nothing here.
const manifestSchema = z.object({
  runtimes: z.record(z.string().min(1), z.array(runtimeSchema).min(1).max(KINDS_MAX)),
  blackboxes: z.array(imageSchema).max(KINDS_MAX).default([]),
  bypassPullForLocalImages: z.boolean().default(false),
  localImagePrefix: z.string().optional(),
});

type ImageName = z.infer<typeof imageSchema>;

/** Reads OpenWhisk's `runtimes.json` from a file. @throws options/invalid */
export function readImageManifest(file: string): ImageManifest {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PlatformError("options/invalid", `invoker.docker.runtimes cannot be read: ${why}`, { cause });
  }
  return parseImageManifest(text, file);
}

/** Reads a manifest's text; `name` is what errors call it. @throws options/invalid */
export function parseImageManifest(text: string, name = "runtimes.json"): ImageManifest {
  if (text.length > BYTES_MAX) throw invalid(name, `${text.length} characters are too many for a manifest`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(name, `it is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(name, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not a manifest"}`);
  }
  const { runtimes, blackboxes, bypassPullForLocalImages, localImagePrefix } = parsed.data;
  const isLocal = ({ prefix }: ImageName) => bypassPullForLocalImages && prefix === localImagePrefix;
  const read: ImageRuntime[] = [];
  for (const [family, kinds] of Object.entries(runtimes)) {
    const defaults = kinds.filter((runtime) => runtime.default);
    if (defaults.length > 1 || (defaults.length === 0 && kinds.length > 1)) {
      throw invalid(name, `family ${family} has ${defaults.length} default kinds instead of one`);
    }
    for (const runtime of kinds) {
      if (read.some(({ kind }) => kind === runtime.kind)) throw invalid(name, `kind ${runtime.kind} is there twice`);
      read.push({
        family,
        kind: runtime.kind,
        image: nameOf(runtime.image),
        local: isLocal(runtime.image),
        default: runtime.default || kinds.length === 1,
        deprecated: runtime.deprecated,
        requireMain: runtime.requireMain,
        sentinels: runtime.sentinelledLogs,
        stemCells: runtime.stemCells.map(({ initialCount, count = 0, memory }) => ({
          count: initialCount ?? count,
          memoryMb: megabytesOf(memory),
        })),
      });
    }
  }
  if (read.length === 0) throw invalid(name, "it names no kind");
  if (read.length > KINDS_MAX) throw invalid(name, `${read.length} kinds are more than ${KINDS_MAX}`);
  return { runtimes: read, blackboxes: blackboxes.map(nameOf) };
}

function nameOf({ registry, prefix, name, tag }: ImageName): string {
  const path = [registry, prefix, name].filter((part) => part !== undefined).join("/");
  return tag === undefined ? path : `${path}:${tag}`;
}

function megabytesOf(size: string): number {
  const [, number, unit = ""] = MEMORY.exec(size) ?? [];
  return Number(number) * (unit.toUpperCase().startsWith("G") ? 1024 : 1);
}

function invalid(name: string, why: string): PlatformError<"options/invalid"> {
  return new PlatformError("options/invalid", `runtimes manifest ${name}: ${why}`);
}
