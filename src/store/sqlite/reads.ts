import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { PlatformError } from "../../kernel/errors.ts";
import { errorOf, parseStored, storeError } from "./failures.ts";
import { isFailure, type ReadOp, type ReadReply } from "./messages.ts";
import type { WorkerLink } from "./worker-link.ts";

// Lists and counts waiting at once. Chosen: at 200 records of 1 KiB each, a list takes about a millisecond, so that the last in line
// waits a second; more would be promises that nobody keeps.
const READS_WAITING_MAX = 1000;

/** Reads through the reading thread: lists, counts, the feed. */
export class ThreadReads {
  readonly #link: WorkerLink<ReadOp, ReadReply>;
  #waiting = 0;
  #closed = false;

  constructor(link: WorkerLink<ReadOp, ReadReply>) {
    this.#link = link;
  }

  /** @throws `store/unavailable`, `store/corrupted` */
  async list<T>(op: ReadOp): Promise<readonly T[]> {
    return parseStored<readonly T[]>(String(await this.#ask(op)), `the answer to ${op[0]}`);
  }

  /** @throws `store/unavailable` */
  async number(op: ReadOp): Promise<number> {
    return Number(await this.#ask(op));
  }

  /** Takes no more reads. */
  close(): void {
    this.#closed = true;
  }

  async #ask(op: ReadOp): Promise<string | number> {
    if (this.#closed) throw new PlatformError("store/unavailable", "the store is closed");
    if (this.#waiting >= READS_WAITING_MAX) {
      throw new PlatformError("store/unavailable", `${this.#waiting} lists and counts wait already`);
    }
    this.#waiting += 1;
    try {
      const reply = await this.#link.request(op);
      if (isFailure(reply)) throw errorOf(reply);
      return reply;
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** Reads by primary key on the calling thread: microseconds each, less than a message to another thread costs. */
export class PointReads {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The row, or undefined. @throws `store/unavailable`, `store/corrupted` */
  row<Row>(sql: string, ...params: SQLInputValue[]): Row | undefined {
    if (!this.#db.isOpen) throw new PlatformError("store/unavailable", "the store is closed");
    try {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = this.#db.prepare(sql);
        this.#statements.set(sql, statement);
      }
      return statement.get(...params) as Row | undefined;
    } catch (error) {
      throw storeError(error, "read from the store");
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}
