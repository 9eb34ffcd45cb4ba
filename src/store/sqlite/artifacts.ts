import type { Clock } from "../../kernel/clock.ts";
import { asId, type Revision } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { ArtifactStore, Entity, EntityId, EntityKind, EntityQuery, EntityWrite, WriteResult } from "../ports.ts";
import { parseStored } from "./failures.ts";
import type { EntityRow, WriteReply } from "./messages.ts";
import type { PointReads, ThreadReads } from "./reads.ts";
import type { WriteQueue } from "./write-queue.ts";

const ENTITY =
  "SELECT namespace, path, kind, revision, updated, body, attachments FROM entity WHERE namespace = ? AND path = ?";

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
    const { namespace, path, kind, updated, attachments } = write;
    const body = JSON.stringify(write.body);
    const entity = { namespace, path, kind, updated, attachments, body };
    const op = ["put-entity", entity, expected, this.#clock.wallMs()] as const;
    return resultOf(await this.#writes.submit<"put-entity">(op, body.length));
  }

  async delete({ namespace, path }: EntityId, expected: Revision): Promise<WriteResult<Entity>> {
    const at = this.#clock.wallMs();
    return resultOf(await this.#writes.submit<"delete-entity">(["delete-entity", namespace, path, expected, at], 0));
  }

  async list({ namespace, kind, package: inPackage, skip, limit }: EntityQuery): Promise<readonly Entity[]> {
    const rows = await this.#reads.list<ListedEntity>([
      "list-entities",
      namespace,
      kind,
      inPackage ?? null,
      skip,
      limit,
    ]);
    return rows.map((row) => ({ ...row, revision: asId(String(row.revision)) }));
  }

  async count({ namespace, kind, package: inPackage, skip }: Omit<EntityQuery, "limit">): Promise<number> {
    const count = await this.#reads.number(["count-entities", namespace, kind, inPackage ?? null]);
    return Math.max(0, count - skip);
  }
}

type ListedEntity = Omit<Entity, "revision"> & { readonly revision: number };

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
  };
}
