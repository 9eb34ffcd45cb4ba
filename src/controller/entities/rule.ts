import { z } from "zod";
import type { KeyValue } from "../../kernel/action.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { EntityForm, Stored } from "./catalog.ts";
import { bodyOf, storedKeyValues, storedOf, storedRef } from "./document.ts";
import { keyValuesBytes } from "./key-values.ts";
import type { EntityRef } from "./ref.ts";
import type { Trigger } from "./trigger.ts";

export type RuleStatus = "active" | "inactive";

/**
 * A rule: when the trigger fires, the action is invoked. Its status and its link live here and nowhere else (OpenWhisk keeps them in
 * the trigger's document), so that no crash leaves two documents that contradict each other.
 */
export interface Rule extends Stored {
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  /** Always of the rule's own namespace. */
  readonly trigger: EntityRef;
  readonly action: EntityRef;
  /** What was last asked for; in force only while the trigger of `incarnation` is there. */
  readonly status: RuleStatus;
  /** The trigger's incarnation that the rule was linked to. */
  readonly incarnation: string;
}

const FORMAT = 1;
const ENTRY_BYTES = 512;

const schema = z.object({
  format: z.literal(FORMAT),
  version: z.string(),
  publish: z.boolean(),
  annotations: storedKeyValues,
  trigger: storedRef,
  action: storedRef,
  status: z.enum(["active", "inactive"]),
  incarnation: z.string(),
});

/** What clients see, and what counts: a rule is active while the very trigger that it was linked to is there. */
export function statusUnder(trigger: Trigger | undefined, rule: Rule): RuleStatus {
  return trigger?.incarnation === rule.incarnation ? rule.status : "inactive";
}

/** How rules are kept. */
export const ruleForm: EntityForm<Rule> = {
  kind: "rule",
  toDocument: ({ namespace, path, updated, version, publish, annotations, trigger, action, status, incarnation }) => {
    const body = { format: FORMAT, version, publish, annotations, trigger, action, status, incarnation };
    return {
      kind: "rule",
      namespace,
      path,
      updated,
      body: body as unknown as JsonObject,
      attachments: [],
      link: trigger.path,
    };
  },
  fromDocument: (entity) => {
    const { format: _, ...content } = bodyOf(entity, schema);
    return { ...storedOf(entity), ...content };
  },
  weigh: ({ annotations }) => ENTRY_BYTES + keyValuesBytes(annotations),
};
