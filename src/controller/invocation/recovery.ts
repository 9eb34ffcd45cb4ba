import type { JournalEntry } from "../../kernel/activation.ts";
import type { ActivationId, Incarnation } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { ActivationStore } from "../../store/ports.ts";
import { planRecovery } from "../core/journal.ts";
import { backoff } from "./backoff.ts";
import type { Compositions } from "./compositions.ts";
import type { LocalInvocations } from "./invocations.ts";

export interface RecoveryDeps {
  readonly activations: ActivationStore;
  readonly invocations: LocalInvocations;
  readonly compositions: Pick<Compositions, "resume">;
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
  const { activations, invocations, page, log, random } = deps;
  let after: ActivationId | undefined;
  let [resumed, lost] = [0, 0];
  while (!signal.aborted) {
    const entries = await activations.unfinished(after, page);
    for (const entry of entries) {
      const became = await recoverEntry(deps, entry);
      if (became === "resumed") resumed += 1;
      if (became === "lost") lost += 1;
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < page) break;
    after = last.message.activationId;
    for (let wait = 1; invocations.size > 4 * page && (await backoff(wait, random, signal)); wait += 1);
  }
  if (resumed + lost > 0) log.info({ resumed, lost }, "kept the promises of a former process");
  return { resumed, lost };
}

async function recoverEntry(deps: RecoveryDeps, entry: JournalEntry): Promise<"resumed" | "lost" | "left"> {
  const { activations, invocations, compositions, me, log } = deps;
  const { message } = entry;
  const plan = planRecovery(entry, me);
  if (plan.kind === "leave") return "left";
  if (!(await activations.adopt(message.activationId, entry.owner, me))) return "left";
  if ("composition" in message) {
    try {
      compositions.resume(message);
      return "resumed";
    } catch (error) {
      // It stays in the journal, for a version that can read it.
      log.error({ activationId: message.activationId, err: error }, "a composition cannot be gone on with");
      return "left";
    }
  }
  if (plan.kind === "run") {
    invocations.resume(message);
    return "resumed";
  }
  await invocations.abandon(message, LOST);
  return "lost";
}
