import type { Clock } from "../../kernel/clock.ts";
import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { EntityPath, Namespace, Revision } from "../../kernel/ids.ts";
import type { ArtifactStore, Entity, EntityKind, EntityWrite } from "../../store/ports.ts";
import { EntityCache } from "../cache/entity-cache.ts";
import { type EntityRef, refText } from "./ref.ts";

const EXISTS = "resource already exists";
const CONCURRENT = "Concurrent modification to resource detected.";
const OTHER_COLLECTION = "Resource by this name exists but is not in this collection.";
const MISSING = "The requested resource does not exist.";

/** What every entity has, whatever its kind. */
export interface Stored extends EntityRef {
  readonly revision: Revision;
  /** Epoch milliseconds of the last write. */
  readonly updated: number;
}

/** What a write decides; who and where and when come with it. */
export type Content<Doc extends Stored> = Omit<Doc, keyof Stored>;

/** How entities of one kind are kept. */
export interface EntityForm<Doc extends Stored> {
  readonly kind: EntityKind;
  readonly toDocument: (doc: Omit<Doc, "revision">) => EntityWrite;
  /** @throws `store/corrupted` */
  readonly fromDocument: (entity: Entity) => Doc;
  /** Bytes that a cached one takes, about. */
  readonly weigh: (doc: Doc) => number;
}

export interface ListQuery {
  readonly namespace: Namespace;
  /** Only what lies in this package. */
  readonly package?: EntityPath;
  /** Only what hangs on this (the rules of a trigger). */
  readonly link?: EntityPath;
  readonly skip: number;
  readonly limit: number;
}

/**
 * Reads and writes entities of one kind, which share the space of paths with those of the other kinds. The one place in this process
 * that writes them, so that the cache never falls behind it.
 */
export class Catalog<Doc extends Stored> {
  readonly cache: EntityCache<Doc>;
  readonly #artifacts: ArtifactStore;
  readonly #form: EntityForm<Doc>;
  readonly #clock: Clock;

  constructor(deps: {
    readonly artifacts: ArtifactStore;
    readonly form: EntityForm<Doc>;
    readonly clock: Clock;
    /** Bytes that the cache may hold. */
    readonly cacheBytesMax: number;
  }) {
    this.#artifacts = deps.artifacts;
    this.#form = deps.form;
    this.#clock = deps.clock;
    this.cache = new EntityCache({
      load: (namespace, path) => this.load({ namespace, path }),
      weigh: deps.form.weigh,
      bytesMax: deps.cacheBytesMax,
    });
  }

  /** As the cache has it, at once where it does; undefined when there is none. @throws `entity/conflict` for another kind */
  find(ref: EntityRef): Doc | Promise<Doc | undefined> {
    return this.cache.find(ref.namespace, ref.path);
  }

  /** As the store has it now; undefined when there is none. @throws `entity/conflict` for another kind, `store/corrupted` */
  async load(ref: EntityRef): Promise<Doc | undefined> {
    const entity = await this.#artifacts.get({ namespace: ref.namespace, path: ref.path });
    return entity === undefined ? undefined : this.#docOf(entity);
  }

  /** The same. @throws `entity/not-found` too */
  async read(ref: EntityRef): Promise<Doc> {
    const doc = await this.load(ref);
    if (doc === undefined) throw notFound();
    return doc;
  }

  /**
   * Creates the entity, or replaces it when `overwrite`, with what `plan` makes of the one that is there.
   *
   * @throws `entity/conflict`, `entity/concurrent-change`, and what `plan` throws, with nothing changed
   */
  async write(
    ref: EntityRef,
    plan: (old: Doc | undefined) => Content<Doc> | Promise<Content<Doc>>,
    options: { readonly overwrite: boolean },
  ): Promise<Doc> {
    const old = await this.load(ref);
    if (old !== undefined && !options.overwrite) throw new PlatformError("entity/conflict", EXISTS);
    const content = await plan(old);
    const { namespace, path } = ref;
    const updated = Math.max(this.#clock.wallMs(), old?.updated ?? 0);
    // The parts of a Doc are exactly these, which the compiler cannot see through the type parameter.
    const draft = { ...content, namespace, path, updated } as unknown as Omit<Doc, "revision">;
    try {
      const result = await this.#artifacts.put(this.#form.toDocument(draft), old?.revision ?? "absent");
      if (result.kind === "ok") return { ...draft, revision: result.revision } as unknown as Doc;
      throw old === undefined && !options.overwrite ? new PlatformError("entity/conflict", EXISTS) : concurrentChange();
    } finally {
      this.cache.invalidate(refText(ref));
    }
  }

  /**
   * Deletes what `allow` lets pass, and says what it was; undefined for a damaged document, which goes too.
   *
   * @throws `entity/not-found`, `entity/conflict`, `entity/concurrent-change`, and what `allow` throws
   */
  async remove(ref: EntityRef, allow?: (doc: Doc | undefined) => Promise<void> | void): Promise<Doc | undefined> {
    const { namespace, path } = ref;
    const entity = await this.#artifacts.get({ namespace, path });
    if (entity === undefined) throw notFound();
    const doc = unlessCorrupted(() => this.#docOf(entity));
    await allow?.(doc);
    try {
      const result = await this.#artifacts.delete({ namespace, path }, entity.revision);
      if (result.kind === "ok") return doc;
      throw concurrentChange();
    } finally {
      this.cache.invalidate(refText(ref));
    }
  }

  /** Newest first. A damaged one does not hide the others. */
  async list(query: ListQuery): Promise<readonly Doc[]> {
    const entities = await this.#artifacts.list({ ...query, kind: this.#form.kind });
    return entities.flatMap((entity) => unlessCorrupted(() => this.#form.fromDocument(entity)) ?? []);
  }

  count(query: Omit<ListQuery, "limit">): Promise<number> {
    return this.#artifacts.count({ ...query, kind: this.#form.kind });
  }

  #docOf(entity: Entity): Doc {
    if (entity.kind !== this.#form.kind) throw otherCollection();
    return this.#form.fromDocument(entity);
  }
}

/** The refusal of whatever is not there. */
export function notFound(): PlatformError<"entity/not-found"> {
  return new PlatformError("entity/not-found", MISSING);
}

/** The refusal of a write that somebody else's came before. */
export function concurrentChange(): PlatformError<"entity/concurrent-change"> {
  return new PlatformError("entity/concurrent-change", CONCURRENT);
}

/** The refusal of a name that another kind of entity has. */
export function otherCollection(): PlatformError<"entity/conflict"> {
  return new PlatformError("entity/conflict", OTHER_COLLECTION);
}

/** Reads what may be damaged; undefined where it is. */
export function unlessCorrupted<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    return ignoreCorrupted(error);
  }
}

/** Lets only one error pass for "nothing": a document that cannot be read. */
export function ignoreCorrupted(error: unknown): undefined {
  if (!isPlatformError(error, "store/corrupted")) throw error;
}
