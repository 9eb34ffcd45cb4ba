import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { expectOk } from "../client.ts";
import { type EntityName, entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { bytesText } from "../output.ts";
import { annotationsOf, keyValues, type Pair, type ParameterFlags, parametersOf, valueOf } from "../parameters.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { readActionSource } from "../source.ts";

/** Flags that describe an action. */
export interface ActionFlags extends ClientFlags, ParameterFlags {
  readonly kind?: string;
  readonly main?: string;
  readonly annotation?: readonly Pair[];
  readonly memory?: number;
  readonly timeout?: number;
  readonly logs?: number;
  readonly concurrency?: number;
  readonly web?: string;
  readonly webSecure?: string;
}

/** Uploads above this many bytes show how far they are. */
const PROGRESS_BYTES_MIN = 1_048_576;

/** Creates an action from a file, a folder or a zip, or replaces the one of that name. */
export async function deployAction(
  path: string,
  flags: ActionFlags & { readonly name?: string },
  io: Io,
): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const source = await readActionSource(path);
  const name = parseEntityName(flags.name ?? source.name);
  const kind = flags.kind ?? source.kind;
  if (kind === undefined) {
    throw usageFailure(`nothing is known about files like ${path}`, "name the runtime, e.g. --kind nodejs:24");
  }
  for (const warning of source.warnings) session.remark(`warning: ${warning}\n`);
  const exec = { kind, code: source.code, ...(flags.main === undefined ? {} : { main: flags.main }) };
  const body = await putAction(session, { name, body: { exec, ...(await describedBy(flags, io)) } });
  const verb = isJsonObject(body) && body["version"] === "0.0.1" ? "created" : "updated";
  session.print(`ok: ${verb} action ${fullName(name)} (${kind}, ${bytesText(source.bytes)})\n`);
  return EXIT.ok;
}

/** Creates a sequence, or replaces the action of that name. */
export async function deploySequence(text: string, actions: string, flags: ActionFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const components = actions.split(",").map((action) => fullName(parseEntityName(action.trim())));
  const exec = { kind: "sequence", components };
  const body = await putAction(session, { name, body: { exec, ...(await describedBy(flags, io)) } });
  const verb = isJsonObject(body) && body["version"] === "0.0.1" ? "created" : "updated";
  session.print(`ok: ${verb} sequence ${fullName(name)} of ${components.length} actions\n`);
  return EXIT.ok;
}

/** Changes settings of an action and leaves its code as it is. */
export async function updateAction(text: string, flags: ActionFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const body = await describedBy(flags, io);
  if (flags.kind !== undefined || flags.main !== undefined) {
    throw usageFailure("--kind and --main belong to the code", "give them to `skein action deploy FILE`");
  }
  if (Object.keys(body).length === 0) {
    throw usageFailure(
      "nothing to change",
      "give --param, --annotation, --memory, --timeout, --logs, --concurrency or --web",
    );
  }
  // PUT makes what is not there: without its code an action that does not exist would fail with a puzzling text.
  expectOk(await session.send("GET", entityPath("actions", name), { query: { code: false } }), `cannot update ${text}`);
  await putAction(session, { name, body });
  session.print(`ok: updated action ${fullName(name)}\n`);
  return EXIT.ok;
}

async function putAction(
  session: Session,
  { name, body }: { readonly name: EntityName; readonly body: object },
): Promise<unknown> {
  const progress = session.io.stderrIsTerminal && !session.json;
  let shown = false;
  const answer = await session.send("PUT", entityPath("actions", name), {
    query: { overwrite: true },
    body,
    onProgress: (sent, total) => {
      if (!progress || total < PROGRESS_BYTES_MIN) return;
      shown = true;
      const percent = Math.floor((sent / total) * 100);
      session.io.stderr(`\rsending ${bytesText(total)}: ${percent} %`);
    },
  });
  if (shown) session.io.stderr("\r\u001b[K");
  const written = expectOk(answer, `cannot deploy action ${fullName(name)}`);
  if (session.json) session.printJson(withoutCode(written));
  return written;
}

/** The part of the body that flags give, without what no flag was given for: the platform keeps that as it is. */
async function describedBy(flags: ActionFlags, io: Io): Promise<JsonObject> {
  const parameters = await parametersOf(flags, io);
  const annotations = [
    ...(annotationsOf(flags) ?? []),
    ...webAnnotations(flags.web),
    ...(flags.webSecure === undefined ? [] : [{ key: "require-whisk-auth", value: valueOf(flags.webSecure) }]),
  ];
  const limits: Record<string, JsonValue> = {};
  for (const key of ["memory", "timeout", "logs", "concurrency"] as const) {
    const value = flags[key];
    if (value !== undefined) limits[key] = value;
  }
  return {
    ...(parameters === undefined ? {} : { parameters: keyValues(parameters) }),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
}

/** What wsk sets for `--web`: `final` keeps callers from overriding the parameters. */
function webAnnotations(mode: string | undefined): readonly { readonly key: string; readonly value: JsonValue }[] {
  if (mode === undefined) return [];
  const raw = mode === "raw";
  const web = raw || mode === "true" || mode === "yes";
  return [
    { key: "web-export", value: web },
    { key: "raw-http", value: raw },
    { key: "final", value: web },
  ];
}

function withoutCode(action: unknown): unknown {
  if (!isJsonObject(action) || !isJsonObject(action["exec"])) return action;
  const { code: _, ...exec } = action["exec"];
  return { ...action, exec };
}
