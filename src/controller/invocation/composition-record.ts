import type { KeyValue } from "../../kernel/action.ts";
import type { ActivationRecord, CompositionMessage } from "../../kernel/activation.ts";
import type { Ended } from "../core/composition-state.ts";
import { nameOf } from "../entities/ref.ts";
import { limitsAnnotation } from "./record.ts";

/** The record of a sequence or of a conductor's composition: the sum of its components, and the answer of the last of them. */
export function compositionRecordOf(ended: Ended, message: CompositionMessage, endAt: number): ActivationRecord {
  const { frame, response, cause } = ended;
  const { action } = frame.composed;
  return {
    namespace: message.caller.namespace,
    name: nameOf(action.path),
    version: action.version,
    subject: message.caller.subject,
    activationId: frame.id,
    start: frame.startAt,
    end: Math.max(frame.startAt, endAt),
    // What its components took; the time between them is the platform's, as in OpenWhisk.
    duration: frame.durationMs,
    ...(cause === undefined ? undefined : { cause }),
    response,
    logs: frame.logs,
    annotations: annotationsOf(ended, message.acceptedAt),
    publish: false,
  };
}

function annotationsOf({ frame, cause }: Ended, acceptedAt: number): readonly KeyValue[] {
  const { action, limits, annotations } = frame.composed;
  return [
    { key: "topmost", value: cause === undefined },
    { key: "path", value: `${action.namespace}/${action.path}` },
    // OpenWhisk's completeActivation says so of conductors too.
    { key: "kind", value: "sequence" },
    ...(frame.kind === "conductor" ? [{ key: "conductor", value: true }] : []),
    ...(cause === undefined ? [] : [{ key: "causedBy", value: "sequence" }]),
    { key: "waitTime", value: Math.max(0, frame.startAt - acceptedAt) },
    ...annotations,
    // A sequence that ran nothing used no memory.
    ...(frame.memoryMb === 0 ? [] : [limitsAnnotation({ ...limits, memoryMb: frame.memoryMb })]),
  ];
}
