import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { EntityRow, SubjectRow, WriteOpOf, WriteReply } from "./messages.ts";

/** What `expected` is where there must be no document yet. No revision looks like it. */
export const ABSENT = "absent";

/**
 * Entities, subjects and the feed of their changes, inside the writer's transaction. A document's revision is the sequence number
 * of its last change, so that revisions are never used twice, not even by a document deleted and made again.
 */
export class DocumentWrites {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync) {
    this.#sql = prepare(db);
  }

  putEntity([, entity, expected, at]: WriteOpOf<"put-entity">): WriteReply<EntityRow> {
    const { namespace, path, kind, updated, body, attachments, link } = entity;
    const current = this.#entity(namespace, path);
    if (!stands(current, expected)) return { current };
    const revision = this.#change(`${namespace}/${path}`, kind, false);
    const inPackage = packageOf(path);
    const names = JSON.stringify(attachments);
    this.#sql.putEntity.run(namespace, path, kind, inPackage, revision, updated, names, body, link);
    this.#nameAttachments(namespace, path, attachments, at);
    return { revision };
  }

  deleteEntity([, namespace, path, expected, at]: WriteOpOf<"delete-entity">): WriteReply<EntityRow> {
    const current = this.#entity(namespace, path);
    if (current === undefined || !stands(current, expected)) return { current };
    this.#nameAttachments(namespace, path, [], at);
    this.#sql.dropEntity.run(namespace, path);
    return { revision: this.#change(`${namespace}/${path}`, current.kind, true) };
  }

  putSubject([, name, body, claims, expected]: WriteOpOf<"put-subject">): WriteReply<SubjectRow> {
    const current = this.#subject(name);
    if (!stands(current, expected)) return { current };
    for (const claim of claims) {
      const holder = this.#sql.holder.get(claim) as { subject: string } | undefined;
      if (holder !== undefined && holder.subject !== name) return { current: this.#subject(holder.subject) };
    }
    const revision = this.#change(subjectDoc(name), "subject", false);
    this.#sql.putSubject.run(name, revision, body);
    this.#sql.dropClaims.run(name);
    for (const claim of new Set(claims)) this.#sql.claim.run(claim, name);
    return { revision };
  }

  deleteSubject([, name, expected]: WriteOpOf<"delete-subject">): WriteReply<SubjectRow> {
    const current = this.#subject(name);
    if (current === undefined || !stands(current, expected)) return { current };
    this.#sql.dropClaims.run(name);
    this.#sql.dropSubject.run(name);
    return { revision: this.#change(subjectDoc(name), "subject", true) };
  }

  /**
   * Adds to the feed and takes out what the new change makes needless: earlier writes of the document, and earlier deletes when it
   * is deleted again. The feed so holds two rows per document at most.
   */
  #change(doc: string, kind: string, deleted: boolean): number {
    this.#sql.supersede.run(doc, deleted ? 1 : 0);
    return Number(this.#sql.change.run(doc, kind, deleted ? 1 : 0).lastInsertRowid);
  }

  #nameAttachments(namespace: string, path: string, digests: readonly string[], at: number): void {
    const { seq } = this.#sql.entitySeq.get(namespace, path) as { seq: number };
    const before = this.#sql.namedBy.all(seq).map((row) => (row as { digest: string }).digest);
    this.#sql.unname.run(seq);
    for (const digest of new Set(digests)) {
      this.#sql.name.run(digest, seq);
      this.#sql.named.run(digest);
    }
    // Its time of grace starts now: whoever runs the old code may still fetch it.
    for (const digest of before) if (this.#sql.isNamed.get(digest) === undefined) this.#sql.unnamed.run(digest, at);
  }

  #entity(namespace: string, path: string): EntityRow | undefined {
    return this.#sql.entity.get(namespace, path) as EntityRow | undefined;
  }

  #subject(name: string): SubjectRow | undefined {
    return this.#sql.subject.get(name) as SubjectRow | undefined;
  }
}

/** The feed's name of a subject. Entities are `namespace/path`, and no namespace is empty, so the two never meet. */
export function subjectDoc(name: string): string {
  return `/${name}`;
}

function stands(current: { readonly revision: number } | undefined, expected: string): boolean {
  return current === undefined ? expected === ABSENT : String(current.revision) === expected;
}

function packageOf(path: string): string {
  const slash = path.indexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

function prepare(db: DatabaseSync) {
  return {
    entity: db.prepare(
      "SELECT namespace, path, kind, revision, updated, body, attachments, link FROM entity WHERE namespace = ? AND path = ?",
    ),
    entitySeq: db.prepare("SELECT seq FROM entity WHERE namespace = ? AND path = ?"),
    putEntity: db.prepare(
      `INSERT INTO entity (namespace, path, kind, package, revision, updated, attachments, body, link) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (namespace, path) DO UPDATE SET kind = excluded.kind, revision = excluded.revision,
         updated = excluded.updated, attachments = excluded.attachments, body = excluded.body, link = excluded.link`,
    ),
    dropEntity: db.prepare("DELETE FROM entity WHERE namespace = ? AND path = ?"),
    namedBy: db.prepare("SELECT digest FROM entity_attachment WHERE entity = ?"),
    unname: db.prepare("DELETE FROM entity_attachment WHERE entity = ?"),
    name: db.prepare("INSERT INTO entity_attachment (digest, entity) VALUES (?, ?)"),
    isNamed: db.prepare("SELECT 1 FROM entity_attachment WHERE digest = ? LIMIT 1"),
    named: db.prepare("DELETE FROM attachment_unnamed WHERE digest = ?"),
    unnamed: db.prepare(
      "INSERT INTO attachment_unnamed (digest, at) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET at = excluded.at",
    ),
    subject: db.prepare("SELECT name, revision, body FROM subject WHERE name = ?"),
    putSubject: db.prepare(
      `INSERT INTO subject (name, revision, body) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, body = excluded.body`,
    ),
    dropSubject: db.prepare("DELETE FROM subject WHERE name = ?"),
    holder: db.prepare("SELECT subject FROM subject_claim WHERE claim = ?"),
    claim: db.prepare("INSERT INTO subject_claim (claim, subject) VALUES (?, ?)"),
    dropClaims: db.prepare("DELETE FROM subject_claim WHERE subject = ?"),
    supersede: db.prepare("DELETE FROM change WHERE doc = ? AND deleted <= ?"),
    change: db.prepare("INSERT INTO change (doc, kind, deleted) VALUES (?, ?, ?)"),
  } satisfies Record<string, StatementSync>;
}
