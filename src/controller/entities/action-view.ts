import type { KeyValue } from "../../kernel/action.ts";
import { type Action, isCode } from "./action.ts";
import { nameOf, packageOf, refText } from "./ref.ts";

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
    readonly instances?: number;
  };
  readonly exec: ExecView | { readonly binary: boolean };
  readonly updated: number;
}

interface ExecView {
  readonly kind: string;
  readonly code?: string;
  readonly main?: string;
  readonly binary: boolean;
  readonly components?: readonly string[];
}

/** A whole action; without its code when `code` is undefined. */
export function actionView(action: Action, code: string | undefined): ActionView {
  return { ...briefView(action), parameters: action.parameters, exec: execView(action, code) };
}

function execView(action: Action, code: string | undefined): ExecView {
  if ("components" in action.exec) {
    const { kind, components } = action.exec;
    return { kind, components: components.map((component) => `/${refText(component)}`), binary: false };
  }
  const { kind, main, binary } = action.exec;
  return { kind, ...(code === undefined ? {} : { code }), ...(main === undefined ? {} : { main }), binary };
}

/** An action as an item of a list. */
export function briefView(action: Action): ActionView {
  const { timeoutMs, memoryMb, logsMb, concurrency, instances } = action.limits;
  const folder = packageOf(action.path);
  return {
    // A packaged action's namespace names its package too.
    namespace: folder === undefined ? action.namespace : `${action.namespace}/${folder}`,
    name: nameOf(action.path),
    version: action.version,
    publish: action.publish,
    annotations: action.annotations,
    limits: {
      timeout: timeoutMs,
      memory: memoryMb,
      logs: logsMb,
      concurrency,
      ...(instances === undefined ? {} : { instances }),
    },
    exec: { binary: isCode(action) && action.exec.binary },
    updated: action.updated,
  };
}
