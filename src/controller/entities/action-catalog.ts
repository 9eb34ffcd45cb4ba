import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Revision } from "../../kernel/ids.ts";
import type { AttachmentStore } from "../../store/ports.ts";
import { type Action, isCode } from "./action.ts";
import {
  type ActionBounds,
  type ActionContent,
  newContent,
  requireLiveKind,
  requireSentSizes,
  updatedContent,
} from "./action-change.ts";
import type { ActionPut, ExecPut } from "./action-put.ts";
import { checkArchive } from "./archive.ts";
import { type Catalog, concurrentChange, type Content, ignoreCorrupted, type ListQuery } from "./catalog.ts";
import { decodeCode, encodeCode } from "./code.ts";
import type { EntityRef } from "./ref.ts";
import type { Runtimes } from "./runtimes.ts";

/** What a deletion leaves to tell: nothing, where the document could not be read. */
export interface RemovedAction {
  readonly action: Action | undefined;
  readonly code: string | undefined;
}

/** Actions, with the code that lies outside of their documents. */
export class ActionCatalog {
  readonly #actions: Catalog<Action>;
  readonly #attachments: AttachmentStore;
  readonly #runtimes: Runtimes;

  constructor(deps: {
    readonly actions: Catalog<Action>;
    readonly attachments: AttachmentStore;
    readonly runtimes: Runtimes;
  }) {
    this.#actions = deps.actions;
    this.#attachments = deps.attachments;
    this.#runtimes = deps.runtimes;
  }

  get cache(): Catalog<Action>["cache"] {
    return this.#actions.cache;
  }

  /** As the cache has it; undefined when there is none. @throws `entity/conflict` for another kind of entity */
  find(ref: EntityRef): Action | Promise<Action | undefined> {
    return this.#actions.find(ref);
  }

  /** As the store has it now. @throws `entity/not-found`, `entity/conflict` for another kind of entity */
  read(ref: EntityRef): Promise<Action> {
    return this.#actions.read(ref);
  }

  /** Source text, or base64 of an archive; undefined for a sequence. @throws `store/corrupted` when it is gone */
  async readCode(action: Action): Promise<string | undefined> {
    if (!isCode(action)) return undefined;
    const bytes = await this.#attachments.get(action.exec.code);
    if (bytes === undefined) throw new PlatformError("store/corrupted", "Resource is corrupted and cannot be read.");
    return encodeCode({ binary: action.exec.binary, bytes });
  }

  /**
   * Creates the action, or updates it when `overwrite`. `check` has its say once nothing else stands in the way.
   *
   * @throws `entity/conflict`, `entity/concurrent-change`, `request/malformed`, `request/too-large`, `archive/invalid`
   */
  async write(
    ref: EntityRef,
    put: ActionPut,
    options: { readonly overwrite: boolean; readonly bounds: ActionBounds; readonly check?: () => Promise<void> },
  ): Promise<Action> {
    requireSentSizes(put, options.bounds);
    const plan = async (old: Action | undefined): Promise<Content<Action>> => {
      await options.check?.();
      return await this.#contentOf(old, put, options.bounds);
    };
    return await this.#actions.write(ref, plan, options);
  }

  /** Damaged documents and code go too. @throws `entity/not-found`, `entity/conflict`, `entity/concurrent-change` */
  async remove(ref: EntityRef): Promise<RemovedAction> {
    let code: string | undefined;
    const action = await this.#actions.remove(ref, async (doc) => {
      code = doc === undefined ? undefined : await this.readCode(doc).catch(ignoreCorrupted);
    });
    return { action, code };
  }

  /**
   * Deletes an action whose answer nobody reads; that it is gone already is as well. With `only`, not one of another revision.
   *
   * @throws `entity/conflict`, `entity/concurrent-change`
   */
  async drop(ref: EntityRef, only?: Revision): Promise<void> {
    try {
      await this.#actions.remove(ref, (doc) => {
        if (only !== undefined && doc?.revision !== only) throw concurrentChange();
      });
    } catch (error) {
      if (!isPlatformError(error, "entity/not-found")) throw error;
    }
  }

  /** Actions of the namespace, packaged ones too unless `package` names one package. */
  list(query: ListQuery): Promise<readonly Action[]> {
    return this.#actions.list(query);
  }

  count(query: Omit<ListQuery, "limit">): Promise<number> {
    return this.#actions.count(query);
  }

  async #contentOf(old: Action | undefined, put: ActionPut, bounds: ActionBounds): Promise<Content<Action>> {
    const content = this.#textOf(old, put, bounds);
    const exec = put.exec === undefined ? old?.exec : await this.#keepExec(put.exec);
    // `#textOf` refuses a creation without code.
    if (exec === undefined) throw missingExec();
    return { ...content, exec };
  }

  #textOf(old: Action | undefined, put: ActionPut, bounds: ActionBounds): ActionContent {
    if (old === undefined) {
      if (put.exec === undefined) throw missingExec();
      return newContent(put, put.exec, bounds);
    }
    if (put.exec === undefined) requireLiveKind(old.exec, this.#runtimes);
    return updatedContent(old, put, bounds);
  }

  /** Stores code under its digest; what no action comes to name is swept later. */
  async #keepExec(exec: ExecPut): Promise<Action["exec"]> {
    if ("components" in exec) return exec;
    const { binary, bytes } = decodeCode(exec.code);
    if (binary) await checkArchive(bytes);
    const code = await this.#attachments.put(bytes);
    const { kind, main } = exec;
    return { kind, ...(main === undefined ? {} : { main }), binary, code, codeBytes: bytes.byteLength };
  }
}

function missingExec(): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", "exec undefined");
}
