import { isJsonObject } from "../../kernel/json.ts";
import { type Answer, failureOfAnswer } from "../client.ts";
import { entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { failureJson, failureText, CliFailure, usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { type ParameterFlags, parametersOf } from "../parameters.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";

export interface InvokeFlags extends ClientFlags, ParameterFlags {
  readonly blocking?: boolean;
  readonly result?: boolean;
  readonly async?: boolean;
  /** Seconds to wait for a blocking invocation. */
  readonly wait?: number;
}

/** The platform's own wait ends after 60 s; what it does besides has the rest. */
const BLOCKING_DEADLINE_MS = 75_000;
/** How much longer than the platform's wait this side's is. */
const WAIT_MARGIN_MS = 15_000;

/** Runs an action: waits for its result, or is told the id under which the result can be read later. */
export async function invokeAction(text: string, flags: InvokeFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const asResult = flags.result === true;
  const waits = asResult || flags.blocking === true || flags.wait !== undefined;
  if (waits && flags.async === true) {
    throw usageFailure(
      "--async does not wait, so it has no result to show",
      "drop --async, or --result, --blocking, --wait",
    );
  }
  const waitMs = flags.wait === undefined ? undefined : flags.wait * 1000;
  const answer = await session.send("POST", entityPath("actions", name), {
    query: waits ? { blocking: true, result: asResult, timeout: waitMs } : {},
    body: (await parametersOf(flags, io)) ?? {},
    ...(waits ? { deadlineMs: waitMs === undefined ? BLOCKING_DEADLINE_MS : waitMs + WAIT_MARGIN_MS } : {}),
  });
  const id = activationIdOf(answer);
  const called = fullName(name);
  if (answer.status === 202 && id !== undefined) {
    return waits ? tellStillRunning(session, { called, id, answer }) : tellAccepted(session, { called, id, answer });
  }
  // The platform's own refusals carry a code; an activation that failed carries its id and the answer of the action.
  const ran =
    answer.status === 200 || (answer.status >= 500 && id !== undefined && !("x-skein-error" in answer.headers));
  if (!ran) throw failureOfAnswer(answer, `cannot invoke ${called}`);
  if (!asResult) session.print(`ok: invoked ${called} with id ${id ?? "(not told)"}\n`);
  session.printJson(answer.body);
  return answer.status === 200 ? EXIT.ok : tellFailed(session, { called, id: id ?? "(not told)", answer });
}

interface Told {
  readonly called: string;
  readonly id: string;
  readonly answer: Answer;
}

function tellAccepted(session: Session, { called, id, answer }: Told): ExitCode {
  if (session.json) session.printJson(answer.body);
  session.print(`ok: invoked ${called} with id ${id}\n`);
  return EXIT.ok;
}

function tellStillRunning(session: Session, { called, id, answer }: Told): ExitCode {
  if (session.json) session.printJson(answer.body);
  session.remark(
    `ok: invoked ${called} with id ${id}, and it still runs: the wait is over\n` +
      `  its result, once it is there: skein activation result ${id}\n`,
  );
  return EXIT.stillRunning;
}

/** The result is on stdout already; this says on stderr that it is one of a failure. */
function tellFailed(session: Session, { called, id, answer }: Told): ExitCode {
  const exit = answer.status === 502 ? EXIT.actionFailed : EXIT.internal;
  const why = errorTextOf(answer.body);
  const failure = new CliFailure(exit, `${called} failed (activation ${id})`, {
    ...(why === undefined ? {} : { why }),
    fix: `its logs: skein activation logs ${id}`,
  });
  session.io.stderr(session.json ? failureJson(failure) : failureText(failure));
  return exit;
}

/** The error inside a result, or inside a whole record. */
function errorTextOf(body: unknown): string | undefined {
  if (!isJsonObject(body)) return undefined;
  const response = body["response"];
  const result = isJsonObject(response) ? response["result"] : body;
  const error = isJsonObject(result) ? result["error"] : undefined;
  if (error === undefined) return undefined;
  return typeof error === "string" ? error : JSON.stringify(error);
}

function activationIdOf({ headers, body }: Answer): string | undefined {
  const inBody = isJsonObject(body) ? body["activationId"] : undefined;
  return headers["x-openwhisk-activation-id"] ?? (typeof inBody === "string" ? inBody : undefined);
}
