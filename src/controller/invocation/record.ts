import type { ActionLimits, KeyValue } from "../../kernel/action.ts";
import {
  type ActivationMessage,
  type ActivationRecord,
  type ActivationResponse,
  type PromisedActivation,
  type RunOutcome,
  Status,
} from "../../kernel/activation.ts";
import { nameOf } from "../entities/ref.ts";

/** The record of a run that came to an end, good or bad. */
export function recordOf(message: ActivationMessage, outcome: RunOutcome, logs: readonly string[]): ActivationRecord {
  return assemble(message, {
    response: outcome.response,
    startAt: outcome.startAt,
    endAt: outcome.endAt,
    logs,
    annotations: [
      { key: "waitTime", value: Math.max(0, outcome.startAt - message.acceptedAt) },
      { key: "timeout", value: outcome.timedOut },
      ...(outcome.initTimeMs === undefined ? [] : [{ key: "initTime", value: outcome.initTimeMs }]),
    ],
  });
}

/** The record of work that never ran, or of which nobody knows how far it came: the platform's fault, said plainly. */
export function failureRecordOf(message: ActivationMessage, error: string, wallMs: number): ActivationRecord {
  return assemble(message, {
    response: { statusCode: Status.whiskError, result: { error } },
    startAt: wallMs,
    endAt: wallMs,
    logs: [],
    annotations: [{ key: "timeout", value: false }],
  });
}

/** What lists filter by: the action's place in its namespace, or the one it was reached at through a binding. */
export function recordPath({ action, recordAnnotations }: PromisedActivation): string {
  const binding = recordAnnotations.find(({ key }) => key === "binding")?.value;
  return typeof binding === "string"
    ? `${binding.slice(binding.indexOf("/") + 1)}/${nameOf(action.path)}`
    : action.path;
}

interface Ending {
  readonly response: ActivationResponse;
  readonly startAt: number;
  readonly endAt: number;
  readonly logs: readonly string[];
  readonly annotations: readonly KeyValue[];
}

function assemble(message: ActivationMessage, ending: Ending): ActivationRecord {
  const { action, limits } = message;
  return {
    namespace: message.caller.namespace,
    name: nameOf(action.path),
    version: action.version,
    subject: message.caller.subject,
    activationId: message.activationId,
    start: ending.startAt,
    end: ending.endAt,
    duration: Math.max(0, ending.endAt - ending.startAt),
    ...(message.cause === undefined ? undefined : { cause: message.cause }),
    response: ending.response,
    logs: ending.logs,
    annotations: [
      { key: "path", value: `${action.namespace}/${action.path}` },
      { key: "kind", value: message.exec.kind },
      limitsAnnotation(limits),
      ...ending.annotations,
      ...message.recordAnnotations,
    ],
    publish: false,
  };
}

/** How records tell an action's limits. */
export function limitsAnnotation({ timeoutMs, memoryMb, logsMb, concurrency }: ActionLimits): KeyValue {
  return { key: "limits", value: { timeout: timeoutMs, memory: memoryMb, logs: logsMb, concurrency } };
}
