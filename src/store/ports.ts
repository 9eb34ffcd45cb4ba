import type { ActivationRecord, CompositionMessage, JournalEntry, JournalState } from "../kernel/activation.ts";
import type { ActivationId, CodeDigest, EntityPath, Incarnation, Namespace, Revision } from "../kernel/ids.ts";
import type { JsonObject } from "../kernel/json.ts";

/**
 * What Skein asks of whoever keeps its records. Every implementation runs `testStores(make)` (test/conformance/stores.ts) unchanged.
 *
 * Every call may throw `store/unavailable`, in which case nothing was changed unless the call says otherwise, and
 * `store/corrupted` for a document that cannot be read. Every promise settles: implementations bound their own waits.
 */
export interface Stores {
  readonly artifacts: ArtifactStore;
  readonly subjects: SubjectStore;
  readonly activations: ActivationStore;
  readonly attachments: AttachmentStore;
  readonly changes: ChangeFeed;
  /** Finishes what was begun, then lets go of files and connections. Idempotent. */
  close(): Promise<void>;
}

/** What an entity is; all kinds of a namespace share one space of paths, as in OpenWhisk. Alarms are the platform's own. */
export type EntityKind = "action" | "trigger" | "rule" | "package" | "alarm";

export interface EntityId {
  readonly namespace: Namespace;
  readonly path: EntityPath;
}

/** A document as it is kept. Its body is the role's own, checked against the role's schema when it is read. */
export interface Entity extends EntityId {
  readonly kind: EntityKind;
  readonly revision: Revision;
  /** Epoch milliseconds of the last write: the order of lists. */
  readonly updated: number;
  readonly body: JsonObject;
  /** Attachments the body refers to: they live as long as some entity names them. */
  readonly attachments: readonly CodeDigest[];
  /** The path, in the same namespace, of what this one hangs on (a rule's trigger): lists can ask by it. */
  readonly link?: EntityPath;
}

export type EntityWrite = Omit<Entity, "revision">;

/** What a conditional write came to. `current` is the document that stands in the way, absent when there is none. */
export type WriteResult<Doc> =
  | { readonly kind: "ok"; readonly revision: Revision }
  | { readonly kind: "conflict"; readonly current?: Doc };

export interface EntityQuery {
  readonly namespace: Namespace;
  readonly kind: EntityKind;
  /** Only what lies in this package. */
  readonly package?: string;
  /** Only what is linked to this path. Not together with `package`. */
  readonly link?: EntityPath;
  readonly skip: number;
  readonly limit: number;
}

/** Entities with optimistic revisions. */
export interface ArtifactStore {
  get(id: EntityId): Promise<Entity | undefined>;
  /** Writes if the stored revision is `expected`, or if there is none where `expected` is "absent". */
  put(write: EntityWrite, expected: Revision | "absent"): Promise<WriteResult<Entity>>;
  delete(id: EntityId, expected: Revision): Promise<WriteResult<Entity>>;
  /** Newest `updated` first; equal ones by path. */
  list(query: EntityQuery): Promise<readonly Entity[]>;
  /** How many the query would list without `limit`, after `skip`; never below 0. */
  count(query: Omit<EntityQuery, "limit">): Promise<number>;
}

/** Who may do what: a subject and its namespaces, each with its key. */
export interface Subject {
  readonly subject: string;
  readonly namespaces: readonly SubjectNamespace[];
  readonly blocked: boolean;
  readonly revision: Revision;
}

export interface SubjectNamespace {
  readonly name: Namespace;
  readonly uuid: string;
  readonly key: string;
  /** What was set for this namespace over the platform's limits; the controller's own form. */
  readonly limits?: JsonObject;
}

/** Identities. A uuid and a namespace name belong to one subject at most: a write that breaks this is a conflict. */
export interface SubjectStore {
  get(subject: string): Promise<Subject | undefined>;
  byUuid(uuid: string): Promise<Subject | undefined>;
  byNamespace(name: Namespace): Promise<Subject | undefined>;
  put(subject: Omit<Subject, "revision">, expected: Revision | "absent"): Promise<WriteResult<Subject>>;
  delete(subject: string, expected: Revision): Promise<WriteResult<Subject>>;
  /** By name, after `after`. */
  list(after: string | undefined, limit: number): Promise<readonly Subject[]>;
}

export interface ActivationQuery {
  readonly namespace: Namespace;
  /** `name` or `package/name`: what the record's `path` annotation ends in, or the binding's path where there is one. */
  readonly path?: string;
  /** Inclusive bounds on `start`, epoch milliseconds. */
  readonly since?: number;
  readonly upto?: number;
  readonly skip: number;
  readonly limit: number;
}

