import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import { expectOk } from "../client.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { type ClientFlags, sessionOf } from "../session.ts";
import { itemsOf, wordOf } from "../wire.ts";

/** The client's flags, and limits by the names that the API has for them. */
export type LimitFlags = ClientFlags & Readonly<Record<string, JsonValue>>;

interface Told<Flags extends ClientFlags = ClientFlags> {
  readonly flags: Flags;
  readonly io: Io;
}

export async function setLimits(namespace: string, { flags, io }: Told<LimitFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const limits = limitsOf(flags);
  if (Object.keys(limits).length === 0) {
    throw usageFailure("no limit is given", "name one, e.g. --invocationsPerMinute 60; --help lists them");
  }
  const answer = await session.send("PUT", limitsPath(namespace), { body: limits });
  const set = expectOk(answer, `cannot set limits for ${namespace}`);
  if (session.json) session.printJson(set);
  else session.print(`Limits successfully set for "${namespace}"\n`);
  return EXIT.ok;
}

export async function getLimits(namespace: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const answer = await session.send("GET", limitsPath(namespace));
  const limits = Object.entries(expectOk(answer, `cannot get the limits of ${namespace}`) as JsonObject);
  if (session.json) session.printJson(Object.fromEntries(limits));
  else if (limits.length === 0) session.print("No limits found, default system limits apply\n");
  else session.print(limits.map(([name, value]) => `${name} = ${listText(value)}\n`).join(""));
  return EXIT.ok;
}

export async function deleteLimits(namespace: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io, "whisk.system");
  const gone = expectOk(
    await session.send("DELETE", limitsPath(namespace)),
    `cannot delete the limits of ${namespace}`,
  );
  if (session.json) session.printJson(gone);
  else session.print("Limits deleted\n");
  return EXIT.ok;
}

function limitsOf(flags: LimitFlags): Readonly<Record<string, JsonValue>> {
  const {
    apihost: _,
    auth: __,
    insecure: ___,
    json: ____,
    enableStoreActivations,
    disableStoreActivations,
    ...limits
  } = flags;
  const stores = [
    limits["storeActivations"],
    enableStoreActivations,
    disableStoreActivations === true ? false : undefined,
  ];
  const said = new Set(stores.filter((store) => store !== undefined));
  if (said.size > 1) throw usageFailure("activations cannot be stored and not stored at the same time");
  const [storeActivations] = said;
  return { ...limits, ...(storeActivations === undefined ? {} : { storeActivations }) };
}

function limitsPath(namespace: string): string {
  return `/admin/limits/${encodeURIComponent(namespace)}`;
}

function listText(value: JsonValue): string {
  return Array.isArray(value) ? itemsOf(value).map(wordOf).join(", ") : wordOf(value);
}
