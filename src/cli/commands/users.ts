import { isJsonObject, type JsonObject } from "../../kernel/json.ts";
import { expectOk, failureOfAnswer } from "../client.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure, failureText } from "../failure.ts";
import type { Io } from "../io.ts";
import { table } from "../output.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { itemsOf, rowsOf, textAt } from "../wire.ts";

export interface NamespaceFlags extends ClientFlags {
  readonly namespace?: string;
}

export interface CreateFlags extends NamespaceFlags {
  readonly authKey?: string;
  readonly revoke?: boolean;
  readonly force?: boolean;
}

export interface GetFlags extends NamespaceFlags {
  readonly all?: boolean;
}

export interface ListFlags extends ClientFlags {
  readonly pick?: number;
  readonly key?: boolean;
}

interface Told<Flags extends ClientFlags = ClientFlags> {
  readonly flags: Flags;
  readonly io: Io;
}

/** A deletion is asked for until it is done, each time for at most 20 s: ten minutes, twice the longest that an action may run. */
const DELETE_TRIES = 30;
/** The most that the platform lists at once. */
const PAGE = 200;

export async function createUser(name: string, { flags, io }: Told<CreateFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const { namespace, authKey, revoke, force } = flags;
  const body = {
    ...(namespace === undefined ? {} : { namespace }),
    ...(authKey === undefined ? {} : { auth: authKey }),
    ...(revoke === undefined ? {} : { revoke }),
    ...(force === undefined ? {} : { force }),
  };
  const answer = await session.send("PUT", userPath(name), { body });
  const made = expectOk(answer, `cannot create user ${name}`) as JsonObject;
  return tell(session, made, `${textAt(made, "auth")}\n`);
}

export async function getUser(name: string, { flags, io }: Told<GetFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const user = expectOk(await session.send("GET", userPath(name)), `cannot get user ${name}`) as JsonObject;
  const namespaces = rowsOf(user["namespaces"]);
  if (flags.all === true) {
    return tell(session, user, namespaces.map((one) => `${textAt(one, "name")}\t${textAt(one, "auth")}\n`).join(""));
  }
  const wanted = flags.namespace ?? name;
  const held = namespaces.find((one) => one["name"] === wanted);
  if (held === undefined) {
    throw new CliFailure(EXIT.notFound, `user ${name} has no namespace ${wanted}`, {
      why: `it has ${namespaces.map((one) => textAt(one, "name")).join(", ")}`,
      fix: "name one of them with -ns, or see them all with --all",
    });
  }
  return tell(session, held, `${textAt(held, "auth")}\n`);
}

export async function whoisUser(key: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const answer = await session.send("POST", "/admin/whois", { body: { auth: key } });
  const who = expectOk(answer, "cannot say whose key it is") as JsonObject;
  return tell(session, who, `subject: ${textAt(who, "subject")}\nnamespace: ${textAt(who, "namespace")}\n`);
}

export async function listUsers(namespace: string | undefined, { flags, io }: Told<ListFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  if (namespace !== undefined) return await listKeys(session, namespace, flags);
  const users = await allUsers(session, flags.pick ?? Infinity);
  const keys = users.flatMap((user) => namespacesOf(user).map((one) => `${textAt(one, "auth")}\n`));
  return tell(session, users, flags.key === true ? keys.join("") : usersTable(users));
}

export async function deleteUser(name: string, { flags, io }: Told<NamespaceFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const { namespace } = flags;
  const what = namespace === undefined ? `user ${name}` : `namespace ${namespace} of user ${name}`;
  let answer = await session.send("DELETE", userPath(name), { query: { namespace } });
  for (let tries = 1; tries < DELETE_TRIES && answer.headers["x-skein-error"] === "subject/leaving"; tries += 1) {
    session.remark(`still deleting ${what}: ${textAt(answer.body as JsonObject, "error")}\n`);
    answer = await session.send("DELETE", userPath(name), { query: { namespace } });
  }
  const gone = expectOk(answer, `cannot delete ${what}`);
  return tell(session, gone, namespace === undefined ? "Subject deleted\n" : "Namespace deleted\n");
}

/** Blocks or unblocks each, whatever became of the ones before; the first failure is what the command ends with. */
export async function blockUsers(
  names: readonly string[],
  { flags, io, blocked }: Told & { readonly blocked: boolean },
): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const [verb, done] = blocked ? (["block", "blocked"] as const) : (["unblock", "unblocked"] as const);
  const told: JsonObject[] = [];
  const failures: CliFailure[] = [];
  for (const name of names) {
    const answer = await session.send("POST", userPath(name), { body: { blocked } });
    if (answer.status !== 200) {
      failures.push(failureOfAnswer(answer, `cannot ${verb} user ${name}`));
      continue;
    }
    told.push(answer.body as JsonObject);
    session.print(`"${name}" ${done} successfully\n`);
  }
  for (const failure of failures.slice(1)) session.remark(failureText(failure));
  if (failures[0] !== undefined) throw failures[0];
  if (session.json) session.printJson(told.length === 1 ? told[0] : told);
  return EXIT.ok;
}

async function listKeys(session: Session, namespace: string, { pick, key }: ListFlags): Promise<ExitCode> {
  const answer = await session.send("GET", `/admin/namespaces/${encodeURIComponent(namespace)}`);
  const keys = rowsOf(expectOk(answer, `cannot list the keys of ${namespace}`)).slice(0, pick);
  if (keys.length === 0 && pick !== 0) {
    throw new CliFailure(EXIT.notFound, `no identities found for namespace "${namespace}"`, {
      fix: "see all namespaces with `skein user list`",
    });
  }
  const line = (one: JsonObject): string =>
    key === true ? `${textAt(one, "auth")}\n` : `${textAt(one, "auth")}\t${textAt(one, "subject")}\n`;
  return tell(session, keys, keys.map(line).join(""));
}

async function allUsers(session: Session, most: number): Promise<readonly JsonObject[]> {
  const users: JsonObject[] = [];
  let after: string | undefined;
  while (users.length < most) {
    const limit = Math.min(PAGE, most - users.length);
    const answer = await session.send("GET", "/admin/users", { query: { limit, after } });
    const page = rowsOf(expectOk(answer, "cannot list users"));
    users.push(...page);
    after = page.length < limit ? undefined : textAt(page.at(-1), "subject");
    if (after === undefined) break;
  }
  return users;
}

function usersTable(users: readonly JsonObject[]): string {
  const rows = users.map((user) => [
    textAt(user, "subject"),
    user["blocked"] === true ? "yes" : "no",
    namespacesOf(user)
      .map((one) => textAt(one, "name"))
      .join(", "),
  ]);
  return table(["SUBJECT", "BLOCKED", "NAMESPACES"], rows);
}

function namespacesOf(user: JsonObject): readonly JsonObject[] {
  return itemsOf(user["namespaces"]).filter(isJsonObject);
}

function userPath(name: string): string {
  return `/admin/users/${encodeURIComponent(name)}`;
}

function tell(session: Session, value: unknown, text: string): ExitCode {
  if (session.json) session.printJson(value);
  else session.print(text);
  return EXIT.ok;
}
