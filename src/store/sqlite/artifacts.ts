import type { Clock } from "../../kernel/clock.ts";
import { assert } from "../../kernel/errors.ts";
import { asId, type EntityPath, type Revision } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { ArtifactStore, Entity, EntityId, EntityKind, EntityQuery, EntityWrite, WriteResult } from "../ports.ts";
import { parseStored } from "./failures.ts";
import type { EntityFilter, EntityRow, WriteReply } from "./messages.ts";
import type { PointReads, ThreadReads } from "./reads.ts";
import type { WriteQueue } from "./write-queue.ts";

const ENTITY =
  "SELECT namespace, path, kind, revision, updated, body, attachments, link FROM entity WHERE namespace = ? AND path = ?";

/** Entities in SQLite. */
export class SqliteArtifacts implements ArtifactStore {
  readonly #writes: WriteQueue;
  readonly #points: PointReads;
  readonly #reads: ThreadReads;
  readonly #clock: Clock;

  constructor(writes: WriteQueue, points: PointReads, reads: ThreadReads, clock: Clock) {
    this.#writes = writes;
    this.#points = points;
    this.#reads = reads;
    this.#clock = clock;
  }

  async get({ namespace, path }: EntityId): Promise<Entity | undefined> {
    const row = this.#points.row<EntityRow>(ENTITY, namespace, path);
    return row === undefined ? undefined : entityOf(row);
  }

  async put(write: EntityWrite, expected: Revision | "absent"): Promise<WriteResult<Entity>> {
    const { namespace, path, kind, updated, attachments, link = null } = write;
    const body = JSON.stringify(write.body);
    const entity = { namespace, path, kind, updated, attachments, body, link };
    const op = ["put-entity", entity, expected, this.#clock.wallMs()] as const;
    return resultOf(await this.#writes.submit<"put-entity">(op, body.length));
  }

  async delete({ namespace, path }: EntityId, expected: Revision): Promise<WriteResult<Entity>> {
    const at = this.#clock.wallMs();
    return resultOf(await this.#writes.submit<"delete-entity">(["delete-entity", namespace, path, expected, at], 0));
  }

  async list(query: EntityQuery): Promise<readonly Entity[]> {
    const { namespace, kind, skip, limit } = query;
    const op = ["list-entities", namespace, kind, filterOf(query), skip, limit] as const;
    const rows = await this.#reads.list<ListedEntity>(op);
    return rows.map((row) => ({ ...row, revision: asId(String(row.revision)) }));
  }

  async count(query: Omit<EntityQuery, "limit">): Promise<number> {
    const { namespace, kind, skip } = query;
    const count = await this.#reads.number(["count-entities", namespace, kind, filterOf(query)]);
    return Math.max(0, count - skip);
  }
}

type ListedEntity = Omit<Entity, "revision"> & { readonly revision: number };

function filterOf({ package: inPackage, link }: Pick<EntityQuery, "package" | "link">): EntityFilter {
  assert(inPackage === undefined || link === undefined, "entities are asked for by package or by link");
  if (inPackage !== undefined) return ["package", inPackage];
  return link === undefined ? null : ["link", link];
}

function resultOf(reply: WriteReply<EntityRow>): WriteResult<Entity> {
  if ("revision" in reply) return { kind: "ok", revision: asId(String(reply.revision)) };
  return reply.current === undefined ? { kind: "conflict" } : { kind: "conflict", current: entityOf(reply.current) };
}

function entityOf(row: EntityRow): Entity {
  const what = `${row.kind} ${row.namespace}/${row.path}`;
  return {
    namespace: asId(row.namespace),
    path: asId(row.path),
    kind: row.kind as EntityKind,
    revision: asId(String(row.revision)),
    updated: row.updated,
    body: parseStored<JsonObject>(row.body, what),
    attachments: parseStored(row.attachments, what),
    ...(row.link === null ? {} : { link: asId<EntityPath>(row.link) }),
  };
}
