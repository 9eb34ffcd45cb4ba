import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "../../kernel/json.ts";
import { expectOk } from "../client.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { itemsOf, numberAt, objectAt, rowsOf, textAt, wordOf } from "../wire.ts";
import { ACTIVATIONS, epochMs } from "./activations.ts";

export interface PollFlags extends ClientFlags {
  readonly since?: string;
  /** Seconds. */
  readonly exit?: number;
}

const POLL_MS = 1000;
/** Records end out of the order of their starts: those started this long before the newest seen are looked at again. */
const LOOK_BACK_MS = 300_000;
/** Ids remembered as printed: more than a page of each look in five minutes. */
const SEEN_MAX = 100_000;

/** Prints what ends, the oldest first, until `--exit` or an interrupt. With `--json` one record a line. */
export async function pollActivations(action: string | undefined, flags: PollFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const until = flags.exit === undefined ? Infinity : io.nowMs() + flags.exit * 1000;
  const first = epochMs(flags.since, "--since") ?? io.nowMs();
  const seen = new Set<string>();
  let newest = first;
  session.remark("polling for activations; Ctrl-C ends it\n");
  while (true) {
    const since = Math.max(first, newest - LOOK_BACK_MS);
    for (const record of await endedSince(session, { action, since })) {
      const id = textAt(record, "activationId");
      if (seen.has(id)) continue;
      seen.add(id);
      newest = Math.max(newest, numberAt(record, "start") ?? 0);
      if (session.json) session.printJson(record);
      else session.print(recordLines(record));
    }
    for (const id of seen) {
      if (seen.size <= SEEN_MAX) break;
      seen.delete(id);
    }
    if (io.nowMs() + POLL_MS > until) return EXIT.ok;
    await sleep(POLL_MS);
  }
}

/** A page of whole records, the oldest first. */
async function endedSince(
  session: Session,
  { action, since }: { readonly action: string | undefined; readonly since: number },
): Promise<readonly JsonObject[]> {
  const query = { name: action, since, docs: true, limit: 0 };
  const answer = await session.send("GET", ACTIVATIONS, { query });
  return [...rowsOf(expectOk(answer, "cannot list activations"))].reverse();
}

function recordLines(record: JsonObject): string {
  const response = objectAt(record, "response");
  const head = `${textAt(record, "activationId")} ${textAt(record, "name")}: ${textAt(response, "status")}\n`;
  return (
    head +
    itemsOf(record["logs"])
      .map((line) => `  ${wordOf(line)}\n`)
      .join("")
  );
}
