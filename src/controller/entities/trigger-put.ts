import { randomBytes } from "node:crypto";
import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import { entityNameFault } from "../../kernel/ids.ts";
import type { JsonValue } from "../../kernel/json.ts";
import type { Content } from "./catalog.ts";
import { commonContentOf, commonFields, type CommonPut, commonPutOf, parsePut } from "./put-fields.ts";
import type { Trigger } from "./trigger.ts";

const FEED = "feed";

/** The body of a PUT. */
export const triggerPutSchema = z.object(
  {
    ...commonFields,
    // A trigger has none: an object is read, and nothing of it is kept.
    limits: z.object({}, { error: "Object expected in field 'limits'" }).nullish(),
  },
  { error: "Object expected" },
);

/** Reads the body of a PUT on a trigger. @throws `request/malformed` */
export function parseTriggerPut(body: JsonValue): CommonPut {
  return commonPutOf(parsePut(body, triggerPutSchema));
}

/**
 * What a trigger holds after a PUT. A feed is named at creation or never checked, as in OpenWhisk: an update that brings another one
 * is kept as sent.
 *
 * @throws `request/malformed` for a feed that is no name, `request/too-large`
 */
export function triggerContentOf(old: Trigger | undefined, put: CommonPut, bytesMax: number): Content<Trigger> {
  const content = commonContentOf(old, put, bytesMax);
  if (old !== undefined) return { ...content, incarnation: old.incarnation };
  requireFeedName(content);
  return { ...content, incarnation: randomBytes(8).toString("hex") };
}

/** A feed is named by `name`, `namespace/name` or `namespace/package/name`; whether there is such an action, its caller finds out. */
function requireFeedName({ annotations }: Pick<Trigger, "annotations">): void {
  const feed = annotations.find(({ key }) => key === FEED);
  if (feed === undefined) return;
  const names = typeof feed.value === "string" ? feed.value.replace(/^\//, "").split("/") : [];
  if (names.length > 0 && names.every((name) => entityNameFault(name) === undefined)) return;
  throw new PlatformError("request/malformed", "Feed name is not valid");
}
