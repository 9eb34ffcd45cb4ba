import type { ActionLimits, CodeExec, KeyValue } from "../../kernel/action.ts";
import type { EntityPath, Namespace, Revision } from "../../kernel/ids.ts";

/** An action as the controller thinks of it. */
export interface Action {
  readonly namespace: Namespace;
  /** `name` or `package/name`. */
  readonly path: EntityPath;
  readonly revision: Revision;
  /** Semantic version, e.g. `0.0.1`. */
  readonly version: string;
  readonly publish: boolean;
  readonly parameters: readonly KeyValue[];
  readonly annotations: readonly KeyValue[];
  readonly limits: ActionLimits;
  readonly exec: CodeExec;
  /** Epoch milliseconds of the last write. */
  readonly updated: number;
}
