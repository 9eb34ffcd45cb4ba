import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { Container } from "./factory.ts";

/** Milliseconds to wait for the whole log of a run that answered. OpenWhisk's idle timeout of its log reader. */
export const WHOLE_WAIT_MS = 2000;
/** Milliseconds after a run that never answered: nothing says where its log ends, so only what is on its way is waited for. Chosen. */
export const REMAINS_WAIT_MS = 100;
const MIB = 1_048_576;

const COLLECTING_FAILED = "There was an issue while collecting your logs. Data might be missing.";
const RUN_FAILED = "The action did not initialize or run as expected. Log data might be missing.";

/** What of the log can be expected: all of it, what is left of a broken run, or nothing as nothing ran. */
export type LogState = "whole" | "remains" | "none";

/** What is to be collected, up to a limit in megabytes. */
export interface LogRequest {
  readonly logsMb: number;
  readonly expected: LogState;
}

/** The log of the run that just ended in `container`, with OpenWhisk's notices where it may be incomplete. Never rejects. */
export async function collectLogs(
  container: Container,
  request: LogRequest,
  parts: { readonly clock: Clock; readonly log: Log },
): Promise<readonly string[]> {
  if (request.logsMb === 0 || request.expected === "none") return [];
  const { clock } = parts;
  const broken = request.expected === "remains";
  const waitMs = broken ? REMAINS_WAIT_MS : WHOLE_WAIT_MS;
  const begun = clock.now();
  try {
    const lines = await container.logs({ bytesMax: request.logsMb * MIB, waitMs });
    if (broken) return [...lines, noticeLine(clock.wallMs(), RUN_FAILED)];
    return clock.now() - begun >= waitMs ? [...lines, noticeLine(clock.wallMs(), COLLECTING_FAILED)] : lines;
  } catch (error) {
    parts.log.warn({ err: error, container: container.descriptor.id }, "logs of a run could not be collected");
    return [noticeLine(clock.wallMs(), COLLECTING_FAILED)];
  }
}

/** A line as OpenWhisk writes them: the time with nine digits (30 characters), the stream, the text. */
function noticeLine(wallMs: number, text: string): string {
  return `${new Date(wallMs).toISOString().slice(0, -1)}000000Z stderr: ${text}`;
}
