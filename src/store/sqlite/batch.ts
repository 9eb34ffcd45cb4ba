import type { DatabaseSync } from "node:sqlite";
import { ActivationWrites } from "./activation-writes.ts";
import { DocumentWrites } from "./document-writes.ts";
import { failureOf } from "./failures.ts";
import type { AnyReply, WriteOp } from "./messages.ts";

/**
 * Group commit: one transaction for everything that arrived together, one answer per operation, in their order. A refusal (a
 * conflict, another owner) is found before anything is written and does not disturb its neighbours.
 */
export class Batches {
  readonly #db: DatabaseSync;
  readonly #activations: ActivationWrites;
  readonly #documents: DocumentWrites;
  /** Whether commits wait for the disk; unknown at first. */
  #full: boolean | undefined;
  /** A commit that did not wait for the disk has happened since {@link synced}. */
  #unsynced = false;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#activations = new ActivationWrites(db);
    this.#documents = new DocumentWrites(db);
  }

  get unsynced(): boolean {
    return this.#unsynced;
  }

  /** Tells that the log has been brought to disk by other means. */
  synced(): void {
    this.#unsynced = false;
  }

  /**
   * Commits what can be. A batch that fails as a whole (disk full, one document too large) is halved until the operations that
   * cannot be done stand alone: a savepoint around each would find them as well, but would cost every batch for the rare one.
   */
  commit(ops: readonly WriteOp[]): readonly AnyReply[] {
    try {
      return this.#transact(ops);
    } catch (error) {
      if (ops.length === 1) return [failureOf(error, "write to the store")];
      const middle = ops.length >> 1;
      return [...this.commit(ops.slice(0, middle)), ...this.commit(ops.slice(middle))];
    }
  }

  #transact(ops: readonly WriteOp[]): readonly AnyReply[] {
    const full = ops.some(mustSurvivePowerLoss);
    if (full !== this.#full) {
      this.#db.exec(`PRAGMA synchronous = ${full ? "FULL" : "NORMAL"}`);
      this.#full = full;
    }
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const replies = ops.map((op) => this.#apply(op));
      this.#activations.flush();
      this.#db.exec("COMMIT");
      // A commit that waits brings everything before it to disk too: the log is one file.
      this.#unsynced = !full;
      return replies;
    } catch (error) {
      this.#activations.discard();
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  // oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, which the compiler checks
  #apply(op: WriteOp): AnyReply {
    switch (op[0]) {
      case "finish":
        return this.#activations.finish(op);
      case "accept":
        return this.#activations.accept(op);
      case "mark":
        return this.#activations.mark(op);
      case "advance":
        return this.#activations.advance(op);
      case "adopt":
        return this.#activations.adopt(op);
      case "erase":
        return this.#activations.erase(op);
      case "prune":
        return this.#activations.prune(op);
      case "put-entity":
        return this.#documents.putEntity(op);
      case "delete-entity":
        return this.#documents.deleteEntity(op);
      case "put-subject":
        return this.#documents.putSubject(op);
      case "delete-subject":
        return this.#documents.deleteSubject(op);
    }
  }
}

/**
 * All but records and their pruning. A record lost with the machine's power leaves its journal entry behind, which a successor
 * finishes; the record of a blocking activation is on disk within the writer's sync interval.
 */
function mustSurvivePowerLoss(op: WriteOp): boolean {
  return op[0] !== "finish" && op[0] !== "prune";
}
