import type { Clock } from "../kernel/clock.ts";
import { assert, PlatformError } from "../kernel/errors.ts";
import { asId, type CodeDigest, type Namespace, type Revision } from "../kernel/ids.ts";
import type {
  ArtifactStore,
  Change,
  ChangeFeed,
  Entity,
  EntityId,
  EntityQuery,
  EntityWrite,
  Subject,
  SubjectStore,
  WriteResult,
} from "./ports.ts";

/** The in-memory feed: every change there was, and whoever waits for the next one. */
export class MemoryChanges implements ChangeFeed {
  readonly #changes: Change[] = [];
  readonly #wakers = new Set<() => void>();
  #closed = false;

  /** Adds a change and gives its revision, which is its place in the feed. */
  append(kind: Change["kind"], id: string, deleted: boolean): Revision {
    const cursor = String(this.#changes.length + 1);
    this.#changes.push({ cursor, kind, id, revision: asId(cursor), deleted });
    this.#wake();
    return asId(cursor);
  }

  async head(): Promise<string> {
    return String(this.#changes.length);
  }

  async read(cursor: string | undefined, limit: number): Promise<readonly Change[]> {
    if (this.#closed) throw new PlatformError("store/unavailable", "the store is closed");
    const from = Number(cursor ?? 0);
    return this.#changes.slice(from, from + limit);
  }

  async *watch(cursor: string | undefined, signal: AbortSignal): AsyncGenerator<Change, void, undefined> {
    let at = cursor;
    while (!signal.aborted) {
      const [change] = await this.read(at, 1);
      if (change === undefined) {
        await this.#news(signal);
        continue;
      }
      yield change;
      at = change.cursor;
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
  }

  #news(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wakers.add(wake);
    signal.addEventListener("abort", wake);
    if (signal.aborted || this.#closed) resolve();
    return promise.finally(() => {
      this.#wakers.delete(wake);
      signal.removeEventListener("abort", wake);
    });
  }
}

/** The in-memory twin of the artifact store. */
export class MemoryArtifacts implements ArtifactStore {
  readonly #changes: MemoryChanges;
  readonly #clock: Clock;
  readonly #entities = new Map<string, Entity>();
  readonly #unnamedAt = new Map<CodeDigest, number>();

  constructor(changes: MemoryChanges, clock: Clock) {
    this.#changes = changes;
    this.#clock = clock;
  }

  async get(id: EntityId): Promise<Entity | undefined> {
    return copyOf(this.#entities.get(keyOf(id)));
  }

  async put(write: EntityWrite, expected: Revision | "absent"): Promise<WriteResult<Entity>> {
    const key = keyOf(write);
    const current = this.#entities.get(key);
    if (!stands(current, expected)) return conflictOf(current);
    const revision = this.#changes.append(write.kind, key, false);
    this.#entities.set(key, copyOf({ ...write, revision }));
    this.#unname(current);
    return { kind: "ok", revision };
  }

  async delete(id: EntityId, expected: Revision): Promise<WriteResult<Entity>> {
    const key = keyOf(id);
    const current = this.#entities.get(key);
    if (current === undefined || !stands(current, expected)) return conflictOf(current);
    this.#entities.delete(key);
    this.#unname(current);
    return { kind: "ok", revision: this.#changes.append(current.kind, key, true) };
  }

  async list(query: EntityQuery): Promise<readonly Entity[]> {
    const found = this.#matching(query).sort((a, b) => b.updated - a.updated || (a.path < b.path ? -1 : 1));
    return found.slice(query.skip, query.skip + query.limit).map(copyOf);
  }

  async count(query: Omit<EntityQuery, "limit">): Promise<number> {
    return Math.max(0, this.#matching(query).length - query.skip);
  }

  /** When an entity last named this content, epoch ms: for ever when one does, never (-Infinity) when none did. */
  lastNamedAt(digest: CodeDigest): number {
    for (const entity of this.#entities.values()) if (entity.attachments.includes(digest)) return Infinity;
    return this.#unnamedAt.get(digest) ?? -Infinity;
  }

  #unname(before: Entity | undefined): void {
    for (const digest of before?.attachments ?? []) this.#unnamedAt.set(digest, this.#clock.wallMs());
  }

  #matching({ namespace, kind, package: inPackage, link }: Omit<EntityQuery, "limit">): Entity[] {
    assert(inPackage === undefined || link === undefined, "entities are asked for by package or by link");
    return [...this.#entities.values()].filter(
      (entity) =>
        entity.namespace === namespace &&
        entity.kind === kind &&
        (inPackage === undefined || entity.path.startsWith(`${inPackage}/`)) &&
        (link === undefined || entity.link === link),
    );
  }
}

/** The in-memory twin of the subject store. */
export class MemorySubjects implements SubjectStore {
  readonly #changes: MemoryChanges;
  readonly #subjects = new Map<string, Subject>();

  constructor(changes: MemoryChanges) {
    this.#changes = changes;
  }

  async get(subject: string): Promise<Subject | undefined> {
    return copyOf(this.#subjects.get(subject));
  }

  async byUuid(uuid: string): Promise<Subject | undefined> {
    return copyOf(this.#holder((ns) => ns.uuid === uuid));
  }

  async byNamespace(name: Namespace): Promise<Subject | undefined> {
    return copyOf(this.#holder((ns) => ns.name === name));
  }

  async put(subject: Omit<Subject, "revision">, expected: Revision | "absent"): Promise<WriteResult<Subject>> {
    const current = this.#subjects.get(subject.subject);
    if (!stands(current, expected)) return conflictOf(current);
    for (const { name, uuid } of subject.namespaces) {
      const holder = this.#holder((ns) => ns.name === name || ns.uuid === uuid, subject.subject);
      if (holder !== undefined) return conflictOf(holder);
    }
    const revision = this.#changes.append("subject", subject.subject, false);
    this.#subjects.set(subject.subject, copyOf({ ...subject, revision }));
    return { kind: "ok", revision };
  }

  async delete(subject: string, expected: Revision): Promise<WriteResult<Subject>> {
    const current = this.#subjects.get(subject);
    if (current === undefined || !stands(current, expected)) return conflictOf(current);
    this.#subjects.delete(subject);
    return { kind: "ok", revision: this.#changes.append("subject", subject, true) };
  }

  async list(after: string | undefined, limit: number): Promise<readonly Subject[]> {
    const names = [...this.#subjects.keys()].sort().filter((name) => after === undefined || name > after);
    return names.slice(0, limit).flatMap((name) => copyOf(this.#subjects.get(name)) ?? []);
  }

  #holder(owns: (ns: Subject["namespaces"][number]) => boolean, except?: string): Subject | undefined {
    for (const subject of this.#subjects.values()) {
      if (subject.subject !== except && subject.namespaces.some(owns)) return subject;
    }
    return undefined;
  }
}

function keyOf({ namespace, path }: EntityId): string {
  return `${namespace}/${path}`;
}

function stands(current: { readonly revision: Revision } | undefined, expected: Revision | "absent"): boolean {
  return current === undefined ? expected === "absent" : current.revision === expected;
}

function conflictOf<Doc>(current: Doc | undefined): WriteResult<Doc> {
  return current === undefined ? { kind: "conflict" } : { kind: "conflict", current: copyOf(current) };
}

function copyOf<T>(document: T): T {
  return document === undefined ? document : (JSON.parse(JSON.stringify(document)) as T);
}
