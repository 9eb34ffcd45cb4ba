import type { ActivationId, Incarnation } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { ActivationStore } from "../../store/ports.ts";
import { planRecovery } from "../core/journal.ts";
import { backoff } from "./backoff.ts";
import type { LocalInvocations } from "./invocations.ts";

export interface RecoveryDeps {
  readonly activations: ActivationStore;
  readonly invocations: LocalInvocations;
  readonly me: Incarnation;
  /** Entries read in one go, and in flight from here at most four times as many. */
  readonly page: number;
  readonly random: Random;
  readonly log: Log;
}

/** What became of a former process's promises. */
export interface RecoveryReport {
  readonly resumed: number;
  readonly lost: number;
}

const LOST =
  "The activation was lost: the process that ran it ended before it answered. It may have had effects; it was not run again, as the action is not annotated retry-on-loss.";

/**
 * Keeps the promises of processes that died: reads the journal from its beginning, takes over what others own, runs it or ends it.
 * The caller vouches that every other owner is dead (on one machine: it holds the data folder's lock). Runs beside new work.
 */
export async function recoverJournal(deps: RecoveryDeps, signal: AbortSignal): Promise<RecoveryReport> {
  const { activations, invocations, me, page, log, random } = deps;
  let after: ActivationId | undefined;
  let [resumed, lost] = [0, 0];
  while (!signal.aborted) {
    const entries = await activations.unfinished(after, page);
    for (const entry of entries) {
      const plan = planRecovery(entry, me);
      if (plan.kind === "leave") continue;
      if (!(await activations.adopt(entry.message.activationId, entry.owner, me))) continue;
      const { message } = entry;
      // Nobody promises compositions yet.
      if ("composition" in message) continue;
      if (plan.kind === "run") {
        invocations.resume(message);
        resumed += 1;
      } else {
        await invocations.abandon(message, LOST);
        lost += 1;
      }
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < page) break;
    after = last.message.activationId;
    for (let wait = 1; invocations.size > 4 * page && (await backoff(wait, random, signal)); wait += 1);
  }
  if (resumed + lost > 0) log.info({ resumed, lost }, "kept the promises of a former process");
  return { resumed, lost };
}
