import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { isPlatformError } from "../../src/kernel/errors.ts";
import { asId } from "../../src/kernel/ids.ts";
import { DATABASE_FILE } from "../../src/store/sqlite/database.ts";
import { MIGRATIONS } from "../../src/store/sqlite/schema.ts";
import { alice, entityOf, entryOf, guest, idOf, other, pathOf, recordOf } from "../conformance/stores-support.ts";
import { openIn, withFolder } from "./folder.ts";

const actions = { namespace: guest, kind: "action", skip: 0, limit: 10 } as const;

/** A data folder as version 1 left it. Kept word for word, since src/store/sqlite/schema.ts may not change it either. */
const VERSION_1 = `
  PRAGMA journal_mode = WAL;
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
  PRAGMA user_version = 1;
`;

/** What version 2 made of it, kept word for word too. */
const VERSION_2 = `
  ALTER TABLE namespace ADD COLUMN activations INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE namespace ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE namespace SET (activations, bytes) =
    (SELECT count(*), coalesce(sum(a.bytes), 0) FROM activation a WHERE a.ns = namespace.ns);
  PRAGMA user_version = 2;
`;

function makeVersion1(dir: string): void {
  const db = new DatabaseSync(join(dir, DATABASE_FILE));
  db.exec(VERSION_1);
  const add = db.prepare("INSERT INTO activation (id, ns, start, path, bytes, rec) VALUES (?, ?, ?, ?, ?, ?)");
  db.exec("INSERT INTO namespace VALUES (1, 'guest'), (2, 'other'), (3, 'empty')");
  for (const n of [1, 2, 3]) {
    const record = JSON.stringify(recordOf(n, n === 3 ? { namespace: other } : {}));
    add.run(idOf(n), n === 3 ? 2 : 1, recordOf(n).start, "hello", Buffer.byteLength(record), record);
  }
  const entry = entryOf(4);
  db.prepare("INSERT INTO journal (id, namespace, state, owner, message) VALUES (?, 'guest', 0, ?, ?)").run(
    idOf(4),
    entry.owner,
    JSON.stringify(entry.message),
  );
  db.exec(`INSERT INTO change (doc, kind, deleted) VALUES ('guest/hello', 'action', 0), ('/ann', 'subject', 0)`);
  db.exec(`INSERT INTO entity VALUES (1, 'guest', 'hello', 'action', '', 1, 5, '[]', '{"a":1}')`);
  db.exec(`INSERT INTO subject VALUES ('ann', 2, '{"namespaces":[],"blocked":false}')`);
  db.close();
}

function makeVersion2(dir: string): void {
  makeVersion1(dir);
  const db = new DatabaseSync(join(dir, DATABASE_FILE));
  db.exec(VERSION_2);
  db.close();
}

for (const [version, make] of [makeVersion1, makeVersion2].entries()) {
  test(`a data folder of version ${version + 1} is upgraded with all it holds`, () =>
    withFolder((dir) => checkUpgrade(dir, make)));

  test(`an upgraded database of version ${version + 1} and a fresh one have the same schema`, async () => {
    await withFolder(async (dir) => {
      make(dir);
      await (await openIn(dir)).close();
      await withFolder(async (fresh) => {
        await (await openIn(fresh)).close();
        assert.deepEqual(schemaOf(dir), schemaOf(fresh));
      });
    });
  });
}

async function checkUpgrade(dir: string, make: (dir: string) => void): Promise<void> {
  make(dir);
  const stores = await openIn(dir);
  const { activations, artifacts, subjects, changes } = stores;
  assert.equal(await activations.count({ namespace: guest, skip: 0 }), 2);
  assert.equal(await activations.count({ namespace: other, skip: 0 }), 1);
  assert.equal(await activations.count({ namespace: asId("empty"), skip: 0 }), 0);
  assert.deepEqual(await activations.get(guest, idOf(1)), { kind: "final", record: recordOf(1) });
  assert.deepEqual(await activations.unfinished(undefined, 10), [entryOf(4)]);
  const hello = entityOf("hello", { updated: 5, body: { a: 1 } });
  // What had no link has none.
  assert.deepEqual(await artifacts.get(hello), { ...hello, revision: "1" });
  assert.deepEqual(await artifacts.list(actions), [{ ...hello, revision: "1" }]);
  assert.equal((await subjects.get("ann"))?.revision, "2");
  assert.equal((await changes.read("1", 10))[0]?.id, "ann");
  // And it may be given one.
  const link = pathOf("tick");
  assert.equal((await artifacts.put({ ...hello, link }, asId("1"))).kind, "ok");
  assert.equal((await artifacts.list({ ...actions, link }))[0]?.link, link);
  assert.equal(await artifacts.count({ ...actions, link }), 1);
  // The sums go on from what the upgrade counted.
  await activations.finish(recordOf(4), { path: "hello", owner: alice });
  assert.equal(await activations.count({ namespace: guest, skip: 0 }), 3);
  assert.equal(await activations.erase(other, 100), 1);
  assert.equal(await activations.count({ namespace: other, skip: 0 }), 0);
  assert.equal(await activations.prune({ bytesMax: 0, limit: 100 }), 3);
  assert.equal(await activations.count({ namespace: guest, skip: 0 }), 0);
  await stores.close();
  // And an upgraded folder is opened like any other.
  await (await openIn(dir)).close();
}

test("a folder of a newer version is refused and not touched", async () => {
  await withFolder(async (dir) => {
    const db = new DatabaseSync(join(dir, DATABASE_FILE));
    db.exec("CREATE TABLE unheard_of (x TEXT) STRICT");
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    db.close();
    const before = readFileSync(join(dir, DATABASE_FILE));
    await assert.rejects(openIn(dir), (error) => isPlatformError(error, "store/version"));
    assert.deepEqual(readFileSync(join(dir, DATABASE_FILE)), before);
    assert.deepEqual(readdirSync(dir), [DATABASE_FILE]);
  });
});

test("a file that is no database is refused as corrupted", async () => {
  await withFolder(async (dir) => {
    writeFileSync(join(dir, DATABASE_FILE), "not a database, but long enough to look at ".repeat(200));
    await assert.rejects(openIn(dir), (error) => isPlatformError(error, "store/corrupted"));
  });
});

function schemaOf(dir: string): unknown[] {
  const db = new DatabaseSync(join(dir, DATABASE_FILE));
  const rows = db.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all();
  db.close();
  return rows.map((row) => ({ ...row, sql: String(row["sql"]).replaceAll(/\s+/g, " ") }));
}
