import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../../../kernel/errors.ts";

/** Paths of Unix sockets end in the kernel's 108 bytes, the closing zero included. */
const SOCKET_PATH_BYTES_MAX = 107;
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Everybody may pass through and nobody may list. */
const PASSAGE = 0o711;
const PRIVATE = 0o700;
const READABLE = 0o644;

/** A container's files. */
export interface ContainerPlaces {
  /** The container's own folder; nobody else's user may enter it. */
  readonly folder: string;
  readonly socket: string;
  /** HOME and working folder: an action's code goes here. */
  readonly work: string;
  readonly tmp: string;
}

/**
 * The folder of everything that a run needs and no restart: `c/<id>` for each container, `lib/<digest>` for staged runtimes,
 * `p` for their output.
 * It may lie in a temporary folder where others can write, so one that somebody else made is refused.
 */
export class RunDir {
  readonly path: string;
  readonly lib: string;
  /** Where containers' streams arrive. */
  readonly streams: string;
  readonly #containers: string;

  /** @throws invoker/container-failed when the folder cannot be made, or is another user's. */
  constructor(path: string) {
    this.path = path;
    this.lib = join(path, "lib");
    this.streams = join(path, "p");
    this.#containers = join(path, "c");
    try {
      mkdirSync(path, { recursive: true, mode: PASSAGE });
      const found = lstatSync(path);
      if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid))
        throw new Error("it is somebody else's");
      chmodSync(path, PASSAGE);
      // Where node stops looking for what kind of module a file is: another's package.json further up must not decide.
      const manifest = join(path, "package.json");
      writeFileSync(manifest, "{}\n");
      chmodSync(manifest, READABLE);
      for (const folder of [this.lib, this.#containers]) {
        mkdirSync(folder, { recursive: true });
        chmodSync(folder, PASSAGE);
      }
    } catch (cause) {
      throw new PlatformError("invoker/container-failed", `run folder ${path} cannot be used`, { cause });
    }
  }

  /** @throws invoker/container-failed when the id is no plain name, or the socket's path too long. */
  placesOf(id: string): ContainerPlaces {
    const folder = join(this.#containers, id);
    const socket = join(folder, "s");
    if (!CONTAINER_ID.test(id)) {
      throw new PlatformError("invoker/container-failed", `container id ${JSON.stringify(id)} is no plain name`);
    }
    if (Buffer.byteLength(socket) > SOCKET_PATH_BYTES_MAX) {
      const message = `socket path ${socket} is longer than ${SOCKET_PATH_BYTES_MAX} bytes: set invoker.process.runDir to a shorter folder`;
      throw new PlatformError("invoker/container-failed", message);
    }
    const work = join(folder, "w");
    return { folder, socket, work, tmp: join(work, "tmp") };
  }

  /** Removes the folder, staged runtimes included, unless a container's folder is left in it. */
  async removeIfEmpty(): Promise<void> {
    if ((await readdir(this.#containers)).length === 0) await removeFolder(this.path);
  }

  /** Makes a container's folders for its user. `modules` is what its actions find beyond their own `node_modules`. */
  make(places: ContainerPlaces, options: { readonly uid: number | undefined; readonly modules: string }): void {
    for (const folder of [places.folder, places.work, places.tmp]) {
      mkdirSync(folder, { mode: PRIVATE });
      if (options.uid !== undefined) chownSync(folder, options.uid, options.uid);
    }
    symlinkSync(options.modules, join(places.folder, "node_modules"));
  }
}

/** The run folder of a data folder: short, for sockets lie in it, and the same after a restart. */
export function defaultRunDir(dataDir: string): string {
  const name = `skein-${createHash("sha256").update(dataDir).digest("hex").slice(0, 10)}`;
  // A long TMPDIR leaves no room for a socket's path.
  return join(tmpdir().length > 40 ? "/tmp" : tmpdir(), name);
}

/** Removes a container's folder whatever its owner did to the modes. Its processes are gone, so nothing moves meanwhile. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await openUp(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function openUp(path: string): Promise<void> {
  const found = await lstat(path);
  if (!found.isDirectory()) return;
  await chmod(path, PRIVATE);
  for (const name of await readdir(path)) await openUp(join(path, name));
}
