import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { expectOk, failureOfAnswer } from "../client.ts";
import { type EntityName, entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import { agoText, fieldList } from "../output.ts";
import { annotationsOf, keyValues, type Pair, type ParameterFlags, parametersOf } from "../parameters.ts";
import { type ClientFlags, type Session, sessionOf } from "../session.ts";
import { annotationOf, numberAt, objectAt, textAt, wordOf } from "../wire.ts";
import type { ListFlags } from "./action-entities.ts";
import { commonFields, type Kind, listEntities, pairsText, readEntity, tell, writeEntity } from "./entities.ts";
import { callFeed } from "./feeds.ts";

export interface TriggerFlags extends ClientFlags, ParameterFlags {
  readonly annotation?: readonly Pair[];
  readonly feed?: string;
}

interface Told<Flags extends ClientFlags = ClientFlags> {
  readonly flags: Flags;
  readonly io: Io;
}

const TRIGGER: Kind = {
  collection: "triggers",
  noun: "trigger",
  columns: [
    ["FEED", (row) => wordOf(annotationOf(row, "feed"))],
    ["UPDATED", (row, io) => agoText(numberAt(row, "updated"), io.nowMs())],
  ],
  firstOne: "make one with `skein trigger create NAME`",
};

/** Creates a trigger. A feed that refuses it leaves none behind. */
export async function createTrigger(text: string, { flags, io }: Told<TriggerFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const parameters = (await parametersOf(flags, io)) ?? {};
  if (flags.feed === undefined) {
    const body = { parameters: keyValues(parameters), annotations: annotationsOf(flags) ?? [] };
    tell(
      session,
      await writeEntity(session, TRIGGER, { name, body, overwrite: false }),
      `created trigger ${fullName(name)}`,
    );
    return EXIT.ok;
  }
  const feed = fullName(parseEntityName(flags.feed));
  const body = { annotations: [...(annotationsOf(flags) ?? []), { key: "feed", value: feed }] };
  const written = await writeEntity(session, TRIGGER, { name, body, overwrite: false });
  try {
    await callFeed(session, feed, { event: "CREATE", trigger: name, parameters });
  } catch (error) {
    await takeBack(session, name);
    throw error;
  }
  tell(session, written, `created trigger ${fullName(name)}, fired by ${feed}`);
  return EXIT.ok;
}

/** Changes a trigger, or what its feed knows of it. */
export async function updateTrigger(text: string, { flags, io }: Told<TriggerFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const parameters = await parametersOf(flags, io);
  const annotations = annotationsOf(flags);
  if (parameters === undefined && annotations === undefined) {
    throw usageFailure("nothing to change", "give --param, --param-file or --annotation");
  }
  // PUT makes what is not there.
  const feed = feedOf(await readEntity(session, TRIGGER, name));
  if (feed !== undefined && parameters !== undefined) {
    await callFeed(session, feed, { event: "UPDATE", trigger: name, parameters });
  }
  const body = {
    ...(parameters === undefined || feed !== undefined ? {} : { parameters: keyValues(parameters) }),
    ...(annotations === undefined
      ? {}
      : { annotations: [...annotations, ...(feed === undefined ? [] : [{ key: "feed", value: feed }])] }),
  };
  tell(
    session,
    await writeEntity(session, TRIGGER, { name, body, overwrite: true }),
    `updated trigger ${fullName(name)}`,
  );
  return EXIT.ok;
}

/** Fires a trigger. */
export async function fireTrigger(text: string, { flags, io }: Told<TriggerFlags>): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const body = (await parametersOf(flags, io)) ?? {};
  const answer = await session.send("POST", entityPath("triggers", name), { body });
  const fired = expectOk(answer, `cannot fire trigger ${fullName(name)}`);
  if (answer.status === 204) {
    if (session.json) session.printJson({});
    session.print(`ok: trigger ${fullName(name)} has no active rule: nothing ran\n`);
    return EXIT.ok;
  }
  const id = isJsonObject(fired) ? textAt(fired, "activationId") : "-";
  tell(session, fired, `fired trigger ${fullName(name)} with id ${id}`);
  return EXIT.ok;
}

export function listTriggers(place: string | undefined, options: Told<ListFlags>): Promise<ExitCode> {
  return listEntities(TRIGGER, place, options);
}

/** Shows a trigger; one with a feed as the feed tells it. */
export async function getTrigger(text: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const trigger = await readEntity(session, TRIGGER, name);
  const feed = feedOf(trigger);
  const told =
    feed === undefined ? undefined : await callFeed(session, feed, { event: "READ", trigger: name, parameters: {} });
  if (session.json) session.printJson(told === undefined ? trigger : { ...trigger, feed: told });
  else session.print(triggerText(trigger, told));
  return EXIT.ok;
}

/** Deletes a trigger, after its feed has let go of it. */
export async function deleteTrigger(text: string, { flags, io }: Told): Promise<ExitCode> {
  const session = sessionOf(flags, io);
  const name = parseEntityName(text);
  const feed = feedOf(await readEntity(session, TRIGGER, name));
  if (feed !== undefined) await callFeed(session, feed, { event: "DELETE", trigger: name, parameters: {} });
  const answer = await session.send("DELETE", entityPath("triggers", name));
  tell(session, expectOk(answer, `cannot delete trigger ${fullName(name)}`), `deleted trigger ${fullName(name)}`);
  return EXIT.ok;
}

async function takeBack(session: Session, name: EntityName): Promise<void> {
  const answer = await session.send("DELETE", entityPath("triggers", name));
  if (answer.status >= 400) {
    const failure = failureOfAnswer(answer, `cannot take trigger ${fullName(name)} back`);
    session.remark(`warning: ${failure.message}: ${failure.why ?? ""}; delete it yourself\n`);
  }
}

function feedOf(trigger: JsonObject): string | undefined {
  const feed = annotationOf(trigger, "feed");
  return typeof feed === "string" ? feed : undefined;
}

function triggerText(trigger: JsonObject, told: JsonValue | undefined): string {
  const rules = Object.entries(objectAt(trigger, "rules") ?? {}).map(([name, rule]) => {
    const link = isJsonObject(rule) ? rule : {};
    const action = objectAt(link, "action");
    return `  /${name}: ${textAt(link, "status")}, runs /${textAt(action, "path")}/${textAt(action, "name")}\n`;
  });
  return (
    fieldList([
      ...commonFields(trigger),
      ["parameters", pairsText(trigger["parameters"])],
      ["annotations", pairsText(trigger["annotations"])],
      ...(told === undefined ? [] : [["feed says", JSON.stringify(told)] as const]),
    ]) + `rules\n${rules.join("") || "  none\n"}`
  );
}
