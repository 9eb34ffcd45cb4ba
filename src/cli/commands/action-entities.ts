import { writeFile } from "node:fs/promises";
import { isJsonObject, type JsonObject } from "../../kernel/json.ts";
import { expectOk } from "../client.ts";
import { entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { agoText, fieldList, table, timeText } from "../output.ts";
import { type ClientFlags, sessionOf } from "../session.ts";
import { annotationOf, itemsOf, numberAt, objectAt, rowsOf, textAt, wordOf } from "../wire.ts";

export interface ListFlags extends ClientFlags {
  readonly limit?: number;
  readonly skip?: number;
}

export interface GetFlags extends ClientFlags {
  readonly code?: boolean;
  readonly save?: string;
  readonly url?: boolean;
}

/** Lists the actions of a namespace, or of one package. */
export async function listActions(place: string | undefined, flags: ListFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const answer = await session.send("GET", collectionPath(place), { query: { limit: flags.limit, skip: flags.skip } });
  const rows = rowsOf(expectOk(answer, "cannot list actions"));
  if (session.json) {
    session.printJson(rows);
    return EXIT.ok;
  }
  if (rows.length === 0) {
    session.print("no actions yet: deploy one with `skein action deploy FILE`\n");
    return EXIT.ok;
  }
  const cells = rows.map((row) => {
    const limits = objectAt(row, "limits");
    return [
      `/${textAt(row, "namespace")}/${textAt(row, "name")}`,
      wordOf(annotationOf(row, "exec")),
      textAt(row, "version"),
      `${numberAt(limits, "memory") ?? "-"} MB`,
      agoText(numberAt(row, "updated"), io.nowMs()),
    ];
  });
  session.print(table(["NAME", "KIND", "VERSION", "MEMORY", "UPDATED"], cells));
  return EXIT.ok;
}

/** Shows an action; writes its code to a file or to stdout when asked. */
export async function getAction(text: string, flags: GetFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const withCode = flags.code === true || flags.save !== undefined;
  const answer = await session.send("GET", entityPath("actions", name), { query: { code: withCode } });
  const action = expectOk(answer, `cannot get action ${fullName(name)}`);
  if (!isJsonObject(action)) throw usageFailure(`the answer from ${session.apihost} is no action`);
  const exec = objectAt(action, "exec");
  if (flags.url === true) {
    const url = webUrlOf(action, session.apihost);
    if (session.json) session.printJson({ url });
    else session.print(`${url}\n`);
    return EXIT.ok;
  }
  if (flags.save !== undefined) {
    await writeFile(flags.save, textAt(exec, "code"), exec?.["binary"] === true ? "base64" : "utf8");
    session.remark(`ok: saved the code of ${fullName(name)} as ${flags.save}\n`);
    return EXIT.ok;
  }
  if (session.json) session.printJson(action);
  else session.print(flags.code === true ? ensureLineBreak(textAt(exec, "code")) : actionText(action));
  return EXIT.ok;
}

/** Deletes an action. */
export async function deleteAction(text: string, flags: ClientFlags, io: Io): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const answer = await session.send("DELETE", entityPath("actions", name));
  const deleted = expectOk(answer, `cannot delete action ${fullName(name)}`);
  if (session.json) session.printJson(deleted);
  session.print(`ok: deleted action ${fullName(name)}\n`);
  return EXIT.ok;
}

/** Where a web action is called; `default` stands for the package of an action that has none. */
function webUrlOf(action: JsonObject, apihost: string): string {
  const [namespace = "", folder = "default"] = textAt(action, "namespace").split("/");
  if (annotationOf(action, "web-export") !== true) {
    throw usageFailure(
      `${textAt(action, "name")} is no web action`,
      "make it one: skein action update NAME --web true",
    );
  }
  const place = [namespace, folder, textAt(action, "name")].map(encodeURIComponent).join("/");
  return `${apihost}/api/v1/web/${place}`;
}

function actionText(action: JsonObject): string {
  const exec = objectAt(action, "exec");
  const limits = objectAt(action, "limits");
  const pairs = (key: string): string => {
    const rows = itemsOf(action[key]).filter((item) => isJsonObject(item));
    return rows.map((row) => `${textAt(row, "key")}=${JSON.stringify(row["value"] ?? null)}`).join(" ") || "-";
  };
  return fieldList([
    ["name", `/${textAt(action, "namespace")}/${textAt(action, "name")}`],
    ["kind", textAt(exec, "kind")],
    ...(exec?.["components"] === undefined
      ? []
      : [["components", itemsOf(exec["components"]).map(wordOf).join(", ")] as const]),
    ["version", textAt(action, "version")],
    ["updated", timeText(numberAt(action, "updated"))],
    ["memory", `${numberAt(limits, "memory") ?? "-"} MB`],
    ["timeout", `${numberAt(limits, "timeout") ?? "-"} ms`],
    ["logs", `${numberAt(limits, "logs") ?? "-"} MB`],
    ["concurrency", String(numberAt(limits, "concurrency") ?? "-")],
    ["parameters", pairs("parameters")],
    ["annotations", pairs("annotations")],
  ]);
}

/** `/ns`, `pkg/`, `/ns/pkg/`, or nothing for one's own namespace. */
function collectionPath(place: string | undefined): string {
  const parts = (place ?? "").split("/").filter((part) => part !== "");
  const absolute = place?.startsWith("/") === true;
  const [first, second] = parts;
  const namespace = absolute && first !== undefined ? first : "_";
  const pkg = absolute ? second : first;
  if (parts.length > (absolute ? 2 : 1))
    throw usageFailure(`${JSON.stringify(place)} is neither a namespace nor a package`);
  const base = `/api/v1/namespaces/${encodeURIComponent(namespace)}/actions`;
  return pkg === undefined ? base : `${base}/${encodeURIComponent(pkg)}/`;
}

function ensureLineBreak(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
