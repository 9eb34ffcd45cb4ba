import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { StoreOptions } from "../../kernel/options/options.ts";
import type { Stores } from "../ports.ts";
import { SqliteActivations } from "./activations.ts";
import { SqliteArtifacts } from "./artifacts.ts";
import { FileAttachments } from "./attachments.ts";
import { SqliteChanges } from "./changes.ts";
import { openForPoints, prepareDatabase } from "./database.ts";
import type { AnyReply, ReadOp, ReadReply, WriteOp } from "./messages.ts";
import { PointReads, ThreadReads } from "./reads.ts";
import { SqliteSubjects } from "./subjects.ts";
import { WorkerLink } from "./worker-link.ts";
import { WriteQueue } from "./write-queue.ts";

export interface SqliteStoresOptions {
  /** The data folder; made (0700) when it is missing. */
  readonly dir: string;
  readonly options: StoreOptions;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens the stores of one machine: one SQLite database and a folder of code. A writer thread owns the only writing connection, a
 * reading thread does lists, counts and the feed, gets by key are done here.
 *
 * @throws `data/unusable` when the folder cannot be written, `store/version` when a newer Skein wrote it, `store/corrupted`.
 */
export async function openSqliteStores({ dir, options, clock, log }: SqliteStoresOptions): Promise<Stores> {
  const database = prepareDatabase(dir);
  const writer = new WorkerLink<readonly WriteOp[], readonly AnyReply[]>({ name: "writer", database, clock, log });
  const reader = new WorkerLink<ReadOp, ReadReply>({ name: "reader", database, clock, log });
  const points = new PointReads(openForPoints(database));
  const reads = new ThreadReads(reader);
  const changes = new SqliteChanges(reads);
  const writes = new WriteQueue(writer, options, () => changes.wake());
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    await writes.close();
    reads.close();
    changes.wake();
    await reader.close();
    points.close();
    // Last and alone on the file, so that its checkpoint leaves no log behind.
    await writer.close();
  }

  return {
    activations: new SqliteActivations(writes, points, reads),
    artifacts: new SqliteArtifacts(writes, points, reads, clock),
    subjects: new SqliteSubjects(writes, points, reads),
    attachments: new FileAttachments(dir, points, clock),
    changes,
    close: () => (closed ??= close()),
  };
}
