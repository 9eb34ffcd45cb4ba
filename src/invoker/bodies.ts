import type { ActivationMessage } from "../kernel/activation.ts";
import type { JsonObject } from "../kernel/json.ts";

/**
 * The body of `/init`. `code` is the text of the source, or base64 of an archive; `deadlineAt` is epoch milliseconds.
 * Source: openwhisk-runtime's ActionLoop and nodejs images; OpenWhisk docs/actions-new.md.
 */
export function initBody(message: ActivationMessage, code: string, deadlineAt: number): JsonObject {
  const { action, exec } = message;
  return {
    value: {
      name: action.path.slice(action.path.indexOf("/") + 1),
      main: exec.main ?? "main",
      code,
      binary: exec.binary,
      // The platform's own names win over an init parameter that takes one of them.
      env: { ...message.initEnv, ...environmentOf(message, deadlineAt) },
    },
  };
}

/** The body of `/run`. `deadlineAt` is epoch milliseconds. */
export function runBody(message: ActivationMessage, deadlineAt: number): JsonObject {
  const { action, caller } = message;
  const body = {
    value: message.args,
    namespace: caller.namespace,
    action_name: `/${action.namespace}/${action.path}`,
    action_version: action.version,
    activation_id: message.activationId,
    transaction_id: message.transactionId,
    deadline: String(deadlineAt),
  };
  return caller.apiKey === undefined ? body : { ...body, api_key: caller.apiKey };
}

function environmentOf(message: ActivationMessage, deadlineAt: number): Readonly<Record<string, string>> {
  const { action, caller } = message;
  return {
    __OW_NAMESPACE: caller.namespace,
    __OW_ACTION_NAME: `/${action.namespace}/${action.path}`,
    __OW_ACTION_VERSION: action.version,
    __OW_ACTIVATION_ID: message.activationId,
    __OW_TRANSACTION_ID: message.transactionId,
    __OW_DEADLINE: String(deadlineAt),
    ...(caller.apiKey === undefined ? undefined : { __OW_API_KEY: caller.apiKey }),
  };
}
