import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { DATABASE_FILE } from "../../src/store/sqlite/database.ts";
import { SQL } from "../../src/store/sqlite/queries.ts";
import { guest, T0 } from "../conformance/stores-support.ts";
import { openIn, withFolder } from "./folder.ts";

const ROWS = 50_000;

/** Activations and entities, put in by SQL: through the store they would take most of the test's time. */
function fill(db: DatabaseSync): void {
  db.exec(`
    BEGIN;
    INSERT INTO namespace (ns, name, activations, bytes) VALUES (1, 'guest', ${ROWS}, ${ROWS} * 20);
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS - 1})
    INSERT INTO activation (id, ns, start, path, bytes, rec)
      SELECT printf('%032x', i), 1, ${T0} + i, 'action-' || (i % 50), 20, '{"start":' || (${T0} + i) || '}' FROM n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
    INSERT INTO entity (namespace, path, kind, package, revision, updated, attachments, body, link)
      SELECT 'guest', 'e' || i, iif(i % 10, 'action', 'rule'), '', i, ${T0} + i % 7, '[]', '{}', iif(i % 10, NULL, 't' || (i % 40))
        FROM n;
    COMMIT;`);
}

/** How SQLite would answer. The parameters do not matter to it. */
function planOf(db: DatabaseSync, sql: string): string[] {
  const parameters = Array.from(sql.matchAll(/\?/g), () => 1);
  return db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...parameters)
    .map((row) => String(row["detail"]));
}

test("no list and no count scans a table or sorts, with statistics or without", async () => {
  await withFolder(async (dir) => {
    await (await openIn(dir)).close();
    const db = new DatabaseSync(join(dir, DATABASE_FILE));
    fill(db);
    for (const statistics of [false, true]) {
      if (statistics) db.exec("ANALYZE");
      for (const [name, sql] of Object.entries(SQL)) {
        const plan = planOf(db, sql).join("; ");
        assert.match(plan, /^SEARCH /, `${name}: ${plan}`);
        assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/, `${name}: ${plan}`);
        if (/^count(?!All)/.test(name)) assert.match(plan, /COVERING INDEX/, `${name}: ${plan}`);
      }
    }
    db.close();
  });
});

test("the linked are listed and counted by the index of links, with statistics or without", async () => {
  await withFolder(async (dir) => {
    await (await openIn(dir)).close();
    const db = new DatabaseSync(join(dir, DATABASE_FILE));
    fill(db);
    for (const statistics of [false, true]) {
      if (statistics) db.exec("ANALYZE");
      for (const sql of [SQL.entitiesOfLink, SQL.countEntitiesOfLink]) {
        assert.match(planOf(db, sql).join("; "), /INDEX entity_by_link \(namespace=\? AND kind=\? AND link=\?\)$/);
      }
    }
    db.close();
  });
});

test("lists and counts over 50,000 records are exact at both ends", async () => {
  await withFolder(async (dir) => {
    await (await openIn(dir)).close();
    const db = new DatabaseSync(join(dir, DATABASE_FILE));
    fill(db);
    db.close();
    const stores = await openIn(dir);
    const { activations } = stores;
    const starts = async (query: object) =>
      (await activations.list({ namespace: guest, skip: 0, limit: 2, ...query })).map((record) => record.start - T0);
    assert.deepEqual(await starts({}), [ROWS - 1, ROWS - 2]);
    assert.deepEqual(await starts({ skip: ROWS - 1 }), [0]);
    assert.deepEqual(await starts({ path: "action-7" }), [ROWS - 43, ROWS - 93]);
    assert.deepEqual(await starts({ upto: T0 + 1000, since: T0 + 1000 }), [1000]);
    assert.equal(await activations.count({ namespace: guest, skip: 0 }), ROWS);
    assert.equal(await activations.count({ namespace: guest, skip: 10, path: "action-7" }), ROWS / 50 - 10);
    assert.equal(await activations.count({ namespace: guest, skip: 0, since: T0 + 100 }), ROWS - 100);
    assert.equal(await activations.prune({ before: T0 + 1000, limit: 5000 }), 1000);
    assert.equal(await activations.count({ namespace: guest, skip: 0 }), ROWS - 1000);
    await stores.close();
  });
});
