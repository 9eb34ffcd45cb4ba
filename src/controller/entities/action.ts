import type { ActionLimits, CodeExec, KeyValue } from "../../kernel/action.ts";
import type { Stored } from "./catalog.ts";
import type { EntityRef } from "./ref.ts";

/** What a sequence runs, one after another; there is at least one. */
export interface SequenceExec {
  readonly kind: "sequence";
  readonly components: readonly EntityRef[];
}

/** An action as the controller thinks of it. */
export interface Action<Exec extends CodeExec | SequenceExec = CodeExec | SequenceExec> extends Stored {
  /** Semantic version, e.g. `0.0.1`. */
  readonly version: string;
  readonly publish: boolean;
  readonly parameters: readonly KeyValue[];
  readonly annotations: readonly KeyValue[];
  readonly limits: ActionLimits;
  readonly exec: Exec;
}

/** An action that a container runs. */
export type CodeAction = Action<CodeExec>;
/** An action that has others run. */
export type SequenceAction = Action<SequenceExec>;

/** An action as one caller reaches it: parameters of its package and of the binding are merged under its own. */
export type EffectiveAction = Action & {
  /** The binding it was reached through. */
  readonly binding?: EntityRef;
};

export function isSequence<Known extends Action>(action: Known): action is Known & SequenceAction {
  return "components" in action.exec;
}

export function isCode<Known extends Action>(action: Known): action is Known & CodeAction {
  return !("components" in action.exec);
}
