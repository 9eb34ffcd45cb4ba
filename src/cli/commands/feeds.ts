import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import { type Answer, expectOk, failureOfAnswer } from "../client.ts";
import { type EntityName, entityPath, fullName, parseEntityName } from "../entity-name.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import type { Session } from "../session.ts";
import { itemsOf, wordOf } from "../wire.ts";

/** What clients tell a feed action about a trigger. */
export type FeedEvent = "CREATE" | "READ" | "UPDATE" | "DELETE";

/** The platform's own wait ends after 60 s. */
const FEED_DEADLINE_MS = 75_000;

/**
 * Tells a feed action what becomes of a trigger, as OpenWhisk's clients do: a blocking call with `lifecycleEvent`, `triggerName` (with its
 * namespace) and `authKey`, the key with which the feed may fire it.
 *
 * @throws {CliFailure} with the feed's own words when it refuses
 */
export async function callFeed(
  session: Session,
  feed: string,
  call: { readonly event: FeedEvent; readonly trigger: EntityName; readonly parameters: JsonObject },
): Promise<JsonValue> {
  const action = parseEntityName(feed);
  const namespace = call.trigger.namespace === "_" ? await ownNamespace(session) : call.trigger.namespace;
  const answer = await session.send("POST", entityPath("actions", action), {
    query: { blocking: true, result: true },
    body: {
      ...call.parameters,
      lifecycleEvent: call.event,
      triggerName: `/${namespace}/${call.trigger.name}`,
      authKey: session.auth(),
    },
    deadlineMs: FEED_DEADLINE_MS,
  });
  if (answer.status === 200) return answer.body as JsonValue;
  const what = `feed ${fullName(action)} did not take ${call.event} of trigger /${namespace}/${call.trigger.name}`;
  if (answer.status === 202) {
    throw new CliFailure(EXIT.stillRunning, what, {
      why: "it has not answered within a minute",
      fix: "see `skein activation list`",
    });
  }
  throw feedFailure(answer, what);
}

/** A feed that ran and refused says why in its result; anything else is the platform's refusal. */
function feedFailure(answer: Answer, what: string): CliFailure {
  const { body } = answer;
  const error = isJsonObject(body) && !("x-skein-error" in answer.headers) ? body["error"] : undefined;
  if (error === undefined) return failureOfAnswer(answer, what);
  return new CliFailure(EXIT.actionFailed, what, { why: wordOf(error), fix: "change its parameters and try again" });
}

async function ownNamespace(session: Session): Promise<string> {
  const names = expectOk(await session.send("GET", "/api/v1/namespaces"), "cannot find out the namespace of the key");
  return wordOf(itemsOf(names)[0]);
}
