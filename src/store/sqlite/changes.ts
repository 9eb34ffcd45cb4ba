import { asId } from "../../kernel/ids.ts";
import type { Change, ChangeFeed } from "../ports.ts";
import type { ThreadReads } from "./reads.ts";

// Milliseconds between looks for commits of other processes; those of this one wake watchers at once.
const POLL_MS = 250;
// Changes a watcher takes at a time: it holds no more, however far behind it is.
const PAGE = 256;

/** The feed of changes in SQLite. A cursor is the sequence number of a change. */
export class SqliteChanges implements ChangeFeed {
  readonly #reads: ThreadReads;
  readonly #wakers = new Set<() => void>();
  /** Counts {@link wake}s, so that one between a read and the wait after it is not slept over. */
  #wakes = 0;

  constructor(reads: ThreadReads) {
    this.#reads = reads;
  }

  async head(): Promise<string> {
    return String(await this.#reads.number(["head"]));
  }

  async read(cursor: string | undefined, limit: number): Promise<readonly Change[]> {
    const rows = await this.#reads.list<ChangeRow>(["changes", Number(cursor ?? 0), limit]);
    return rows.map(changeOf);
  }

  async *watch(cursor: string | undefined, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    let at = cursor;
    while (!signal.aborted) {
      const wakes = this.#wakes;
      const page = await this.read(at, PAGE);
      for (const change of page) {
        if (signal.aborted) return;
        yield change;
        at = change.cursor;
      }
      if (page.length === 0 && wakes === this.#wakes) await this.#news(signal);
    }
  }

  /** Tells watchers that something was committed, or that they should find out that the store is closed. */
  wake(): void {
    this.#wakes += 1;
    for (const waker of this.#wakers) waker();
  }

  /** Resolves at the next commit, after the poll's time, or when `signal` aborts. */
  #news(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, POLL_MS);
    const onAbort = (): void => resolve();
    this.#wakers.add(resolve);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) resolve();
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      this.#wakers.delete(resolve);
    });
  }
}

interface ChangeRow {
  readonly seq: number;
  /** `namespace/path` of an entity, `/name` of a subject. */
  readonly doc: string;
  readonly kind: Change["kind"];
  readonly deleted: 0 | 1;
}

function changeOf({ seq, doc, kind, deleted }: ChangeRow): Change {
  const id = kind === "subject" ? doc.slice(1) : doc;
  return { cursor: String(seq), kind, id, revision: asId(String(seq)), deleted: deleted === 1 };
}
