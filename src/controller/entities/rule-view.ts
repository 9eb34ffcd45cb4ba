import type { KeyValue } from "../../kernel/action.ts";
import { type EntityRef, nameOf, packageOf } from "./ref.ts";
import type { Rule, RuleStatus } from "./rule.ts";

/** An entity as rules and triggers name it: `path` is its namespace, or `namespace/package`. */
export interface RefView {
  readonly path: string;
  readonly name: string;
}

/** A rule as an item of a list. That it does not say its status is OpenWhisk's, whose clients read each rule for it. */
export interface RuleBrief {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  readonly trigger: RefView;
  readonly action: RefView;
  readonly updated: number;
}

export function ruleView(rule: Rule, status: RuleStatus): RuleBrief & { readonly status: RuleStatus } {
  return { ...ruleBrief(rule), status };
}

export function ruleBrief(rule: Rule): RuleBrief {
  const { namespace, path, version, publish, annotations, trigger, action, updated } = rule;
  const refs = { trigger: refView(trigger), action: refView(action) };
  return { namespace, name: path, version, publish, annotations, ...refs, updated };
}

export function refView({ namespace, path }: EntityRef): RefView {
  const folder = packageOf(path);
  return { path: folder === undefined ? namespace : `${namespace}/${folder}`, name: nameOf(path) };
}
