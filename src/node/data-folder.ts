import { accessSync, chmodSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PlatformError } from "../kernel/errors.ts";

/** The folder of everything that survives a restart, held by one process at a time. */
export interface DataFolder {
  readonly dir: string;
  /** Lets the next process have it. Idempotent. */
  release(): void;
}

/**
 * Makes the folder where needed and takes it for this process.
 *
 * The hold is an operating system lock on `skein.lock` (taken through SQLite, as node has no call for one), so a kill -9 frees it and
 * no stale file can lie; `skein.pid` beside it only tells whom to stop.
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
    lock.close();
    throw unusable(dir, error);
  }
  let held = true;
  return {
    dir,
    release: () => {
      if (held) lock.close();
      held = false;
    },
  };
}

function takeLock(dir: string): DatabaseSync {
  const path = join(dir, "skein.lock");
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    chmodSync(path, 0o600);
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if (isBusy(error)) {
      const pid = holderOf(dir);
      throw new PlatformError("data/in-use", `the data folder ${dir} is in use by process ${pid}`, {
        details: { dir, pid },
        cause: error,
      });
    }
    throw unusable(dir, error);
  }
}

/** SQLITE_BUSY (5) is the only code that means another holder. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5;
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
