import type { DatabaseSync, StatementSync } from "node:sqlite";
import { START_MAX, START_MIN } from "./messages.ts";
import type { EntityRow, ReadOp, ReadOpOf, ReadReply } from "./messages.ts";

/**
 * Every list and count. Each walks one index from the place where it starts, in the order asked for: nothing is scanned, nothing is
 * sorted, and what is skipped or counted is an index entry and not a record (test/store/plans.test.ts asks SQLite for its plans).
 */
export const SQL = {
  namespace: "SELECT ns FROM namespace WHERE name = ?",
  activations: `SELECT rec FROM activation WHERE ns = ? AND start BETWEEN ? AND ?
    ORDER BY start DESC, seq DESC LIMIT ? OFFSET ?`,
  activationsOfPath: `SELECT rec FROM activation WHERE ns = ? AND path = ? AND start BETWEEN ? AND ?
    ORDER BY start DESC, seq DESC LIMIT ? OFFSET ?`,
  // Unfiltered, the sum that the writer keeps; otherwise index entries are counted: 1,000,000 of them take some 30 ms here, on the
  // reading thread, which sums per path or per hour would save at the price of every write.
  countAll: "SELECT activations AS n FROM namespace WHERE ns = ?",
  countActivations: "SELECT count(*) AS n FROM activation WHERE ns = ? AND start BETWEEN ? AND ?",
  countActivationsOfPath: "SELECT count(*) AS n FROM activation WHERE ns = ? AND path = ? AND start BETWEEN ? AND ?",
  unfinished: "SELECT state, owner, message FROM journal WHERE id > ? ORDER BY id LIMIT ?",
  entities: `SELECT namespace, path, kind, revision, updated, body, attachments, link FROM entity
    WHERE namespace = ? AND kind = ? ORDER BY updated DESC, path LIMIT ? OFFSET ?`,
  entitiesInPackage: `SELECT namespace, path, kind, revision, updated, body, attachments, link FROM entity
    WHERE namespace = ? AND kind = ? AND package = ? ORDER BY updated DESC, path LIMIT ? OFFSET ?`,
  entitiesOfLink: `SELECT namespace, path, kind, revision, updated, body, attachments, link FROM entity
    WHERE namespace = ? AND kind = ? AND link = ? ORDER BY updated DESC, path LIMIT ? OFFSET ?`,
  countEntities: "SELECT count(*) AS n FROM entity WHERE namespace = ? AND kind = ?",
  countEntitiesInPackage: "SELECT count(*) AS n FROM entity WHERE namespace = ? AND kind = ? AND package = ?",
  countEntitiesOfLink: "SELECT count(*) AS n FROM entity WHERE namespace = ? AND kind = ? AND link = ?",
  subjects: "SELECT name, revision, body FROM subject WHERE name > ? ORDER BY name LIMIT ?",
  changes: "SELECT seq, doc, kind, deleted FROM change WHERE seq > ? ORDER BY seq LIMIT ?",
  // The newest change always has a row: only a newer one of the same document takes it out.
  head: "SELECT coalesce(max(seq), 0) AS n FROM change",
} as const satisfies Record<string, string>;

const ENTITIES_BY = { package: SQL.entitiesInPackage, link: SQL.entitiesOfLink } as const;
const COUNT_ENTITIES_BY = { package: SQL.countEntitiesInPackage, link: SQL.countEntitiesOfLink } as const;

type Params = (string | number)[];

/** Answers {@link ReadOp}s on one connection. */
export class Queries {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  // oxlint-disable-next-line typescript/consistent-return -- the switch is exhaustive, which the compiler checks
  answer(op: ReadOp): ReadReply {
    switch (op[0]) {
      case "list-activations":
        return this.#listActivations(op);
      case "count-activations":
        return this.#countActivations(op);
      case "unfinished":
        return arrayText(this.#all<JournalRow>(SQL.unfinished, op[1], op[2]).map(journalText));
      case "list-entities": {
        const [, namespace, kind, filter, skip, limit] = op;
        const rows =
          filter === null
            ? this.#all<EntityRow>(SQL.entities, namespace, kind, limit, skip)
            : this.#all<EntityRow>(ENTITIES_BY[filter[0]], namespace, kind, filter[1], limit, skip);
        return arrayText(rows.map(entityText));
      }
      case "count-entities": {
        const [, namespace, kind, filter] = op;
        return filter === null
          ? this.#number(SQL.countEntities, namespace, kind)
          : this.#number(COUNT_ENTITIES_BY[filter[0]], namespace, kind, filter[1]);
      }
      case "list-subjects":
        return JSON.stringify(this.#all(SQL.subjects, op[1], op[2]));
      case "changes":
        return JSON.stringify(this.#all(SQL.changes, op[1], op[2]));
      case "head":
        return this.#number(SQL.head);
    }
  }

  #listActivations([, namespace, path, since, upto, skip, limit]: ReadOpOf<"list-activations">): string {
    const ns = this.#namespace(namespace);
    if (ns === undefined) return "[]";
    const rows =
      path === null
        ? this.#all<{ rec: string }>(SQL.activations, ns, since, upto, limit, skip)
        : this.#all<{ rec: string }>(SQL.activationsOfPath, ns, path, since, upto, limit, skip);
    return arrayText(rows.map((row) => row.rec));
  }

  #countActivations([, namespace, path, since, upto]: ReadOpOf<"count-activations">): number {
    const ns = this.#namespace(namespace);
    if (ns === undefined) return 0;
    if (path !== null) return this.#number(SQL.countActivationsOfPath, ns, path, since, upto);
    if (since === START_MIN && upto === START_MAX) return this.#number(SQL.countAll, ns);
    return this.#number(SQL.countActivations, ns, since, upto);
  }

  #namespace(name: string): number | undefined {
    return this.#all<{ ns: number }>(SQL.namespace, name)[0]?.ns;
  }

  #number(sql: string, ...params: Params): number {
    return this.#all<{ n: number }>(sql, ...params)[0]?.n ?? 0;
  }

  #all<Row>(sql: string, ...params: Params): Row[] {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement.all(...params) as Row[];
  }
}

interface JournalRow {
  readonly state: number;
  readonly owner: string;
  readonly message: string;
}

// Stored JSON is put together as text: parsing it here to write it again would be the larger part of a list's cost.
function arrayText(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}

function journalText({ state, owner, message }: JournalRow): string {
  return `{"state":${state},"owner":${JSON.stringify(owner)},"message":${message}}`;
}

function entityText({ body, attachments, link, ...plain }: EntityRow): string {
  // An absent link is left out of JSON.
  return `${JSON.stringify({ ...plain, link: link ?? undefined }).slice(0, -1)},"attachments":${attachments},"body":${body}}`;
}
