import { isJsonObject, type JsonObject } from "../../kernel/json.ts";
import { fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { fieldList } from "../output.ts";
import { annotationsOf, keyValues, type Pair, type ParameterFlags, parametersOf } from "../parameters.ts";
import { type ClientFlags, sessionOf } from "../session.ts";
import { itemsOf, textAt } from "../wire.ts";
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

export interface PackageFlags extends ClientFlags, ParameterFlags {
  readonly annotation?: readonly Pair[];
  readonly shared?: string | true;
}

const PACKAGE: Kind = {
  collection: "packages",
  noun: "package",
  columns: [
    ["BINDING OF", (row) => bindingText(row)],
    ["SHARED", (row) => (row["publish"] === true ? "yes" : "no")],
  ],
  firstOne: "make one with `skein package create NAME`",
};

const SHARED: Readonly<Record<string, boolean>> = { yes: true, true: true, no: false, false: false };

export async function putPackage(
  text: string,
  { flags, io, overwrite }: { readonly flags: PackageFlags; readonly io: Io; readonly overwrite: boolean },
): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const publish = sharedOf(flags.shared);
  const body = { ...(await describedBy(flags, io)), ...(publish === undefined ? {} : { publish }) };
  const written = await writeEntity(session, PACKAGE, { name, body, overwrite });
  tell(session, written, `${overwrite ? "updated" : "created"} package ${fullName(name)}`);
  return EXIT.ok;
}

export async function bindPackage(
  providerText: string,
  text: string,
  { flags, io }: { readonly flags: PackageFlags; readonly io: Io },
): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const provider = parseEntityName(providerText);
  const name = parseEntityName(text);
  const binding = { namespace: provider.namespace, name: provider.name };
  const body = { binding, ...(await describedBy(flags, io)) };
  const written = await writeEntity(session, PACKAGE, { name, body, overwrite: false });
  tell(session, written, `created binding ${fullName(name)} of ${fullName(provider)}`);
  return EXIT.ok;
}

export function listPackages(
  place: string | undefined,
  options: { readonly flags: ListFlags; readonly io: Io },
): Promise<ExitCode> {
  return listEntities(PACKAGE, place, options);
}

export async function getPackage(
  text: string,
  { flags, io }: { readonly flags: ClientFlags; readonly io: Io },
): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const found = await readEntity(session, PACKAGE, parseEntityName(text));
  if (session.json) session.printJson(found);
  else session.print(packageText(found));
  return EXIT.ok;
}

export function deletePackage(
  text: string,
  { flags, io }: { readonly flags: ClientFlags & { readonly force?: boolean }; readonly io: Io },
): Promise<ExitCode> {
  return deleteEntity(PACKAGE, text, { flags, io, ...(flags.force === true ? { query: { force: true } } : {}) });
}

async function describedBy(flags: PackageFlags, io: Io): Promise<JsonObject> {
  const parameters = await parametersOf(flags, io);
  const annotations = annotationsOf(flags);
  return {
    ...(parameters === undefined ? {} : { parameters: keyValues(parameters) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function sharedOf(shared: string | true | undefined): boolean | undefined {
  if (shared === undefined || shared === true) return shared;
  const publish = SHARED[shared];
  if (publish === undefined) throw usageFailure(`--shared ${shared} is neither yes nor no`);
  return publish;
}

function bindingText(row: JsonObject): string {
  const binding = row["binding"];
  return isJsonObject(binding) && "name" in binding
    ? `/${textAt(binding, "namespace")}/${textAt(binding, "name")}`
    : "-";
}

function packageText(found: JsonObject): string {
  const fields = fieldList([
    ...commonFields(found),
    ["shared", found["publish"] === true ? "yes" : "no"],
    ["binding of", bindingText(found)],
    ["parameters", pairsText(found["parameters"])],
    ["annotations", pairsText(found["annotations"])],
  ]);
  const lines = (key: string): string =>
    itemsOf(found[key])
      .filter((item) => isJsonObject(item))
      .map((item) => `  ${textAt(item, "name")}\n`)
      .join("") || "  none\n";
  return `${fields}actions\n${lines("actions")}feeds\n${lines("feeds")}`;
}
