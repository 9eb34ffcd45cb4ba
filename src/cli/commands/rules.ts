import type { JsonObject } from "../../kernel/json.ts";
import { expectOk } from "../client.ts";
import { entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { fieldList } from "../output.ts";
import { annotationsOf, type Pair } from "../parameters.ts";
import { type ClientFlags, sessionOf } from "../session.ts";
import { objectAt, textAt } from "../wire.ts";
import type { ListFlags } from "./action-entities.ts";
import {
  commonFields,
  deleteEntity,
  type Kind,
  listEntities,
  pairsText,
  readEntity,
  tell,
  writeEntity,
} from "./entities.ts";

export interface RuleFlags extends ClientFlags {
  readonly annotation?: readonly Pair[];
}

interface Told<Flags extends ClientFlags = ClientFlags> {
  readonly flags: Flags;
  readonly io: Io;
}

const RULE: Kind = {
  collection: "rules",
  noun: "rule",
  columns: [
    ["TRIGGER", (row) => sideText(row, "trigger")],
    ["ACTION", (row) => sideText(row, "action")],
  ],
  firstOne: "make one with `skein rule create NAME TRIGGER ACTION`",
};

export async function putRule(
  rule: { readonly name: string; readonly trigger: string; readonly action: string },
  { flags, io, overwrite }: Told<RuleFlags> & { readonly overwrite: boolean },
): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(rule.name);
  const annotations = annotationsOf(flags);
  const body = {
    trigger: fullName(parseEntityName(rule.trigger)),
    action: fullName(parseEntityName(rule.action)),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const written = await writeEntity(session, RULE, { name, body, overwrite });
  tell(session, written, `${overwrite ? "updated" : "created"} rule ${fullName(name)}`);
  return EXIT.ok;
}

export async function setRule(text: string, status: "active" | "inactive", { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const answer = await session.send("POST", entityPath("rules", name), { body: { status } });
  expectOk(answer, `cannot make rule ${fullName(name)} ${status}`);
  tell(session, { status }, `rule ${fullName(name)} is ${status}`);
  return EXIT.ok;
}

export async function ruleStatus(text: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const status = textAt(await readEntity(session, RULE, name), "status");
  tell(session, { status }, `rule ${fullName(name)} is ${status}`);
  return EXIT.ok;
}

export function listRules(place: string | undefined, options: Told<ListFlags>): Promise<ExitCode> {
  return listEntities(RULE, place, options);
}

export async function getRule(text: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const rule = await readEntity(session, RULE, parseEntityName(text));
  if (session.json) session.printJson(rule);
  else
    session.print(
      fieldList([
        ...commonFields(rule),
        ["status", textAt(rule, "status")],
        ["trigger", sideText(rule, "trigger")],
        ["action", sideText(rule, "action")],
        ["annotations", pairsText(rule["annotations"])],
      ]),
    );
  return EXIT.ok;
}

export function deleteRule(text: string, options: Told): Promise<ExitCode> {
  return deleteEntity(RULE, text, options);
}

function sideText(rule: JsonObject, side: "trigger" | "action"): string {
  const end = objectAt(rule, side);
  return `/${textAt(end, "path")}/${textAt(end, "name")}`;
}
