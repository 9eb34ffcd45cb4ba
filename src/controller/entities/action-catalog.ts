import type { Clock } from "../../kernel/clock.ts";
import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { EntityPath, Namespace } from "../../kernel/ids.ts";
import type { LimitsOptions } from "../../kernel/options/options.ts";
import type { Entity, Stores } from "../../store/ports.ts";
import { ActionCache } from "../cache/action-cache.ts";
import type { Action } from "./action.ts";
import { type ActionContent, newContent, requireCodeSize, requireLiveKind, updatedContent } from "./action-change.ts";
import { fromDocument, toDocument } from "./action-document.ts";
import type { ActionPut, ExecPut } from "./action-put.ts";
import { checkArchive } from "./archive.ts";
import { decodeCode, encodeCode } from "./code.ts";
import type { Runtimes } from "./runtimes.ts";

const EXISTS = "resource already exists";
const CONCURRENT = "Concurrent modification to resource detected.";
const OTHER_COLLECTION = "Resource by this name exists but is not in this collection.";
const MISSING = "The requested resource does not exist.";

/** Names one action. */
export interface ActionId {
  readonly namespace: Namespace;
  /** `name` or `package/name`. */
  readonly path: EntityPath;
}

/** What a deletion leaves to tell: nothing, where the document could not be read. */
export interface RemovedAction {
  readonly action: Action | undefined;
  readonly code: string | undefined;
}

/** Reads and writes actions: the one place in this process that writes them, so that the cache never falls behind it. */
export class ActionCatalog {
  readonly cache: ActionCache;
  readonly #stores: Pick<Stores, "artifacts" | "attachments">;
  readonly #runtimes: Runtimes;
  readonly #bounds: LimitsOptions["action"];
  readonly #clock: Clock;

