import { accessSync, closeSync, constants, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import { storeError } from "./failures.ts";
import { migrate, versionOf } from "./schema.ts";

export const DATABASE_FILE = "skein.db";

// Milliseconds to wait for another process's lock (a backup, a shell). The main thread must not stand still that long; in WAL its
// reads wait for nobody but a recovery.
const BUSY_MS = 5000;
const BUSY_MAIN_MS = 250;
// KiB of page cache: the writer's holds the hot right edges of the indexes with room to spare.
const WRITER_CACHE_KB = 65_536;
const READER_CACHE_KB = 32_768;
const MAIN_CACHE_KB = 8192;
// Pages of 4 KiB: 16 MiB of log before it is copied back, so that an index page changed a hundred times is copied once. Measured with
// 64 callers finishing without a pause: 1,000 pages 31,000 a second and p99 15 ms, 4,000 pages 44,000 and 18 ms, 8,192 pages 45,000
// and 28 ms. The file is cut back to 64 MiB after a burst that outgrew it (a long read can hold up the copying).
const CHECKPOINT_PAGES = 4096;
const WAL_BYTES_KEPT = 64 * 1_048_576;

/**
 * Makes the folder (0700) and the database (0600) where they are missing, upgrades the schema, and proves that it can be written.
 * Called once, before the threads start. @throws `data/unusable`, `store/version`, `store/corrupted`
 */
export function prepareDatabase(dir: string): string {
  const path = join(dir, DATABASE_FILE);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Says which of its many reasons "unable to open database file" has.
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    createPrivate(path);
    const db = new DatabaseSync(path, { timeout: BUSY_MS });
    try {
      migrateAndProve(db);
    } finally {
      db.close();
    }
    return path;
  } catch (error) {
    const known = storeError(error, "open the database");
    if (isPlatformError(error) || known.code === "store/corrupted") throw known;
    throw new PlatformError("data/unusable", `cannot use the data folder ${dir}: ${(error as Error).message}`, {
      details: { dir },
      cause: error,
    });
  }
}

/** The writer's connection: the only one that writes. */
export function openForWriting(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  db.exec(`PRAGMA cache_size = -${WRITER_CACHE_KB}`);
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.exec(`PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`);
  db.exec("PRAGMA temp_store = MEMORY");
  return db;
}

/** The reading thread's connection. */
export function openForLists(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
  db.exec(`PRAGMA cache_size = -${READER_CACHE_KB}`);
  return db;
}

/** The main thread's connection, for reads by primary key. */
export function openForPoints(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MAIN_MS });
  db.exec(`PRAGMA cache_size = -${MAIN_CACHE_KB}`);
  return db;
}

function createPrivate(path: string): void {
  try {
    // "wx": closing a descriptor of a database that this process has open elsewhere would drop its locks (POSIX), so an existing
    // file is not even opened.
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST") throw error;
  }
}

function migrateAndProve(db: DatabaseSync): void {
  // An unknown newer version is refused by migrate() before anything would change the file.
  if (versionOf(db) === 0) db.exec("PRAGMA journal_mode = WAL");
  migrate(db);
  // A write that changes nothing: a folder that only looks writable is found out now and not at the first activation.
  db.exec(`PRAGMA user_version = ${versionOf(db)}`);
}
