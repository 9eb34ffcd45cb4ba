import { asId, type Namespace, type Revision } from "../../kernel/ids.ts";
import type { Subject, SubjectStore, WriteResult } from "../ports.ts";
import { parseStored } from "./failures.ts";
import type { SubjectRow, WriteReply } from "./messages.ts";
import type { PointReads, ThreadReads } from "./reads.ts";
import type { WriteQueue } from "./write-queue.ts";

const BY_NAME = "SELECT name, revision, body FROM subject WHERE name = ?";
const BY_CLAIM =
  "SELECT name, revision, body FROM subject WHERE name = (SELECT subject FROM subject_claim WHERE claim = ?)";

/** Identities in SQLite. Their uuids and namespaces are claims in one table, whose primary key keeps each with one subject. */
export class SqliteSubjects implements SubjectStore {
  readonly #writes: WriteQueue;
  readonly #points: PointReads;
  readonly #reads: ThreadReads;

  constructor(writes: WriteQueue, points: PointReads, reads: ThreadReads) {
    this.#writes = writes;
    this.#points = points;
    this.#reads = reads;
  }

  async get(subject: string): Promise<Subject | undefined> {
    return this.#find(BY_NAME, subject);
  }

  async byUuid(uuid: string): Promise<Subject | undefined> {
    return this.#find(BY_CLAIM, uuidClaim(uuid));
  }

  async byNamespace(name: Namespace): Promise<Subject | undefined> {
    return this.#find(BY_CLAIM, namespaceClaim(name));
  }

  async put(subject: Omit<Subject, "revision">, expected: Revision | "absent"): Promise<WriteResult<Subject>> {
    const { subject: name, namespaces, blocked } = subject;
    const claims = namespaces.flatMap((ns) => [uuidClaim(ns.uuid), namespaceClaim(ns.name)]);
    const body = JSON.stringify({ namespaces, blocked } satisfies SubjectBody);
    return resultOf(
      await this.#writes.submit<"put-subject">(["put-subject", name, body, claims, expected], body.length),
    );
  }

  async delete(subject: string, expected: Revision): Promise<WriteResult<Subject>> {
    return resultOf(await this.#writes.submit<"delete-subject">(["delete-subject", subject, expected], 0));
  }

  async list(after: string | undefined, limit: number): Promise<readonly Subject[]> {
    const rows = await this.#reads.list<SubjectRow>(["list-subjects", after ?? "", limit]);
    return rows.map(subjectOf);
  }

  #find(sql: string, key: string): Subject | undefined {
    const row = this.#points.row<SubjectRow>(sql, key);
    return row === undefined ? undefined : subjectOf(row);
  }
}

type SubjectBody = Pick<Subject, "namespaces" | "blocked">;

function uuidClaim(uuid: string): string {
  return `uuid ${uuid}`;
}

function namespaceClaim(name: string): string {
  return `namespace ${name}`;
}

function resultOf(reply: WriteReply<SubjectRow>): WriteResult<Subject> {
  if ("revision" in reply) return { kind: "ok", revision: asId(String(reply.revision)) };
  return reply.current === undefined ? { kind: "conflict" } : { kind: "conflict", current: subjectOf(reply.current) };
}

function subjectOf({ name, revision, body }: SubjectRow): Subject {
  const { namespaces, blocked } = parseStored<SubjectBody>(body, `subject ${name}`);
  return { subject: name, namespaces, blocked, revision: asId(String(revision)) };
}
