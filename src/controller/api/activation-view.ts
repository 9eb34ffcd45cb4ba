import { type ActivationRecord, type ActivationResponse, Status, STATUS_WORDS } from "../../kernel/activation.ts";
import type { JsonValue } from "../../kernel/json.ts";

/** A response as clients read it: the status as a word. OpenWhisk keeps the number to itself. */
export interface ResponseView {
  readonly status: string;
  readonly success: boolean;
  readonly result: JsonValue;
}

export function responseView(response: ActivationResponse): ResponseView {
  return {
    status: STATUS_WORDS[response.statusCode],
    success: response.statusCode === Status.success,
    result: response.result,
  };
}

/** A whole record. */
export function recordView(record: ActivationRecord): Omit<ActivationRecord, "response"> & { response: ResponseView } {
  return { ...record, response: responseView(record.response) };
}

/** A record as an item of a list: no result, no logs, and the status as a number, save for triggers, which have none. */
export function recordBrief(record: ActivationRecord): object {
  const { namespace, name, version, publish, annotations, activationId, start, end, duration, cause } = record;
  return {
    namespace,
    name,
    version,
    publish,
    annotations,
    activationId,
    start,
    ...(end === undefined ? {} : { end, statusCode: record.response.statusCode }),
    ...(duration === undefined ? {} : { duration }),
    ...(cause === undefined ? {} : { cause }),
  };
}