  constructor(deps: {
    readonly stores: Pick<Stores, "artifacts" | "attachments">;
    readonly runtimes: Runtimes;
    readonly bounds: LimitsOptions["action"];
    readonly clock: Clock;
  }) {
    this.#stores = deps.stores;
    this.#runtimes = deps.runtimes;
    this.#bounds = deps.bounds;
    this.#clock = deps.clock;
    this.cache = new ActionCache((namespace, path) => this.#load({ namespace, path }));
  }

  /** The action as the store has it now. @throws `entity/not-found`, `entity/conflict` for another kind of entity */
  async read(id: ActionId): Promise<Action> {
    const action = await this.#load(id);
    if (action === undefined) throw notFound();
    return action;
  }

  /** Source text, or base64 of an archive. @throws `store/corrupted` when it is gone */
  async readCode(action: Action): Promise<string> {
    const bytes = await this.#stores.attachments.get(action.exec.code);
    if (bytes === undefined) throw new PlatformError("store/corrupted", "Resource is corrupted and cannot be read.");
    return encodeCode({ binary: action.exec.binary, bytes });
  }

  /**
   * Creates the action, or updates it when `overwrite`.
   *
   * @throws `entity/conflict`, `entity/concurrent-change`, `request/malformed`, `request/too-large`, `archive/invalid`
   */
  async write(id: ActionId, put: ActionPut, options: { readonly overwrite: boolean }): Promise<Action> {
    const stored = await this.#stores.artifacts.get(id);
    const old = stored === undefined ? undefined : actionOf(stored);
    if (old !== undefined && !options.overwrite) throw new PlatformError("entity/conflict", EXISTS);
    const content = this.#contentOf(old, put);
    const exec = put.exec === undefined ? old?.exec : await this.#keepCode(put.exec);
    // `#contentOf` refuses a creation without code.
    if (exec === undefined) throw missingExec();
    const updated = Math.max(this.#clock.wallMs(), old?.updated ?? 0);
    const draft = { ...id, ...content, exec, updated };
    try {
      const result = await this.#stores.artifacts.put(toDocument(draft), old?.revision ?? "absent");
      if (result.kind === "ok") return { ...draft, revision: result.revision };
      throw old === undefined && !options.overwrite
        ? new PlatformError("entity/conflict", EXISTS)
        : new PlatformError("entity/concurrent-change", CONCURRENT);
    } finally {
      this.cache.invalidate(keyOf(id));
    }
  }

  /** Damaged documents and code go too. @throws `entity/not-found`, `entity/conflict`, `entity/concurrent-change` */
  async remove(id: ActionId): Promise<RemovedAction> {
    const entity = await this.#stores.artifacts.get(id);
    if (entity === undefined) throw notFound();
    const action = unlessCorrupted(() => actionOf(entity));
    const code = action === undefined ? undefined : await this.readCode(action).catch(ignoreCorrupted);
    try {
      const result = await this.#stores.artifacts.delete(id, entity.revision);
      if (result.kind === "ok") return { action, code };
      throw new PlatformError("entity/concurrent-change", CONCURRENT);
    } finally {
      this.cache.invalidate(keyOf(id));
    }
  }

  /** Actions of the namespace, packaged ones too unless `package` names one package. A damaged one does not hide the others. */
  async list(query: ListQuery): Promise<readonly Action[]> {
    const entities = await this.#stores.artifacts.list({ ...query, kind: "action" });
    return entities.flatMap((entity) => unlessCorrupted(() => fromDocument(entity)) ?? []);
  }

  count(query: Omit<ListQuery, "limit">): Promise<number> {
    return this.#stores.artifacts.count({ ...query, kind: "action" });
  }

  /** Lets a path inside a package pass only when the package is there. @throws `entity/not-found`, `entity/conflict` */
  async requirePackage(namespace: Namespace, path: EntityPath): Promise<void> {
    const entity = await this.#stores.artifacts.get({ namespace, path });
    if (entity === undefined) throw notFound();
    if (entity.kind !== "package") throw new PlatformError("entity/conflict", OTHER_COLLECTION);
  }

  async #load(id: ActionId): Promise<Action | undefined> {
    const entity = await this.#stores.artifacts.get(id);
    return entity === undefined ? undefined : actionOf(entity);
  }

  #contentOf(old: Action | undefined, put: ActionPut): ActionContent {
    if (put.exec !== undefined) requireCodeSize(put.exec, this.#bounds);
    if (old === undefined) {
      if (put.exec === undefined) throw missingExec();
      return newContent(put, put.exec.kind, this.#bounds);
    }
    if (put.exec === undefined) requireLiveKind(old.exec, this.#runtimes);
    return updatedContent(old, put, this.#bounds);
  }

  /** Stores code under its digest; what no action comes to name is swept later. */
  async #keepCode(exec: ExecPut): Promise<Action["exec"]> {
    const { binary, bytes } = decodeCode(exec.code);
    if (binary) await checkArchive(bytes);
    const code = await this.#stores.attachments.put(bytes);
    const { kind, main } = exec;
    return { kind, ...(main === undefined ? {} : { main }), binary, code, codeBytes: bytes.byteLength };
  }
}

interface ListQuery {
  readonly namespace: Namespace;
  readonly package?: string;
  readonly skip: number;
  readonly limit: number;
}

/** The refusal of whatever is not there. */
export function notFound(): PlatformError<"entity/not-found"> {
  return new PlatformError("entity/not-found", MISSING);
}

function actionOf(entity: Entity): Action {
  if (entity.kind !== "action") throw new PlatformError("entity/conflict", OTHER_COLLECTION);
  return fromDocument(entity);
}

function unlessCorrupted<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    return ignoreCorrupted(error);
  }
}

function ignoreCorrupted(error: unknown): undefined {
  if (!isPlatformError(error, "store/corrupted")) throw error;
}

function missingExec(): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", "exec undefined");
}

function keyOf(id: ActionId): string {
  return `${id.namespace}/${id.path}`;
}
