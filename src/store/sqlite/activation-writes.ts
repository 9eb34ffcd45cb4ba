import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Buffer } from "node:buffer";
import type { FinishResult } from "../ports.ts";
import type { WriteOpOf } from "./messages.ts";

// Bound of the cache of namespace numbers; beyond it, it starts anew.
const NAMESPACES_CACHED_MAX = 10_000;

interface Tally {
  activations: number;
  bytes: number;
}

/**
 * Activation records and the journal, inside the writer's transaction. Sums per namespace are gathered over a transaction and
 * written once at its end ({@link flush}), not once per record.
 */
export class ActivationWrites {
  readonly #namespaces = new Map<string, number>();
  readonly #tallies = new Map<number, Tally>();
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync) {
    this.#sql = prepare(db);
  }

  accept([, id, namespace, state, owner, message]: WriteOpOf<"accept">): boolean {
    if (this.#isFinal(id) || this.#sql.ownerOf.get(id) !== undefined) return false;
    this.#sql.accept.run(id, namespace, state, owner, message);
    return true;
  }

  mark([, id, state, owner]: WriteOpOf<"mark">): boolean {
    return this.#sql.mark.run(state, id, owner).changes === 1;
  }

  advance([, id, owner, message]: WriteOpOf<"advance">): boolean {
    return this.#sql.advance.run(message, id, owner).changes === 1;
  }

  adopt([, id, from, to]: WriteOpOf<"adopt">): boolean {
    return this.#sql.adopt.run(to, id, from).changes === 1;
  }

  finish([, id, namespace, path, start, record, owner]: WriteOpOf<"finish">): FinishResult {
    const entry = this.#sql.ownerOf.get(id) as { owner: string } | undefined;
    if (entry !== undefined && entry.owner !== owner) return "not-owner";
    // With an owner and no entry, somebody ended it before: there is no third way out of the journal.
    if (entry === undefined && (owner !== null || (record === null && this.#isFinal(id)))) return "already-final";
    if (record !== null && !this.#insert({ id, namespace, path, start, record })) return "already-final";
    if (entry !== undefined) this.#sql.leaveJournal.run(id);
    return "stored";
  }

  erase([, namespace, limit]: WriteOpOf<"erase">): number {
    const known = this.#sql.namespace.get(namespace) as { ns: number } | undefined;
    if (known === undefined) return 0;
    const rows = this.#sql.anyOf.all(known.ns, limit) as { seq: number; bytes: number }[];
    for (const { seq, bytes } of rows) {
      this.#sql.drop.run(seq);
      this.#tally(known.ns, -1, -bytes);
    }
    return rows.length;
  }

  prune([, before, bytesMax, limit]: WriteOpOf<"prune">): number {
    this.flush();
    let bytesOver = bytesMax === null ? 0 : this.#bytes() - bytesMax;
    let pruned = 0;
    for (const row of this.#sql.oldest.all(limit)) {
      const { seq, ns, start, bytes } = row as { seq: number; ns: number; start: number; bytes: number };
      if ((before === null || start >= before) && bytesOver <= 0) break;
      this.#sql.drop.run(seq);
      this.#tally(ns, -1, -bytes);
      bytesOver -= bytes;
      pruned += 1;
    }
    return pruned;
  }

  /** Writes the sums; the last thing of every transaction. */
  flush(): void {
    for (const [ns, { activations, bytes }] of this.#tallies) this.#sql.tally.run(activations, bytes, ns);
    this.#tallies.clear();
  }

  /** Forgets what the transaction had gathered: it was rolled back. */
  discard(): void {
    this.#tallies.clear();
    this.#namespaces.clear();
  }

  #insert(row: { id: string; namespace: string; path: string; start: number; record: string }): boolean {
    const ns = this.#numberOf(row.namespace);
    const bytes = Buffer.byteLength(row.record);
    if (this.#sql.insert.run(row.id, ns, row.start, row.path, bytes, row.record).changes === 0) return false;
    this.#tally(ns, 1, bytes);
    return true;
  }

  #isFinal(id: string): boolean {
    return this.#sql.isFinal.get(id) !== undefined;
  }

  #bytes(): number {
    const row = this.#sql.bytes.get() as { bytes: number };
    return row.bytes;
  }

  #tally(ns: number, activations: number, bytes: number): void {
    const tally = this.#tallies.get(ns);
    if (tally === undefined) {
      this.#tallies.set(ns, { activations, bytes });
      return;
    }
    tally.activations += activations;
    tally.bytes += bytes;
  }

  #numberOf(namespace: string): number {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    this.#sql.addNamespace.run(namespace);
    const { ns } = this.#sql.namespace.get(namespace) as { ns: number };
    if (this.#namespaces.size >= NAMESPACES_CACHED_MAX) this.#namespaces.clear();
    this.#namespaces.set(namespace, ns);
    return ns;
  }
}

function prepare(db: DatabaseSync) {
  return {
    ownerOf: db.prepare("SELECT owner FROM journal WHERE id = ?"),
    accept: db.prepare("INSERT INTO journal (id, namespace, state, owner, message) VALUES (?, ?, ?, ?, ?)"),
    mark: db.prepare("UPDATE journal SET state = max(state, ?) WHERE id = ? AND owner = ?"),
    advance: db.prepare("UPDATE journal SET message = ? WHERE id = ? AND owner = ?"),
    adopt: db.prepare("UPDATE journal SET owner = ? WHERE id = ? AND owner = ?"),
    leaveJournal: db.prepare("DELETE FROM journal WHERE id = ?"),
    isFinal: db.prepare("SELECT 1 FROM activation WHERE id = ?"),
    insert: db.prepare(
      "INSERT INTO activation (id, ns, start, path, bytes, rec) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    ),
    oldest: db.prepare("SELECT seq, ns, start, bytes FROM activation ORDER BY start LIMIT ?"),
    anyOf: db.prepare("SELECT seq, bytes FROM activation WHERE ns = ? LIMIT ?"),
    drop: db.prepare("DELETE FROM activation WHERE seq = ?"),
    // As many rows as there are namespaces; asked once per chunk of a sweep.
    bytes: db.prepare("SELECT coalesce(sum(bytes), 0) AS bytes FROM namespace"),
    tally: db.prepare("UPDATE namespace SET activations = activations + ?, bytes = bytes + ? WHERE ns = ?"),
    addNamespace: db.prepare("INSERT INTO namespace (name) VALUES (?) ON CONFLICT (name) DO NOTHING"),
    namespace: db.prepare("SELECT ns FROM namespace WHERE name = ?"),
  } satisfies Record<string, StatementSync>;
}
