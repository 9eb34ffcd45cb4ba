import type { ActivationRecord, CompositionMessage, JournalEntry, JournalState } from "../../kernel/activation.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { type ActivationId, asId, type Incarnation, type Namespace } from "../../kernel/ids.ts";
import type { ActivationQuery, ActivationStore, FinishResult, StoredActivation } from "../ports.ts";
import { parseStored } from "./failures.ts";
import { START_MAX, START_MIN } from "./messages.ts";
import type { PointReads, ThreadReads } from "./reads.ts";
import type { WriteQueue } from "./write-queue.ts";

const STATES = ["accepted", "dispatched", "running"] as const satisfies readonly JournalState[];
// Records that one write drops: a few milliseconds, during which other writes wait.
const DROP_CHUNK = 256;

const FINAL = `SELECT rec FROM activation WHERE id = ? AND ns = (SELECT ns FROM namespace WHERE name = ?)`;
const PENDING = "SELECT state, owner, message FROM journal WHERE id = ? AND namespace = ?";

/** Activations in SQLite: writes through the queue, gets on this thread, lists on the reading thread. */
export class SqliteActivations implements ActivationStore {
  readonly #writes: WriteQueue;
  readonly #points: PointReads;
  readonly #reads: ThreadReads;
  /** Finishes on their way; as many as the write queue holds at most. */
  readonly #finishing = new Map<ActivationId, Promise<unknown>>();

  constructor(writes: WriteQueue, points: PointReads, reads: ThreadReads) {
    this.#writes = writes;
    this.#points = points;
    this.#reads = reads;
  }

  async accept(entry: JournalEntry): Promise<"accepted" | "known"> {
    const { message, state, owner } = entry;
    const id = message.activationId;
    const namespace = message.caller.namespace;
    const text = JSON.stringify(message);
    const op = ["accept", id, namespace, STATES.indexOf(state), owner, text] as const;
    return (await this.#writes.submit<"accept">(op, text.length)) ? "accepted" : "known";
  }

  mark(id: ActivationId, state: JournalState, owner: Incarnation): Promise<boolean> {
    return this.#writes.submit<"mark">(["mark", id, STATES.indexOf(state), owner], 0);
  }

  advance(message: CompositionMessage, owner: Incarnation): Promise<boolean> {
    const text = JSON.stringify(message);
    return this.#writes.submit<"advance">(["advance", message.activationId, owner, text], text.length);
  }

  adopt(id: ActivationId, from: Incarnation, to: Incarnation): Promise<boolean> {
    return this.#writes.submit<"adopt">(["adopt", id, from, to], 0);
  }

  async finish(
    record: ActivationRecord,
    how: { readonly path: string; readonly owner?: Incarnation; readonly keep?: boolean; readonly awaited?: boolean },
  ): Promise<FinishResult> {
    const { activationId: id, namespace, start } = record;
    const text = how.keep === false ? null : JSON.stringify(record);
    const finished = this.#writes.submit<"finish">(
      ["finish", id, namespace, how.path, start, text, how.owner ?? null],
      text?.length ?? 0,
      // Mostly the caller has its answer or its id; whoever asks for the record meanwhile hurries it (below).
      how.awaited === true ? "now" : "soon",
    );
    this.#finishing.set(id, finished);
    try {
      return await finished;
    } finally {
      if (this.#finishing.get(id) === finished) this.#finishing.delete(id);
    }
  }

  async get(namespace: Namespace, id: ActivationId): Promise<StoredActivation | undefined> {
    // What is being finished is waited for, about a commit's time, rather than shown: it may yet be refused.
    const finishing = this.#finishing.get(id);
    if (finishing !== undefined) {
      this.#writes.hurry();
      await finishing.catch(ignoreFailure);
    }
    const final = this.#points.row<{ rec: string }>(FINAL, id, namespace);
    if (final !== undefined) return { kind: "final", record: parseStored(final.rec, `activation ${id}`) };
    const pending = this.#points.row<{ state: number; owner: string; message: string }>(PENDING, id, namespace);
    if (pending === undefined) return undefined;
    const message = parseStored<JournalEntry["message"]>(pending.message, `activation ${id}`);
    return { kind: "pending", entry: entryOf({ ...pending, message }) };
  }

  async list(query: ActivationQuery): Promise<readonly ActivationRecord[]> {
    await this.#writes.settled();
    const { namespace, path, since, upto, skip, limit } = query;
    return this.#reads.list([
      "list-activations",
      namespace,
      path ?? null,
      since ?? START_MIN,
      upto ?? START_MAX,
      skip,
      limit,
    ]);
  }

  async count(query: Omit<ActivationQuery, "limit">): Promise<number> {
    await this.#writes.settled();
    const { namespace, path, since, upto, skip } = query;
    const count = await this.#reads.number([
      "count-activations",
      namespace,
      path ?? null,
      since ?? START_MIN,
      upto ?? START_MAX,
    ]);
    return Math.max(0, count - skip);
  }

  async unfinished(after: ActivationId | undefined, limit: number): Promise<readonly JournalEntry[]> {
    await this.#writes.settled();
    const rows = await this.#reads.list<EntryText>(["unfinished", after ?? "", limit]);
    return rows.map(entryOf);
  }

  erase(namespace: Namespace, limit: number): Promise<number> {
    return inChunks(limit, (chunk) => this.#writes.submit<"erase">(["erase", namespace, chunk], 0));
  }

  prune(policy: { readonly before?: number; readonly bytesMax?: number; readonly limit: number }): Promise<number> {
    const { before = null, bytesMax = null, limit } = policy;
    return inChunks(limit, (chunk) => this.#writes.submit<"prune">(["prune", before, bytesMax, chunk], 0));
  }
}

/** Drops up to `limit` records in writes of {@link DROP_CHUNK}, so that others get in between; says how many went. */
async function inChunks(limit: number, drop: (chunk: number) => Promise<number>): Promise<number> {
  let gone = 0;
  while (gone < limit) {
    const chunk = Math.min(DROP_CHUNK, limit - gone);
    const dropped = await drop(chunk);
    gone += dropped;
    if (dropped < chunk) break;
  }
  return gone;
}

interface EntryText {
  readonly state: number;
  readonly owner: string;
  readonly message: JournalEntry["message"];
}

function entryOf({ state, owner, message }: EntryText): JournalEntry {
  const word = STATES[state];
  if (word === undefined) {
    throw new PlatformError("store/corrupted", `activation ${message.activationId} is in state ${state}`);
  }
  return { message, state: word, owner: asId(owner) };
}

function ignoreFailure(): void {
  // Whoever finishes it is told; for a reader it simply has not ended.
}
