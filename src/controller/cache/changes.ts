import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../kernel/log.ts";
import type { Change, ChangeFeed } from "../../store/ports.ts";

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5000;

/** What hears of changes made anywhere, so that nothing cached outlives its document. */
export interface ChangeListener {
  /** The feed is followed from here on: what is read after this call may be cached. */
  onFollowing(): void;
  onChange(change: Change): void;
}

/**
 * Follows the store's feed until `signal` aborts. When the feed fails it goes on from the last change it saw, so nothing is missed;
 * meanwhile caches keep what they hold, since a warm path that works is worth more than one that waits for a store that is away.
 */
export async function followChanges(deps: {
  readonly changes: ChangeFeed;
  readonly listeners: readonly ChangeListener[];
  readonly log: Log;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { changes, listeners, log, signal } = deps;
  let cursor: string | undefined;
  let retryMs = RETRY_MS_MIN;
  while (!signal.aborted) {
    try {
      if (cursor === undefined) {
        cursor = await changes.head();
        for (const listener of listeners) listener.onFollowing();
      }
      for await (const change of changes.watch(cursor, signal)) {
        for (const listener of listeners) listener.onChange(change);
        cursor = change.cursor;
        retryMs = RETRY_MS_MIN;
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ error, retryMs }, "the change feed broke off; following it again");
    }
    await sleep(retryMs, undefined, { signal, ref: false }).catch(() => {
      // Aborted: the loop's condition ends it.
    });
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  }
}
