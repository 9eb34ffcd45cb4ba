import { isJsonObject, type JsonObject } from "../../kernel/json.ts";
import { type Answer, expectOk } from "../client.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { fieldList } from "../output.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { itemsOf, objectAt, rowsOf, textAt, wordOf } from "../wire.ts";

/** Lists the namespaces of the key: one. */
export async function listNamespaces(flags: ClientFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const names = expectOk(await session.send("GET", "/api/v1/namespaces"), "cannot list namespaces");
  if (session.json) session.printJson(names);
  else
    session.print(
      itemsOf(names)
        .map((n) => `${wordOf(n)}\n`)
        .join(""),
    );
  return EXIT.ok;
}

/** Lists everything in the namespace, up to 200 of each kind. */
export async function showNamespace(flags: ClientFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const found: [string, readonly JsonObject[]][] = [];
  for (const collection of ["packages", "actions", "triggers", "rules"] as const) {
    const answer = await session.send("GET", `/api/v1/namespaces/_/${collection}`, { query: { limit: 0 } });
    found.push([collection, rowsOf(expectOk(answer, `cannot list ${collection}`))]);
  }
  if (session.json) session.printJson(Object.fromEntries(found));
  else
    session.print(
      found
        .map(([collection, rows]) => {
          const names = rows.map((row) => `  /${textAt(row, "namespace")}/${textAt(row, "name")}\n`);
          return `${collection}\n${names.join("") || "  none\n"}`;
        })
        .join(""),
    );
  return EXIT.ok;
}

/** Says whether the platform answers, what it offers and whether the key is good. Ends with 3 when nobody is there. */
export async function showStatus(flags: ClientFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const info = expectOk(await session.send("GET", "/", { authorised: false }), "cannot read what the platform offers");
  // The second request: the first one's time is mostly that of loading code here.
  const began = performance.now();
  expectOk(await session.send("GET", "/ping", { authorised: false }), "the platform answers, but not with a ping");
  const pingMs = Number((performance.now() - began).toFixed(1));
  const root = isJsonObject(info) ? info : {};
  const identity = await identityText(session);
  const roles = await rolesOf(session);
  if (session.json) {
    session.printJson({
      apihost: session.apihost,
      pingMs,
      namespace: identity,
      ...root,
      ...(roles === undefined ? {} : { roles }),
    });
    return EXIT.ok;
  }
  const runtimes = Object.values(objectAt(root, "runtimes") ?? {}).flatMap((family) =>
    itemsOf(family).filter((kind) => isJsonObject(kind)),
  );
  session.print(
    fieldList([
      ["API host", session.apihost],
      ["ping", `${pingMs} ms`],
      ["platform", textAt(root, "description")],
      ["namespace", identity],
      ["runtimes", runtimes.map((kind) => textAt(kind, "kind")).join(" ") || "-"],
      ...Object.entries(roles ?? {}).map(([name, state]) => [name, wordOf(state)] as const),
    ]),
  );
  return EXIT.ok;
}

/** The namespace of the key, or why there is none: a status is worth reading without a key too. */
async function identityText(session: Session): Promise<string> {
  let answer: Answer;
  try {
    answer = await session.send("GET", "/api/v1/namespaces");
  } catch (error) {
    return `(${error instanceof Error ? error.message : String(error)})`;
  }
  if (answer.status === 401) return "(the key is not known there)";
  return Array.isArray(answer.body) ? answer.body.map(String).join(", ") : "-";
}

/** How each role of the process is, where the key may know: it takes the one of `whisk.system`. */
async function rolesOf(session: Session): Promise<JsonObject | undefined> {
  try {
    const answer = await session.send("GET", "/status");
    return answer.status === 200 && isJsonObject(answer.body) ? answer.body : undefined;
  } catch (error) {
    // No key: said above already. Anything else is worth its message.
    if (error instanceof CliFailure && error.exit === EXIT.notAuthorised) return undefined;
    throw error;
  }
}
