import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../kernel/random.ts";

const FIRST_MS = 50;
const LONGEST_MS = 5_000;

/**
 * Waits before attempt number `attempt` (from 1): 50 ms doubling up to 5 s, each between half and all of it, so that many who failed
 * together do not come back together. Returns at once, and false, when `signal` is or gets aborted.
 */
export async function backoff(attempt: number, random: Random, signal: AbortSignal): Promise<boolean> {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 16));
  try {
    await sleep(full * (0.5 + random.next() / 2), undefined, { signal });
    return true;
  } catch {
    return false; // The only way a sleep fails is its signal.
  }
}