/** What is known of an activation: still in the journal, or final. */
export type StoredActivation =
  | { readonly kind: "pending"; readonly entry: JournalEntry }
  | { readonly kind: "final"; readonly record: ActivationRecord };

/**
 * - `stored`: this record is now the final one.
 * - `already-final`: another one was there first and stays; or an entry was expected and has been ended already.
 * - `not-owner`: the journal names another owner (a successor took over); nothing was stored.
 */
export type FinishResult = "stored" | "already-final" | "not-owner";

/** Activation records, and the journal of those promised but not yet final. */
export interface ActivationStore {
  /**
   * Resolves when the entry survives a crash of process and machine. `known`, and nothing changed, when the journal or the records
   * have its id already: whoever derives ids from what they stand for (a tick of an alarm) may ask twice.
   */
  accept(entry: JournalEntry): Promise<"accepted" | "known">;
  /** Moves an entry on (never back). False, and nothing changed, when it is gone or `owner` is not its owner. Durable like `accept`. */
  mark(id: ActivationId, state: JournalState, owner: Incarnation): Promise<boolean>;
  /** Replaces what a composition has come to, under the same id. False like `mark`, durable like `accept`. */
  advance(message: CompositionMessage, owner: Incarnation): Promise<boolean>;
  /** Takes an entry over from a dead owner. False when it is gone or `from` is no longer its owner. */
  adopt(id: ActivationId, from: Incarnation, to: Incarnation): Promise<boolean>;
  /**
   * Ends an activation: stores its record and removes its journal entry, in one step. With `owner` there must be a journal entry
   * of that owner; without, there must be none (a blocking activation, which was promised to nobody). `keep: false` ends it
   * without a record (a namespace with `storeActivations: false`). `path` is what lists filter by. `awaited`: an answer
   * waits for it, so it does not gather company. Survives a crash of the process once resolved; of the machine, within the store's own
   * commit interval.
   */
  finish(
    record: ActivationRecord,
    how: { readonly path: string; readonly owner?: Incarnation; readonly keep?: boolean; readonly awaited?: boolean },
  ): Promise<FinishResult>;
  get(namespace: Namespace, id: ActivationId): Promise<StoredActivation | undefined>;
  /** Newest `start` first. Sees everything finished before the call. */
  list(query: ActivationQuery): Promise<readonly ActivationRecord[]>;
  /** How many the query would list without `limit`, after `skip`; never below 0. */
  count(query: Omit<ActivationQuery, "limit">): Promise<number>;
  /**
   * Journal entries by id, which is the order of their acceptance to the millisecond, after the one named; that one may have left
   * the journal since (a recovery finishes what it pages through).
   */
  unfinished(after: ActivationId | undefined, limit: number): Promise<readonly JournalEntry[]>;
  /**
   * Drops final records of a namespace that is going, any `limit` of them; says how many went. Its journal is left alone. Durable
   * like `accept`: what was said to be erased does not come back.
   */
  erase(namespace: Namespace, limit: number): Promise<number>;
  /** Drops final records older than `before` (epoch ms of start) and the oldest beyond `bytesMax`; at most `limit` in one call. */
  prune(policy: { readonly before?: number; readonly bytesMax?: number; readonly limit: number }): Promise<number>;
}

/** Immutable content by its own digest. */
export interface AttachmentStore {
  /** Stores the bytes (again is harmless) and resolves when they are durable. */
  put(bytes: Uint8Array): Promise<CodeDigest>;
  /** Undefined when there is none. `store/corrupted` when the bytes are not what their digest says. */
  get(digest: CodeDigest): Promise<Uint8Array | undefined>;
  /** Removes what no entity has named for `graceMs`; says how many. Safe beside writers: a fresh `put` is never swept. */
  sweep(graceMs: number): Promise<number>;
}

/** A change of an entity or a subject; activations are not in the feed. */
export interface Change {
  /** Where to go on from after this change. */
  readonly cursor: string;
  readonly kind: EntityKind | "subject";
  /** `namespace/path`, or the subject's name. */
  readonly id: string;
  readonly revision: Revision;
  readonly deleted: boolean;
}

/**
 * Changes in the order they were committed, each at least once; several changes of one document may come as the last of them,
 * but a delete always comes. Deletes stay visible as tombstones.
 */
export interface ChangeFeed {
  /** The newest cursor: changes after it have not happened yet. */
  head(): Promise<string>;
  /** Up to `limit` changes after `cursor` (undefined: from the beginning). */
  read(cursor: string | undefined, limit: number): Promise<readonly Change[]>;
  /** Changes after `cursor` as they come, until `signal` aborts; then it ends without an error. */
  watch(cursor: string | undefined, signal: AbortSignal): AsyncIterable<Change>;
}
