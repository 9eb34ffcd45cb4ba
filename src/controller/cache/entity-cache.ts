import type { EntityPath, Namespace, Revision } from "../../kernel/ids.ts";
import type { Change } from "../../store/ports.ts";
import type { ChangeListener } from "./changes.ts";
import { Lru } from "./lru.ts";

/** How often a document was found in memory, and how often the store was asked. */
export interface CacheFigures {
  readonly hits: number;
  readonly misses: number;
}

type Load<Doc> = (namespace: Namespace, path: EntityPath) => Promise<Doc | undefined>;

interface Loading<Doc> {
  readonly doc: Promise<Doc | undefined>;
  /** True once a change came in between: those who wait may still have the answer, nobody after them. */
  outdated: boolean;
}

/**
 * Entities of one kind as the warm path needs them: found without a step to the store.
 *
 * After `invalidate` returns, no read started later gets a revision from before it: what is held is dropped, and a load under way is
 * cut off from later readers and from the cache. A writer invalidates between the store's "ok" and its own, hence S1.
 */
export class EntityCache<Doc extends { readonly revision: Revision }> implements ChangeListener {
  readonly #load: Load<Doc>;
  readonly #weigh: (doc: Doc) => number;
  readonly #held: Lru<Doc>;
  readonly #loading = new Map<string, Loading<Doc>>();
  #following = false;
  #hits = 0;
  #misses = 0;

  /** `weigh` says how many bytes a document takes about, `bytesMax` how many all may. */
  constructor(deps: { readonly load: Load<Doc>; readonly weigh: (doc: Doc) => number; readonly bytesMax: number }) {
    this.#load = deps.load;
    this.#weigh = deps.weigh;
    this.#held = new Lru({ weightMax: deps.bytesMax });
  }

  get figures(): CacheFigures {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** At once when it is held, else from the store; undefined when there is none. @throws what the load throws */
  find(namespace: Namespace, path: EntityPath): Doc | Promise<Doc | undefined> {
    const key = `${namespace}/${path}`;
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#hits += 1;
      return held;
    }
    this.#misses += 1;
    return (this.#loading.get(key) ?? this.#startLoad(key, namespace, path)).doc;
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

  #startLoad(key: string, namespace: Namespace, path: EntityPath): Loading<Doc> {
    const loading: Loading<Doc> = { doc: this.#load(namespace, path), outdated: false };
    this.#loading.set(key, loading);
    // What was read before the feed was followed may have changed without our hearing of it.
    const cacheable = this.#following;
    const settle = (doc: Doc | undefined): void => {
      if (loading.outdated) return;
      this.#loading.delete(key);
      if (doc !== undefined && cacheable) this.#held.set(key, doc, this.#weigh(doc));
    };
    loading.doc.then(settle, () => settle(undefined));
    return loading;
  }
}
