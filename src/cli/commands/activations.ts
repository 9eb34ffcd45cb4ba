import { isActivationId } from "../../kernel/ids.ts";
import { isJsonObject, type JsonObject } from "../../kernel/json.ts";
import { STATUS_WORDS } from "../../kernel/activation.ts";
import { expectOk } from "../client.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure, usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { durationText, fieldList, table, timeText } from "../output.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { annotationOf, itemsOf, numberAt, objectAt, rowsOf, textAt, wordOf } from "../wire.ts";

/** The collection of the key's namespace. */
export const ACTIVATIONS = "/api/v1/namespaces/_/activations";

export interface ActivationListFlags extends ClientFlags {
  readonly limit?: number;
  readonly skip?: number;
  /** Epoch milliseconds, or a date that `Date` reads. */
  readonly since?: string;
  readonly upto?: string;
  readonly count?: boolean;
}

export interface OneActivationFlags extends ClientFlags {
  readonly last?: boolean;
}

/** Lists activations, the newest first; of one action when named. */
export async function listActivations(
  action: string | undefined,
  flags: ActivationListFlags,
  io: Io,
): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const query = {
    name: action,
    limit: flags.limit,
    skip: flags.skip,
    since: epochMs(flags.since, "--since"),
    upto: epochMs(flags.upto, "--upto"),
  };
  if (flags.count === true) {
    const answer = await session.send("GET", ACTIVATIONS, { query: { ...query, count: true } });
    const counted = expectOk(answer, "cannot count activations");
    if (session.json) session.printJson(counted);
    else session.print(`${isJsonObject(counted) ? textAt(counted, "activations") : "-"}\n`);
    return EXIT.ok;
  }
  const rows = rowsOf(expectOk(await session.send("GET", ACTIVATIONS, { query }), "cannot list activations"));
  if (session.json) {
    session.printJson(rows);
    return EXIT.ok;
  }
  if (rows.length === 0) session.print("no activations\n");
  else session.print(table(["START", "ACTIVATION", "ACTION", "BEGAN", "DURATION", "STATUS"], rows.map(listCells)));
  return EXIT.ok;
}

/** Shows one whole record. */
export async function getActivation(id: string | undefined, flags: OneActivationFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const record = await readPart(session, { id: await idOf(session, id, flags), part: "" });
  if (session.json) session.printJson(record);
  else session.print(recordText(record));
  return EXIT.ok;
}

/** Prints the log lines of one activation. */
export async function activationLogs(id: string | undefined, flags: OneActivationFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const answer = await readPart(session, { id: await idOf(session, id, flags), part: "/logs" });
  const lines = itemsOf(answer["logs"]);
  if (session.json) session.printJson(answer);
  else session.print(lines.map((line) => `${wordOf(line)}\n`).join(""));
  return EXIT.ok;
}

/** Prints the result of one activation; the exit code tells whether it is one of a failure. */
export async function activationResult(id: string | undefined, flags: OneActivationFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const found = await idOf(session, id, flags);
  const answer = await readPart(session, { id: found, part: "/result" });
  session.printJson(session.json ? answer : (answer["result"] ?? null));
  if (answer["success"] === true) return EXIT.ok;
  const status = textAt(answer, "status");
  session.remark(`error: activation ${found} ended as ${status}\n  fix: its logs: skein activation logs ${found}\n`);
  return status === STATUS_WORDS[3] ? EXIT.internal : EXIT.actionFailed;
}

async function readPart(
  session: Session,
  { id, part }: { readonly id: string; readonly part: "" | "/logs" | "/result" },
): Promise<JsonObject> {
  const answer = await session.send("GET", `${ACTIVATIONS}/${id}${part}`);
  if (answer.status === 404) {
    throw new CliFailure(EXIT.notFound, `there is no activation ${id}`, {
      why: "records appear when an activation has ended, and go when their time of keeping is over",
      fix: "if it was just invoked, ask again in a moment; `skein activation list` shows what has ended",
      code: answer.headers["x-skein-error"] ?? "entity/not-found",
    });
  }
  const body = expectOk(answer, `cannot get activation ${id}`);
  return isJsonObject(body) ? body : {};
}

async function idOf(session: Session, id: string | undefined, flags: OneActivationFlags): Promise<string> {
  if (flags.last === true) {
    if (id !== undefined) throw usageFailure("give an activation id or --last, not both");
    const rows = rowsOf(
      expectOk(await session.send("GET", ACTIVATIONS, { query: { limit: 1 } }), "cannot list activations"),
    );
    const newest = rows[0];
    if (newest !== undefined) return textAt(newest, "activationId");
    throw new CliFailure(EXIT.notFound, "there are no activations yet", {
      fix: "run one with `skein action invoke NAME`",
    });
  }
  if (id === undefined) throw usageFailure("no activation named", "give its id, or --last for the newest");
  if (!isActivationId(id)) throw usageFailure(`${JSON.stringify(id)} is no activation id`, "it has 32 hex digits");
  return id;
}

function listCells(row: JsonObject): readonly string[] {
  const path = annotationOf(row, "path");
  const name = typeof path === "string" ? `/${path}` : textAt(row, "name");
  return [
    timeText(numberAt(row, "start")),
    textAt(row, "activationId"),
    `${name}:${textAt(row, "version")}`,
    annotationOf(row, "initTime") === undefined ? "warm" : "cold",
    durationText(numberAt(row, "duration")),
    statusText(row),
  ];
}

function statusText(row: JsonObject): string {
  const code = numberAt(row, "statusCode");
  return code === undefined ? "-" : (STATUS_WORDS[code as 0 | 1 | 2 | 3] ?? String(code));
}

function recordText(record: JsonObject): string {
  const response = objectAt(record, "response");
  const logs = itemsOf(record["logs"]);
  const ms = (name: string): string => {
    const value = annotationOf(record, name);
    return durationText(typeof value === "number" ? value : undefined);
  };
  const fields = fieldList([
    ["activation", textAt(record, "activationId")],
    ["action", `/${wordOf(annotationOf(record, "path") ?? record["name"])}:${textAt(record, "version")}`],
    ["status", textAt(response, "status")],
    ["start", timeText(numberAt(record, "start"))],
    ["duration", durationText(numberAt(record, "duration"))],
    ["waited", ms("waitTime")],
    ["init", ms("initTime")],
    ["result", JSON.stringify(response?.["result"] ?? null)],
  ]);
  return logs.length === 0
    ? `${fields}logs        none\n`
    : `${fields}logs\n${logs.map((l) => `  ${wordOf(l)}\n`).join("")}`;
}

/** A time as flags give it. */
export function epochMs(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms)) throw usageFailure(`${flag} ${text} is no time`, "give epoch milliseconds or 2026-11-21T14:05");
  return ms;
}
