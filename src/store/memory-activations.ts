import type { ActivationRecord, CompositionMessage, JournalEntry, JournalState } from "../kernel/activation.ts";
import type { ActivationId, Incarnation, Namespace } from "../kernel/ids.ts";
import type { ActivationQuery, ActivationStore, FinishResult, StoredActivation } from "./ports.ts";

const ORDER: Readonly<Record<JournalState, number>> = { accepted: 0, dispatched: 1, running: 2 };

interface Kept {
  readonly namespace: Namespace;
  readonly path: string;
  readonly start: number;
  /** JSON of the record. */
  readonly text: string;
  readonly bytes: number;
}

/** The in-memory twin of the activation store: maps, filtered and sorted at each call. */
export class MemoryActivations implements ActivationStore {
  readonly #journal = new Map<ActivationId, JournalEntry>();
  readonly #records = new Map<ActivationId, Kept>();

  async accept(entry: JournalEntry): Promise<"accepted" | "known"> {
    const id = entry.message.activationId;
    if (this.#journal.has(id) || this.#records.has(id)) return "known";
    this.#journal.set(id, copyOf(entry));
    return "accepted";
  }

  async mark(id: ActivationId, state: JournalState, owner: Incarnation): Promise<boolean> {
    const entry = this.#journal.get(id);
    if (entry === undefined || entry.owner !== owner) return false;
    if (ORDER[state] > ORDER[entry.state]) this.#journal.set(id, { ...entry, state });
    return true;
  }

  async advance(message: CompositionMessage, owner: Incarnation): Promise<boolean> {
    const entry = this.#journal.get(message.activationId);
    if (entry === undefined || entry.owner !== owner) return false;
    this.#journal.set(message.activationId, copyOf({ ...entry, message }));
    return true;
  }

  async adopt(id: ActivationId, from: Incarnation, to: Incarnation): Promise<boolean> {
    const entry = this.#journal.get(id);
    if (entry === undefined || entry.owner !== from) return false;
    this.#journal.set(id, { ...entry, owner: to });
    return true;
  }

  async finish(
    record: ActivationRecord,
    how: { readonly path: string; readonly owner?: Incarnation; readonly keep?: boolean },
  ): Promise<FinishResult> {
    const { activationId: id, namespace, start } = record;
    const entry = this.#journal.get(id);
    if (entry !== undefined && entry.owner !== how.owner) return "not-owner";
    if (this.#records.has(id) || (entry === undefined && how.owner !== undefined)) return "already-final";
    if (how.keep !== false) {
      const text = JSON.stringify(record);
      this.#records.set(id, { namespace, path: how.path, start, text, bytes: Buffer.byteLength(text) });
    }
    this.#journal.delete(id);
    return "stored";
  }

  async get(namespace: Namespace, id: ActivationId): Promise<StoredActivation | undefined> {
    const kept = this.#records.get(id);
    if (kept?.namespace === namespace) return { kind: "final", record: JSON.parse(kept.text) as ActivationRecord };
    const entry = this.#journal.get(id);
    if (entry?.message.caller.namespace === namespace) return { kind: "pending", entry: copyOf(entry) };
    return undefined;
  }

  async list(query: ActivationQuery): Promise<readonly ActivationRecord[]> {
    const newestFirst = this.#matching(query).toReversed();
    // Stable: of two that started together, the one that ended later comes first.
    newestFirst.sort((a, b) => b.start - a.start);
    return newestFirst
      .slice(query.skip, query.skip + query.limit)
      .map(({ text }) => JSON.parse(text) as ActivationRecord);
  }

  async count(query: Omit<ActivationQuery, "limit">): Promise<number> {
    return Math.max(0, this.#matching(query).length - query.skip);
  }

  async unfinished(after: ActivationId | undefined, limit: number): Promise<readonly JournalEntry[]> {
    const ids = [...this.#journal.keys()].sort();
    const entries: JournalEntry[] = [];
    for (const id of ids) {
      if (entries.length >= limit) break;
      const entry = this.#journal.get(id);
      if (entry !== undefined && (after === undefined || id > after)) entries.push(copyOf(entry));
    }
    return entries;
  }

  async erase(namespace: Namespace, limit: number): Promise<number> {
    const ids = [...this.#records].flatMap(([id, kept]) => (kept.namespace === namespace ? [id] : []));
    const going = ids.slice(0, limit);
    for (const id of going) this.#records.delete(id);
    return going.length;
  }

  async prune(policy: {
    readonly before?: number;
    readonly bytesMax?: number;
    readonly limit: number;
  }): Promise<number> {
    const oldestFirst = [...this.#records].sort(([, a], [, b]) => a.start - b.start);
    const bytes = oldestFirst.reduce((sum, [, kept]) => sum + kept.bytes, 0);
    let bytesOver = policy.bytesMax === undefined ? 0 : bytes - policy.bytesMax;
    let pruned = 0;
    for (const [id, kept] of oldestFirst.slice(0, policy.limit)) {
      if ((policy.before === undefined || kept.start >= policy.before) && bytesOver <= 0) break;
      this.#records.delete(id);
      bytesOver -= kept.bytes;
      pruned += 1;
    }
    return pruned;
  }

  #matching({ namespace, path, since, upto }: Omit<ActivationQuery, "limit">): Kept[] {
    return [...this.#records.values()].filter(
      (kept) =>
        kept.namespace === namespace &&
        (path === undefined || kept.path === path) &&
        (since === undefined || kept.start >= since) &&
        (upto === undefined || kept.start <= upto),
    );
  }
}

function copyOf(entry: JournalEntry): JournalEntry {
  return JSON.parse(JSON.stringify(entry)) as JournalEntry;
}
