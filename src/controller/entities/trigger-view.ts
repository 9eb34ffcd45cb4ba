import type { KeyValue } from "../../kernel/action.ts";
import { refText } from "./ref.ts";
import { type Rule, type RuleStatus, statusUnder } from "./rule.ts";
import { type RefView, refView } from "./rule-view.ts";
import type { Trigger } from "./trigger.ts";

/** A trigger as an item of a list. */
export interface TriggerBrief {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  readonly updated: number;
}

/** A whole trigger. */
export interface TriggerView extends TriggerBrief {
  readonly parameters: readonly KeyValue[];
  readonly limits: Readonly<Record<string, never>>;
  /** By `namespace/rule`; absent while there are none. */
  readonly rules?: Readonly<Record<string, { readonly action: RefView; readonly status: RuleStatus }>>;
}

/** A trigger with the rules that hang on it. */
export function triggerView(trigger: Trigger, rules: readonly Rule[]): TriggerView {
  const view = { ...triggerBrief(trigger), parameters: trigger.parameters, limits: {} };
  if (rules.length === 0) return view;
  const entries = rules.map((rule) => {
    return [refText(rule), { action: refView(rule.action), status: statusUnder(trigger, rule) }] as const;
  });
  return { ...view, rules: Object.fromEntries(entries) };
}

export function triggerBrief({ namespace, path, version, publish, annotations, updated }: Trigger): TriggerBrief {
  return { namespace, name: path, version, publish, annotations, updated };
}
