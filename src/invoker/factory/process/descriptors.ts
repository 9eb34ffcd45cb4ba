import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ContainerId } from "../../../kernel/ids.ts";
import type { ContainerDescriptor } from "../../factory.ts";
import { PlatformError } from "../../../kernel/errors.ts";

/** Where a process container is. Version 1. */
export interface ProcessPlace {
  readonly version: 1;
  /** Its folder in the run folder; the socket is `s` in it. */
  readonly folder: string;
  readonly socket: string;
  /** Its own user, when it has one. */
  readonly uid?: number | undefined;
  /** The main process; absent from before its start until just after it. */
  readonly pid?: number | undefined;
  /** Clock ticks since boot at which that process began. */
  readonly startTime?: number | undefined;
}

const placeSchema: z.ZodType<ProcessPlace> = z.object({
  version: z.literal(1),
  folder: z.string().min(1),
  socket: z.string().min(1),
  uid: z.int().positive().optional(),
  pid: z.int().positive().optional(),
  startTime: z.int().nonnegative().optional(),
});

const descriptorSchema = z.object({
  id: z.string().min(1),
  kind: z.string(),
  memoryMb: z.number(),
  where: placeSchema,
});

/** Reads a descriptor's `where`. @throws invoker/container-failed when another factory, or a newer version, wrote it. */
export function placeOf(descriptor: ContainerDescriptor): ProcessPlace {
  const parsed = placeSchema.safeParse(descriptor.where);
  if (parsed.success) return parsed.data;
  throw new PlatformError("invoker/container-failed", `descriptor of container ${descriptor.id} is not a process's`);
}

/** Keeps descriptors as files, one each, so that whatever dies, the containers are found again. */
export class DescriptorFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  /** Written whole or not at all. Not synced: containers do not outlive a machine either. */
  write(descriptor: ContainerDescriptor): void {
    const file = this.#file(descriptor.id);
    writeFileSync(`${file}.draft`, JSON.stringify(descriptor));
    renameSync(`${file}.draft`, file);
  }

  remove(id: ContainerId): void {
    rmSync(this.#file(id), { force: true });
  }

  /** All that can be read; the names of the others are given to `onUnreadable`. */
  list(onUnreadable: (file: string) => void): readonly ContainerDescriptor[] {
    const found: ContainerDescriptor[] = [];
    for (const name of readdirSync(this.#path)) {
      if (!name.endsWith(".json")) continue;
      try {
        const json: unknown = JSON.parse(readFileSync(join(this.#path, name), "utf8"));
        found.push(descriptorSchema.parse(json) as unknown as ContainerDescriptor);
      } catch {
        onUnreadable(join(this.#path, name));
      }
    }
    return found;
  }

  #file(id: ContainerId): string {
    return join(this.#path, `${id}.json`);
  }
}
