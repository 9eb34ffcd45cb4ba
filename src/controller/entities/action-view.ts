import type { KeyValue } from "../../kernel/action.ts";
import type { Action } from "./action.ts";

/** The JSON forms of an action that clients read. */
export interface ActionView {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly publish: boolean;
  readonly annotations: readonly KeyValue[];
  readonly parameters?: readonly KeyValue[];
  readonly limits: {
    readonly timeout: number;
    readonly memory: number;
    readonly logs: number;
    readonly concurrency: number;
  };
  readonly exec: ExecView | { readonly binary: boolean };
  readonly updated: number;
}

interface ExecView {
  readonly kind: string;
  readonly code?: string;
  readonly main?: string;
  readonly binary: boolean;
}

/** A whole action; without its code when `code` is undefined. */
export function actionView(action: Action, code: string | undefined): ActionView {
  const { kind, main, binary } = action.exec;
  return {
    ...briefView(action),
    parameters: action.parameters,
    exec: { kind, ...(code === undefined ? {} : { code }), ...(main === undefined ? {} : { main }), binary },
  };
}

/** An action as an item of a list. */
export function briefView(action: Action): ActionView {
  const { timeoutMs, memoryMb, logsMb, concurrency } = action.limits;
  const slash = action.path.indexOf("/");
  return {
    // A packaged action's namespace names its package too.
    namespace: slash < 0 ? action.namespace : `${action.namespace}/${action.path.slice(0, slash)}`,
    name: action.path.slice(slash + 1),
    version: action.version,
    publish: action.publish,
    annotations: action.annotations,
    limits: { timeout: timeoutMs, memory: memoryMb, logs: logsMb, concurrency },
    exec: { binary: action.exec.binary },
    updated: action.updated,
  };
}
