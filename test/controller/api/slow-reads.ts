import type { Change, Stores } from "../../../src/store/ports.ts";

/**
 * Stores whose reads are held back at random, so that loads overlap with writes in every order; their feed is silent, so that it cannot
 * help a cache that missed a write of its own process.
 */
export function slowReads(stores: Stores): Stores {
  return {
    ...stores,
    artifacts: {
      get: async (id) => {
        const entity = await stores.artifacts.get(id);
        for (let i = Math.random() * 6; i > 0; i -= 1) await new Promise(setImmediate);
        return entity;
      },
      put: (write, expected) => stores.artifacts.put(write, expected),
      delete: (id, expected) => stores.artifacts.delete(id, expected),
      list: (query) => stores.artifacts.list(query),
      count: (query) => stores.artifacts.count(query),
    },
    changes: { head: () => stores.changes.head(), read: async () => [], watch: (_cursor, signal) => silence(signal) },
  };
}

// oxlint-disable-next-line eslint/require-yield -- a feed on which nothing comes
async function* silence(signal: AbortSignal): AsyncGenerator<Change> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
