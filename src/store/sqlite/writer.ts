import { closeSync, fdatasync, openSync, statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../kernel/errors.ts";
import { Batches } from "./batch.ts";
import { openForWriting } from "./database.ts";
import type { WriteOp } from "./messages.ts";

// Milliseconds that records may be missing from the disk when the power fails (a dead process loses none). Chosen: once a second is
// what Redis (appendfsync everysec) and MySQL (innodb_flush_log_at_trx_commit 2) made usual; it costs a hundredth of a disk's time.
const SYNC_MS = 1000;
// Bytes of log that are not waited for; four times what is kept after a burst.
const LOG_BYTES_MAX = 256 * 1_048_576;

assert(parentPort !== null, "writer.ts runs as a worker thread");
const port = parentPort;
const path = workerData as string;
const db = openForWriting(path);
const batches = new Batches(db);
const log = `${path}-wal`;
let tending: NodeJS.Timeout | undefined;

port.on("message", (message: readonly WriteOp[] | "close") => {
  if (message === "close") {
    close();
    return;
  }
  port.postMessage(batches.commit(message));
  tending ??= setTimeout(tend, SYNC_MS);
});

/** What commits leave behind, at most once in {@link SYNC_MS}. */
function tend(): void {
  tending = undefined;
  // The log starts over by itself whenever all of it is copied back and nobody reads in it. Where readers leave no such moment it
  // would grow without end: this waits for them, while commits wait for this.
  if (statSync(log).size > LOG_BYTES_MAX) db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  if (batches.unsynced) sync();
}

/** Brings the log to disk off this thread, so that commits go on meanwhile. SQLite holds no lock on the log file itself. */
function sync(): void {
  batches.synced();
  const fd = openSync(log, "r+");
  fdatasync(fd, (error) => {
    closeSync(fd);
    // Thrown to end the thread: after a failed sync nobody knows what the disk holds, and the link starts a fresh writer.
    if (error !== null) throw error;
  });
}

function close(): void {
  clearTimeout(tending);
  // The connection that closes last would checkpoint too, but that may be a reader's, which cannot.
  db.exec("PRAGMA synchronous = FULL");
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  port.postMessage("closed");
  port.close();
}
