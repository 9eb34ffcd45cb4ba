import type { DatabaseSync } from "node:sqlite";
import { PlatformError } from "../../kernel/errors.ts";

/**
 * The steps that make a database of version n one of version n + 1, from an empty file on. A released step is never edited: data
 * folders hold its outcome. test/store/schema.test.ts keeps a folder of version 1 and upgrades it.
 */
export const MIGRATIONS: readonly string[] = [
  /*
   * 1: everything.
   * - activation: a rowid table, so that records of any size append at the end; ids start with their time, so the unique index
   *   grows at its end too. Measured: 12 us an insert in batches of 64, against 70 us WITHOUT ROWID and random ids.
   * - activation_by_start and _by_path carry what lists filter and order by, so that skipping and counting never touch records.
   *   They are in insertion order but for activations that end out of order. activation_oldest serves retention alone.
   * - journal: its own small table; what is final has left it.
   * - change: AUTOINCREMENT, since sequence numbers are revisions and cursors and must never come twice.
   * - entity_attachment, attachment_unnamed: who names which code, and since when nobody does.
   */
  `
  CREATE TABLE namespace (ns INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

  CREATE TABLE activation (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ns INTEGER NOT NULL, start INTEGER NOT NULL, path TEXT NOT NULL,
    bytes INTEGER NOT NULL, rec TEXT NOT NULL
  ) STRICT;
  CREATE INDEX activation_by_start ON activation (ns, start);
  CREATE INDEX activation_by_path ON activation (ns, path, start);
  CREATE INDEX activation_oldest ON activation (start);

  CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL, state INTEGER NOT NULL, owner TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;

  CREATE TABLE entity (
    seq INTEGER PRIMARY KEY, namespace TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL, package TEXT NOT NULL,
    revision INTEGER NOT NULL, updated INTEGER NOT NULL, attachments TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (namespace, path)
  ) STRICT;
  CREATE INDEX entity_by_updated ON entity (namespace, kind, updated DESC, path);
  CREATE INDEX entity_in_package ON entity (namespace, kind, package, updated DESC, path);

  CREATE TABLE entity_attachment (digest TEXT NOT NULL, entity INTEGER NOT NULL, PRIMARY KEY (digest, entity))
    STRICT, WITHOUT ROWID;
  CREATE INDEX entity_attachment_by_entity ON entity_attachment (entity);
  CREATE TABLE attachment_unnamed (digest TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE subject (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE TABLE subject_claim (claim TEXT PRIMARY KEY, subject TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX subject_claim_by_subject ON subject_claim (subject);

  CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, doc TEXT NOT NULL, kind TEXT NOT NULL, deleted INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX change_by_doc ON change (doc, deleted);
  `,
  /*
   * 2: sums per namespace, so that an unfiltered count and the total size are read instead of scanned: counting 1,000,000 index
   * entries takes tens of milliseconds, a row takes microseconds.
   */
  `
  ALTER TABLE namespace ADD COLUMN activations INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE namespace ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE namespace SET (activations, bytes) =
    (SELECT count(*), coalesce(sum(a.bytes), 0) FROM activation a WHERE a.ns = namespace.ns);
  `,
  /*
   * 3: what an entity hangs on, so that the rules of a trigger are looked up. The index holds those alone that hang on something:
   * most are actions, which pay nothing for it.
   */
  `
  ALTER TABLE entity ADD COLUMN link TEXT;
  CREATE INDEX entity_by_link ON entity (namespace, kind, link, updated DESC, path) WHERE link IS NOT NULL;
  `,
];

/** Brings a database to this version, each step in a transaction of its own. @throws `store/version`, nothing touched. */
export function migrate(db: DatabaseSync): void {
  let version = versionOf(db);
  if (version > MIGRATIONS.length) {
    throw new PlatformError(
      "store/version",
      `the store is at schema version ${version}, this Skein knows ${MIGRATIONS.length}`,
      { details: { version, known: MIGRATIONS.length } },
    );
  }
  while (version < MIGRATIONS.length) {
    db.exec("BEGIN IMMEDIATE");
    try {
      // Read again under the lock: another process may have taken this very step.
      version = versionOf(db);
      const step = MIGRATIONS[version];
      if (step !== undefined) {
        db.exec(step);
        version += 1;
        db.exec(`PRAGMA user_version = ${version}`);
      }
      db.exec("COMMIT");
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
}

export function versionOf(db: DatabaseSync): number {
  const row = db.prepare("PRAGMA user_version").get();
  return Number(row?.["user_version"]);
}
