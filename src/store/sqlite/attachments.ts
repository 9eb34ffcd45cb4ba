import { randomUUID, webcrypto } from "node:crypto";
import { statSync, unlinkSync, utimesSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { asId, type CodeDigest } from "../../kernel/ids.ts";
import type { AttachmentStore } from "../ports.ts";
import { storeError } from "./failures.ts";
import type { PointReads } from "./reads.ts";

const DIGEST = /^sha256-[0-9a-f]{64}$/;
// Milliseconds after which an unfinished file of a dead writer goes: no write takes this long.
const LEFTOVER_MS = 3_600_000;
const NAMED = "SELECT 1 FROM entity_attachment WHERE digest = ? LIMIT 1";
const UNNAMED_AT = "SELECT at FROM attachment_unnamed WHERE digest = ?";

/**
 * Code as files, `code/ab/sha256-ab...`, immutable once they are there. A file's modification time is when it was last put; the
 * database knows who names it and since when nobody does.
 */
export class FileAttachments implements AttachmentStore {
  readonly #root: string;
  readonly #points: PointReads;
  readonly #clock: Clock;

  constructor(dir: string, points: PointReads, clock: Clock) {
    this.#root = join(dir, "code");
    this.#points = points;
    this.#clock = clock;
  }

  async put(bytes: Uint8Array): Promise<CodeDigest> {
    const digest = await digestOf(bytes);
    try {
      if (!this.#touch(digest, bytes.length)) await this.#write(digest, bytes);
    } catch (error) {
      throw storeError(error, `keep attachment ${digest}`);
    }
    return digest;
  }

  async get(digest: CodeDigest): Promise<Uint8Array | undefined> {
    if (!DIGEST.test(digest)) return undefined;
    const bytes = await orMissing(readFile(this.#pathOf(digest))).catch((error: unknown) => {
      throw storeError(error, `read attachment ${digest}`);
    });
    if (bytes !== undefined && (await digestOf(bytes)) !== digest) {
      throw new PlatformError("store/corrupted", `attachment ${digest} does not hold what its name says`);
    }
    return bytes;
  }

  async sweep(graceMs: number): Promise<number> {
    try {
      let swept = 0;
      for (const folder of (await orMissing(readdir(this.#root))) ?? []) {
        for (const file of await readdir(join(this.#root, folder))) {
          if (folder === "tmp") await this.#sweepLeftover(join(this.#root, folder, file), graceMs);
          else if (DIGEST.test(file) && this.#sweepOne(asId<CodeDigest>(file), graceMs)) swept += 1;
        }
      }
      return swept;
    } catch (error) {
      throw storeError(error, "sweep attachments");
    }
  }

  /** Without an await from the look to the removal, as {@link #touch} is: a put comes wholly before, or makes the file anew. */
  #sweepOne(digest: CodeDigest, graceMs: number): boolean {
    const path = this.#pathOf(digest);
    if (this.#points.row(NAMED, digest) !== undefined) return false;
    const unnamedAt = this.#points.row<{ at: number }>(UNNAMED_AT, digest)?.at ?? 0;
    const lastAt = Math.max(unnamedAt, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
    if (this.#clock.wallMs() - lastAt < graceMs) return false;
    unlinkSync(path);
    return true;
  }

  async #sweepLeftover(path: string, graceMs: number): Promise<void> {
    const found = await orMissing(stat(path));
    if (found !== undefined && this.#clock.wallMs() - found.mtimeMs >= Math.max(graceMs, LEFTOVER_MS)) {
      await rm(path, { force: true });
    }
  }

  /** False when there is no file, or one that a broken disk has cut short: it is written again. */
  #touch(digest: CodeDigest, size: number): boolean {
    const path = this.#pathOf(digest);
    if (statSync(path, { throwIfNoEntry: false })?.size !== size) return false;
    const seconds = this.#clock.wallMs() / 1000;
    utimesSync(path, seconds, seconds);
    return true;
  }

  /** Temporary file, sync, rename, sync of the folder: after any crash the name is absent or holds everything. */
  async #write(digest: CodeDigest, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(digest);
    const folder = join(path, "..");
    await mkdir(join(this.#root, "tmp"), { recursive: true, mode: 0o700 });
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.#root, "tmp", randomUUID());
    try {
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(bytes);
        const seconds = this.#clock.wallMs() / 1000;
        await file.utimes(seconds, seconds);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(folder);
    if (made !== undefined) await syncFolder(this.#root);
  }

  #pathOf(digest: CodeDigest): string {
    return join(this.#root, digest.slice(7, 9), digest);
  }
}

/** Off the main thread: 48 MiB take some 50 ms. */
async function digestOf(bytes: Uint8Array): Promise<CodeDigest> {
  const hash = await webcrypto.subtle.digest("SHA-256", bytes);
  return asId(`sha256-${Buffer.from(hash).toString("hex")}`);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
