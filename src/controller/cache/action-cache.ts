import type { EntityPath, Namespace } from "../../kernel/ids.ts";
import type { Change } from "../../store/ports.ts";
import type { Action } from "../entities/action.ts";
import { keyValuesBytes } from "../entities/key-values.ts";
import type { ChangeListener } from "./changes.ts";
import { Lru } from "./lru.ts";

// Chosen: room for some tens of thousands of ordinary actions (code is not held here), or for 32 with the largest parameters.
const BYTES_MAX = 67_108_864;
const ENTRY_BYTES = 1024;

type Load = (namespace: Namespace, path: EntityPath) => Promise<Action | undefined>;

interface Loading {
  readonly action: Promise<Action | undefined>;
  /** True once a change came in between: those who wait may still have the answer, nobody after them. */
  outdated: boolean;
}

/**
 * Actions as the warm path needs them: found without a step to the store.
 *
 * After `invalidate` returns, no read started later gets a revision from before it: what is held is dropped, and a load under way is
 * cut off from later readers and from the cache. A writer invalidates between the store's "ok" and its own, hence S1.
 */
export class ActionCache implements ChangeListener {
  readonly #load: Load;
  readonly #held = new Lru<Action>({ weightMax: BYTES_MAX });
  readonly #loading = new Map<string, Loading>();
  #following = false;

  constructor(load: Load) {
    this.#load = load;
  }

  /** At once when it is held, else from the store; undefined when there is no such action. @throws what the load throws */
  find(namespace: Namespace, path: EntityPath): Action | Promise<Action | undefined> {
    const key = `${namespace}/${path}`;
    const held = this.#held.get(key);
    if (held !== undefined) return held;
    return (this.#loading.get(key) ?? this.#startLoad(key, namespace, path)).action;
  }

  onFollowing(): void {
    this.#following = true;
  }

  onChange(change: Change): void {
    if (change.kind === "subject") return;
    // The feed also tells of our own writes, whose revision may have been loaded again since.
    if (!change.deleted && this.#held.peek(change.id)?.revision === change.revision) return;
    this.invalidate(change.id);
  }

  /** Forgets `namespace/path`. */
  invalidate(key: string): void {
    this.#held.delete(key);
    const loading = this.#loading.get(key);
    if (loading === undefined) return;
    loading.outdated = true;
    this.#loading.delete(key);
  }

  #startLoad(key: string, namespace: Namespace, path: EntityPath): Loading {
    const loading: Loading = { action: this.#load(namespace, path), outdated: false };
    this.#loading.set(key, loading);
    // What was read before the feed was followed may have changed without our hearing of it.
    const cacheable = this.#following;
    const settle = (action: Action | undefined): void => {
      if (loading.outdated) return;
      this.#loading.delete(key);
      if (action !== undefined && cacheable) this.#held.set(key, action, weigh(action));
    };
    loading.action.then(settle, () => settle(undefined));
    return loading;
  }
}

function weigh(action: Action): number {
  return ENTRY_BYTES + keyValuesBytes(action.parameters) + keyValuesBytes(action.annotations);
}
