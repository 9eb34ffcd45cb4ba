import { z } from "zod";
import type { Namespace } from "../../kernel/ids.ts";
import type { JsonValue } from "../../kernel/json.ts";
import { commonFields, type CommonPut, commonPutOf, malformedPut, parsePut } from "./put-fields.ts";
import { type EntityRef, parseRef } from "./ref.ts";
import type { RuleStatus } from "./rule.ts";

/** What a PUT on a rule asks for; whatever is missing stays as it is. */
export interface RulePut extends Omit<CommonPut, "parameters"> {
  readonly trigger?: EntityRef;
  readonly action?: EntityRef;
}

const NOT_QUALIFIED =
  "The fully qualified name of the entity must contain at least the namespace and the name of the entity.";
const NOT_A_NAME = "fully qualified name malformed";

// As text, or as rules show it, so that what was read can be sent back.
const sentRef = z
  .union([z.string(), z.object({ path: z.string(), name: z.string() })], { error: NOT_A_NAME })
  .nullish();

const { annotations, version, publish } = commonFields;
/** The body of a PUT. */
export const rulePutSchema = z.object(
  { annotations, version, publish, trigger: sentRef, action: sentRef },
  { error: "Object expected" },
);

/** The body that enables or disables. */
export const ruleStatusSchema = z.object(
  { status: z.enum(["active", "inactive"], { error: ({ input }) => statusFault(input) }) },
  { error: "Object expected" },
);

/** Reads the body of a PUT on a rule; `own` is what `_` stands for. @throws `request/malformed` */
export function parseRulePut(body: JsonValue, own: Namespace): RulePut {
  const sent = parsePut(body, rulePutSchema);
  return {
    ...commonPutOf(sent),
    ...(sent.trigger ? { trigger: refOf(sent.trigger, own) } : {}),
    ...(sent.action ? { action: refOf(sent.action, own) } : {}),
  };
}

/** Reads the body that enables or disables a rule. @throws `request/malformed`, in OpenWhisk's words */
export function parseRuleStatus(body: JsonValue): RuleStatus {
  return parsePut(body, ruleStatusSchema).status;
}

function refOf(sent: string | { readonly path: string; readonly name: string }, own: Namespace): EntityRef {
  const text = typeof sent === "string" ? sent : `${sent.path}/${sent.name}`;
  // The namespace always comes first, with a slash before it or without.
  const absolute = text.startsWith("/") ? text : `/${text}`;
  if (!absolute.includes("/", 1)) throw malformedPut(NOT_QUALIFIED);
  const ref = parseRef(absolute, own);
  if (ref === undefined) throw malformedPut(NOT_A_NAME);
  return ref;
}

function statusFault(status: unknown): string {
  if (status === undefined) return "key not found: status";
  if (typeof status === "string") return `requirement failed: ${status} is not a recognized rule state`;
  return `'${JSON.stringify(status)}' is not a recognized rule state, must be one of ['active', 'inactive']`;
}
