import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PlatformError } from "../kernel/errors.ts";
import { type OsLock, takeOsLock } from "../kernel/os-lock.ts";

/** The folder of everything that survives a restart, held by one process at a time. */
export interface DataFolder {
  readonly dir: string;
  /** Lets the next process have it. Idempotent. */
  release(): void;
}

/**
 * Makes the folder where needed and takes it for this process.
 *
 * The hold is an operating system lock on `skein.lock`, which a kill -9 frees; `skein.pid` beside it only tells whom to stop.
 * @throws `data/in-use` with the holder's pid; `data/unusable` when it cannot be made or written.
 */
export function holdDataFolder(dir: string): DataFolder {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(dir, error);
  }
  const lock = takeLock(dir);
  try {
    writeFileSync(join(dir, "skein.pid"), `${process.pid}\n`);
  } catch (error) {
    lock.release();
    throw unusable(dir, error);
  }
  return { dir, release: () => lock.release() };
}

function takeLock(dir: string): OsLock {
  let lock: OsLock | undefined;
  try {
    lock = takeOsLock(join(dir, "skein.lock"), 0);
  } catch (error) {
    throw unusable(dir, error);
  }
  if (lock !== undefined) return lock;
  const pid = holderOf(dir);
  throw new PlatformError("data/in-use", `the data folder ${dir} is in use by process ${pid}`, {
    details: { dir, pid },
  });
}

function holderOf(dir: string): string {
  try {
    return readFileSync(join(dir, "skein.pid"), "utf8").trim();
  } catch {
    return "unknown"; // It has the lock but has not written its pid yet.
  }
}

function unusable(dir: string, cause: unknown): PlatformError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PlatformError("data/unusable", `the data folder ${dir} cannot be used: ${why}`, {
    details: { dir },
    cause,
  });
}
