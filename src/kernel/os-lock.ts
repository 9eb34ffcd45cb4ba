import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** An operating system lock held by this process. */
export interface OsLock {
  /** Lets the next one have it. Idempotent. */
  release(): void;
}

/** A lock that nobody refers to would be collected, which closes it and gives it to another process. */
const held = new Set<DatabaseSync>();

/**
 * Takes the lock on the file `path`, made where it is missing; undefined where another holder, in this process or another, keeps it
 * for longer than `waitMs`, during which this thread stands still.
 *
 * It is taken through SQLite, as node has no call for one. A kill -9 frees it, and the file itself says nothing: no stale one can lie.
 * @throws what the file system says where the file cannot be made or locked.
 */
export function takeOsLock(path: string, waitMs: number): OsLock | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: waitMs });
    chmodSync(path, 0o600);
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  const taken = lock;
  held.add(taken);
  return {
    release: () => {
      if (held.delete(taken)) taken.close();
    },
  };
}

/** SQLITE_BUSY (5) is the only code that means another holder. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5;
}
