import type { ErrorCode } from "../../kernel/errors.ts";
import type { FinishResult } from "../ports.ts";

/**
 * What the main thread asks of the writer. Tuples of texts and numbers, documents as JSON text: cloning one between threads costs
 * about a microsecond, against ten and more for the nested document itself.
 */
export type WriteOp =
  | readonly [
      kind: "finish",
      id: string,
      namespace: string,
      path: string,
      start: number,
      /** Null ends the activation without a record. */
      record: string | null,
      owner: string | null,
    ]
  | readonly [kind: "accept", id: string, namespace: string, state: number, owner: string, message: string]
  | readonly [kind: "mark", id: string, state: number, owner: string]
  | readonly [kind: "advance", id: string, owner: string, message: string]
  | readonly [kind: "adopt", id: string, from: string, to: string]
  | readonly [kind: "put-entity", entity: EntityText, expected: string, at: number]
  | readonly [kind: "delete-entity", namespace: string, path: string, expected: string, at: number]
  | readonly [kind: "put-subject", name: string, body: string, claims: readonly string[], expected: string]
  | readonly [kind: "delete-subject", name: string, expected: string]
  | readonly [kind: "erase", namespace: string, limit: number]
  | readonly [kind: "prune", before: number | null, bytesMax: number | null, limit: number];

export type WriteKind = WriteOp[0];
export type WriteOpOf<Kind extends WriteKind> = Extract<WriteOp, readonly [Kind, ...unknown[]]>;

/** What the writer answers, by what was asked. */
export interface WriteReplies {
  readonly finish: FinishResult;
  /** False: the id is known already. */
  readonly accept: boolean;
  readonly mark: boolean;
  readonly advance: boolean;
  readonly adopt: boolean;
  readonly "put-entity": WriteReply<EntityRow>;
  readonly "delete-entity": WriteReply<EntityRow>;
  readonly "put-subject": WriteReply<SubjectRow>;
  readonly "delete-subject": WriteReply<SubjectRow>;
  /** How many records went. */
  readonly erase: number;
  readonly prune: number;
}

export type WriteReply<Row> = { readonly revision: number } | { readonly current: Row | undefined };

/** An operation that could not be done; it changed nothing. */
export interface Failure {
  readonly failed: ErrorCode;
  readonly message: string;
}

export type AnyReply = WriteReplies[WriteKind] | Failure;

/** An entity on its way in. */
export interface EntityText {
  readonly namespace: string;
  readonly path: string;
  readonly kind: string;
  readonly updated: number;
  /** JSON. */
  readonly body: string;
  readonly attachments: readonly string[];
  readonly link: string | null;
}

/** An entity as the table has it; `attachments` is JSON here. */
export interface EntityRow {
  readonly namespace: string;
  readonly path: string;
  readonly kind: string;
  readonly revision: number;
  readonly updated: number;
  readonly body: string;
  readonly attachments: string;
  readonly link: string | null;
}

/** The one thing that a list of entities may ask for beyond their kind: a column of their table and its value. */
export type EntityFilter = readonly [column: "package" | "link", value: string] | null;

export interface SubjectRow {
  readonly name: string;
  readonly revision: number;
  readonly body: string;
}

/** What the main thread asks of the reader. Lists come back as one JSON text, so that crossing threads is one copy. */
export type ReadOp =
  | readonly [
      kind: "list-activations",
      namespace: string,
      path: string | null,
      since: number,
      upto: number,
      skip: number,
      limit: number,
    ]
  | readonly [kind: "count-activations", namespace: string, path: string | null, since: number, upto: number]
  | readonly [kind: "unfinished", after: string, limit: number]
  | readonly [
      kind: "list-entities",
      namespace: string,
      entityKind: string,
      filter: EntityFilter,
      skip: number,
      limit: number,
    ]
  | readonly [kind: "count-entities", namespace: string, entityKind: string, filter: EntityFilter]
  | readonly [kind: "list-subjects", after: string, limit: number]
  | readonly [kind: "changes", after: number, limit: number]
  | readonly [kind: "head"];

export type ReadKind = ReadOp[0];
export type ReadOpOf<Kind extends ReadKind> = Extract<ReadOp, readonly [Kind, ...unknown[]]>;
export type ReadReply = string | number | Failure;

/** Bounds of `start` where a query names none. */
export const START_MIN = -Number.MAX_SAFE_INTEGER;
export const START_MAX = Number.MAX_SAFE_INTEGER;

export function isFailure(reply: unknown): reply is Failure {
  return typeof reply === "object" && reply !== null && "failed" in reply;
}
