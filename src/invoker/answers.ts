import { type ActivationResponse, Status } from "../kernel/activation.ts";
import { type JsonValue, isJsonObject } from "../kernel/json.ts";
import type { AnswerBody, RuntimeAnswer } from "./factory.ts";

/** What the texts below need to know of the action. */
export interface AnswerLimits {
  /** Milliseconds that init, and run, may each take. */
  readonly timeoutMs: number;
  /** Bytes of a result. */
  readonly resultBytesMax: number;
}

const OK = 200;

/** What an answer to `/init` means: undefined when the container is ready, else the activation's response. */
export function initResponse(answer: RuntimeAnswer, limits: AnswerLimits): ActivationResponse | undefined {
  if (answer.kind === "timeout") return developerError(`${timedOut(limits)} during initialization.`);
  if (answer.kind === "gone") {
    return gone(answer.reason, "The action did not initialize and exited unexpectedly.");
  }
  return answer.status === OK ? undefined : failedInit(answer.body, limits);
}

/** What an answer to `/run` means. */
export function runResponse(answer: RuntimeAnswer, limits: AnswerLimits): ActivationResponse {
  if (answer.kind === "timeout") return developerError(`${timedOut(limits)}.`);
  if (answer.kind === "gone") {
    return gone(answer.reason, "The action did not produce a valid response and exited unexpectedly.");
  }
  return answeredRun(answer.status, answer.body, limits);
}

/** The platform's fault, said to the user. */
export function whiskError(text: string): ActivationResponse {
  return { statusCode: Status.whiskError, result: { error: text } };
}

/** The action's own word that it failed. */
export function applicationError(error: JsonValue): ActivationResponse {
  return { statusCode: Status.applicationError, result: { error } };
}

/** True when the container that gave this response may serve again. */
export function isHealthy(response: ActivationResponse): boolean {
  return response.statusCode === Status.success || response.statusCode === Status.applicationError;
}

function answeredRun(status: number, body: AnswerBody, limits: AnswerLimits): ActivationResponse {
  // A long answer is the application's fault, whatever its status: the container is in order.
  if (body.kind === "truncated") return applicationError(truncated(body, limits));
  if (body.kind === "json") {
    const { value } = body;
    if (isJsonObject(value)) {
      const { error } = value;
      if (status !== OK) return developerError(error ?? invalidRun(body));
      return error === undefined ? { statusCode: Status.success, result: value } : applicationError(error);
    }
    if (Array.isArray(value) && status === OK) return { statusCode: Status.success, result: value };
  }
  return developerError(invalidRun(body));
}

function failedInit(body: AnswerBody, limits: AnswerLimits): ActivationResponse {
  if (body.kind === "truncated") return developerError(truncated(body, limits));
  if (body.kind === "json" && isJsonObject(body.value) && body.value.error !== undefined) {
    return developerError(body.value.error);
  }
  return developerError(withText("The action failed during initialization", body));
}

function developerError(error: JsonValue): ActivationResponse {
  return { statusCode: Status.developerError, result: { error } };
}

function gone(reason: "exited" | "out-of-memory" | "connection", otherwise: string): ActivationResponse {
  return developerError(reason === "out-of-memory" ? "The action exhausted its memory and was aborted." : otherwise);
}

function timedOut({ timeoutMs }: AnswerLimits): string {
  return `The action exceeded its time limits of ${timeoutMs} milliseconds`;
}

function truncated({ head, bytes }: AnswerBody & { kind: "truncated" }, { resultBytesMax }: AnswerLimits): string {
  const length = `${bytes} > ${resultBytesMax} bytes`;
  return `The action produced a response that exceeded the allowed length: ${length}. The truncated response was: ${head}`;
}

function invalidRun(body: AnswerBody): string {
  return withText("The action did not produce a valid JSON or JSON Array response", body);
}

/** As OpenWhisk: the body behind a colon, or a full stop when there is none. */
function withText(sentence: string, body: AnswerBody): string {
  const text = textOf(body);
  return text === "" ? `${sentence}.` : `${sentence}: ${text}`;
}

function textOf(body: AnswerBody): string {
  if (body.kind === "json") return JSON.stringify(body.value);
  return body.kind === "text" ? body.text : body.head;
}
