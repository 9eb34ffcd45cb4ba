import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { expectOk } from "../client.ts";
import { type Collection, type EntityName, entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { table, timeText } from "../output.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { itemsOf, numberAt, rowsOf, textAt } from "../wire.ts";
import type { ListFlags } from "./action-entities.ts";

/** How one collection is called, and what its list shows. */
export interface Kind {
  readonly collection: Collection;
  /** For messages: `package`. */
  readonly noun: string;
  readonly columns: readonly (readonly [heading: string, cell: (row: JsonObject, io: Io) => string])[];
  /** What makes the first one, when a list is empty. */
  readonly firstOne: string;
}

/** Lists the entities of the namespace, or of `/namespace`. */
export async function listEntities(
  kind: Kind,
  place: string | undefined,
  options: { readonly flags: ListFlags; readonly io: Io },
): Promise<ExitCode> {
  const { flags, io } = options;
  const session = sessionOf(flags, io);
  const namespace = place === undefined ? "_" : place.replace(/^\//, "");
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${kind.collection}`;
  const answer = await session.send("GET", path, { query: { limit: flags.limit, skip: flags.skip } });
  const rows = rowsOf(expectOk(answer, `cannot list ${kind.collection}`));
  if (session.json) {
    session.printJson(rows);
    return EXIT.ok;
  }
  if (rows.length === 0) {
    session.print(`no ${kind.collection} yet: ${kind.firstOne}\n`);
    return EXIT.ok;
  }
  const headings = ["NAME", ...kind.columns.map(([heading]) => heading), "VERSION"];
  const cells = rows.map((row) => [
    `/${textAt(row, "namespace")}/${textAt(row, "name")}`,
    ...kind.columns.map(([, cell]) => cell(row, io)),
    textAt(row, "version"),
  ]);
  session.print(table(headings, cells));
  return EXIT.ok;
}

/** Reads one entity. */
export async function readEntity(session: Session, kind: Kind, name: EntityName): Promise<JsonObject> {
  const answer = await session.send("GET", entityPath(kind.collection, name));
  const entity = expectOk(answer, `cannot get ${kind.noun} ${fullName(name)}`);
  if (isJsonObject(entity)) return entity;
  throw usageFailure(`the answer from ${session.apihost} is no ${kind.noun}`);
}

/** Writes one entity and says so. */
export async function writeEntity(
  session: Session,
  kind: Kind,
  write: { readonly name: EntityName; readonly body: JsonObject; readonly overwrite: boolean },
): Promise<JsonObject> {
  const { name, body, overwrite } = write;
  const answer = await session.send("PUT", entityPath(kind.collection, name), { query: { overwrite }, body });
  const verb = overwrite ? "update" : "create";
  const written = expectOk(answer, `cannot ${verb} ${kind.noun} ${fullName(name)}`);
  return isJsonObject(written) ? written : {};
}

/** Deletes one entity and says so. */
export async function deleteEntity(
  kind: Kind,
  text: string,
  options: { readonly flags: ClientFlags; readonly io: Io; readonly query?: Readonly<Record<string, boolean>> },
): Promise<ExitCode> {
  const session = sessionOf(options.flags, options.io);
  const name = parseEntityName(text);
  const answer = await session.send("DELETE", entityPath(kind.collection, name), { query: options.query ?? {} });
  tell(
    session,
    expectOk(answer, `cannot delete ${kind.noun} ${fullName(name)}`),
    `deleted ${kind.noun} ${fullName(name)}`,
  );
  return EXIT.ok;
}

/** What was done: the entity with `--json`, a line otherwise. */
export function tell(session: Session, entity: unknown, done: string): void {
  if (session.json) session.printJson(entity);
  session.print(`ok: ${done}\n`);
}

/** The fields that every kind shows. */
export function commonFields(entity: JsonObject): readonly (readonly [string, string])[] {
  return [
    ["name", `/${textAt(entity, "namespace")}/${textAt(entity, "name")}`],
    ["version", textAt(entity, "version")],
    ["updated", timeText(numberAt(entity, "updated"))],
  ];
}

/** Keys and values of a list of parameters or annotations, on one line. */
export function pairsText(value: JsonValue | undefined): string {
  const rows = itemsOf(value).filter((item) => isJsonObject(item));
  return rows.map((row) => `${textAt(row, "key")}=${JSON.stringify(row["value"] ?? null)}`).join(" ") || "-";
}
