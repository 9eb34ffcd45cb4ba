import { PlatformError } from "../../kernel/errors.ts";
import type { StoreOptions } from "../../kernel/options/options.ts";
import { errorOf } from "./failures.ts";
import {
  type AnyReply,
  isFailure,
  type WriteKind,
  type WriteOp,
  type WriteOpOf,
  type WriteReplies,
} from "./messages.ts";

// One batch that the writer commits and one that lies ready for it, so that a slow turn of the event loop does not leave it idle.
// Measured: one or two, and a groupCommitMs of 0, 1 or 5, differ by no more than two runs do (19,000 to 22,000 records a second with 8
// callers, 36,000 to 39,000 with 64); what counts is that batches gather while a commit runs.
const BATCHES_OUT_MAX = 2;

const DOCUMENT_WRITES: ReadonlySet<WriteKind> = new Set([
  "put-entity",
  "delete-entity",
  "put-subject",
  "delete-subject",
]);

// Characters of documents waiting. Chosen: a quarter of a gigabyte, which groupCommitMax results of the largest size fill, and which
// a process can hold; counting writes alone would let 50,000 of 1 MiB in.
const TEXT_WAITING_MAX = 256 * 1_048_576;

/** Where batches go: the writer thread, answering one by one in their order. */
export interface Writer {
  request(batch: readonly WriteOp[]): Promise<readonly AnyReply[]>;
}

interface Write {
  readonly op: WriteOp;
  readonly textLength: number;
  readonly resolve: (reply: AnyReply) => void;
  readonly reject: (error: Error) => void;
}

/** `now`: somebody waits for it. `soon`: nobody does, so it may wait `groupCommitMs` for company. */
export type Urgency = "now" | "soon";

/**
 * The line of writes before the writer thread. When the writer is idle, what came in this turn of the event loop goes at once; while
 * it commits, the next batch gathers until the commit is done, or `groupCommitMs` have passed, or `groupCommitMax` have come. So a
 * lone write never waits for company, and under load one message and one commit serve many.
 *
 * A write that nobody waits for (`soon`) does not wake the writer by itself: waking a thread costs the caller some 30 us, as much as
 * the rest of a warm call's bookkeeping. It goes with the next write that is waited for, or after `groupCommitMs`.
 */
export class WriteQueue {
  readonly #writer: Writer;
  readonly #options: StoreOptions;
  readonly #onChange: () => void;
  #waiting: Write[] = [];
  #batchesOut = 0;
  #writesOut = 0;
  #textWaiting = 0;
  #submitted = 0;
  #settled = 0;
  #barriers: { readonly at: number; readonly resolve: () => void }[] = [];
  #flushing: NodeJS.Immediate | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #closed = false;
  /** Somebody waits for one of the waiting writes. */
  #urgent = false;

  constructor(
    writer: Writer,
    options: StoreOptions,
    /** Called after each commit that added to the change feed. */
    onChange: () => void,
  ) {
    this.#writer = writer;
    this.#options = options;
    this.#onChange = onChange;
  }

  /**
   * Resolves when the write is committed. `textLength` is the length of the document in it, for the bound of the line.
   *
   * @throws `store/unavailable` when it is not, or the line is full, or the store closed
   */
  submit<Kind extends WriteKind>(
    op: WriteOpOf<Kind>,
    textLength: number,
    urgency: Urgency = "now",
  ): Promise<WriteReplies[Kind]> {
    if (this.#closed) return Promise.reject(new PlatformError("store/unavailable", "the store is closed"));
    const waiting = this.#waiting.length + this.#writesOut;
    if (waiting >= this.#options.writesWaitingMax) {
      const message = `${waiting} writes wait already, the most that may (store.writesWaitingMax)`;
      return Promise.reject(new PlatformError("store/unavailable", message, { details: { waiting } }));
    }
    if (this.#textWaiting > 0 && this.#textWaiting + textLength > TEXT_WAITING_MAX) {
      const message = `${waiting} writes of ${this.#textWaiting} characters wait already, the most that may`;
      return Promise.reject(new PlatformError("store/unavailable", message, { details: { waiting } }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<AnyReply>();
    this.#waiting.push({ op, textLength, resolve, reject });
    this.#textWaiting += textLength;
    this.#submitted += 1;
    this.#urgent ||= urgency === "now";
    this.#schedule();
    return promise as Promise<WriteReplies[Kind]>;
  }

  /** Resolves when everything submitted before the call is settled. */
  settled(): Promise<void> {
    if (this.#settled === this.#submitted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#barriers.push({ at: this.#submitted, resolve });
    this.hurry();
    return promise;
  }

  /** Somebody waits now for what was submitted as `soon`. */
  hurry(): void {
    if (this.#urgent || this.#waiting.length === 0) return;
    this.#urgent = true;
    this.#schedule();
  }

  /** Takes no more writes and waits for those it has. */
  close(): Promise<void> {
    this.#closed = true;
    return this.settled();
  }

  #schedule(): void {
    const idle = this.#batchesOut === 0 && this.#urgent;
    if (idle || this.#waiting.length >= this.#options.groupCommitMax) {
      // setImmediate, not a microtask: it runs after all sockets that were readable in this turn, whose writes so go together.
      this.#flushing ??= setImmediate(() => this.#flush());
    } else if (this.#batchesOut < BATCHES_OUT_MAX) {
      this.#gathering ??= setTimeout(() => this.#flush(), this.#options.groupCommitMs);
    }
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    clearTimeout(this.#gathering);
    this.#flushing = undefined;
    this.#gathering = undefined;
    if (this.#waiting.length === 0 || this.#batchesOut >= BATCHES_OUT_MAX) return;
    const batch = this.#take();
    this.#batchesOut += 1;
    this.#writesOut += batch.length;
    this.#writer.request(batch.map((write) => write.op)).then(
      (replies) => this.#onReplies(batch, replies),
      (error: Error) => this.#onLost(batch, error),
    );
    if (this.#waiting.length > 0) this.#schedule();
  }

  #take(): Write[] {
    const max = this.#options.groupCommitMax;
    if (this.#waiting.length > max) return this.#waiting.splice(0, max);
    const all = this.#waiting;
    this.#waiting = [];
    this.#urgent = false;
    return all;
  }

  #onReplies(batch: readonly Write[], replies: readonly AnyReply[]): void {
    let changed = false;
    for (const [index, { op, resolve, reject }] of batch.entries()) {
      const reply = replies[index];
      if (reply === undefined) reject(new PlatformError("store/unavailable", "the writer gave no answer"));
      else if (isFailure(reply)) reject(errorOf(reply));
      else {
        resolve(reply);
        changed ||= DOCUMENT_WRITES.has(op[0]);
      }
    }
    this.#onBatchSettled(batch);
    if (changed) this.#onChange();
  }

  #onLost(batch: readonly Write[], error: Error): void {
    for (const { reject } of batch) reject(error);
    this.#onBatchSettled(batch);
  }

  #onBatchSettled(batch: readonly Write[]): void {
    this.#batchesOut -= 1;
    this.#writesOut -= batch.length;
    this.#settled += batch.length;
    for (const { textLength } of batch) this.#textWaiting -= textLength;
    const reached = this.#barriers.findIndex((barrier) => barrier.at > this.#settled);
    for (const { resolve } of this.#barriers.splice(0, reached < 0 ? this.#barriers.length : reached)) resolve();
    if (this.#urgent) this.#flush();
    else if (this.#waiting.length > 0) this.#schedule();
  }
}
