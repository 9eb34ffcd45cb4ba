import type { Answer } from "./connection.ts";

/** What every single answer must look like; one that does not is a failure and fails the run. */
export interface Expectation {
  readonly status: number;
  /** The whole body. */
  readonly equals?: string;
  /** Parts of the body, where it holds ids and times. */
  readonly includes?: readonly string[];
}

/** Someone to put under load. */
export interface Target {
  readonly name: string;
  readonly port: number;
  /** The request, head and body, as latin1 text. */
  readonly request: string;
  readonly expect: Expectation;
}

/** One slice of load. */
export interface Job {
  readonly target: Target;
  /**
   * `closed`: each connection sends its next request when its last one is answered. `open`: requests are due at a fixed rate, whether or
   * not earlier ones are answered, and latency counts from when each was due.
   */
  readonly mode: { readonly kind: "closed" } | { readonly kind: "open"; readonly perSecond: number };
  readonly connections: number;
  /** Ends after this time, and what is in flight then is still awaited... */
  readonly durationMs: number;
  /** ...or after this many requests, where given. */
  readonly requestsMax?: number;
}

export interface JobResult {
  /** Microseconds, one per answer that was as expected. */
  readonly latenciesUs: Float64Array;
  /** Milliseconds from the first request to the end of the slice (the last answer, where `requestsMax` ended it). */
  readonly elapsedMs: number;
  /** Answers within `elapsedMs`. */
  readonly completed: number;
  /** Open mode: microseconds that requests left later than due although a connection was free: the generator's own error. */
  readonly lateUs: Float64Array;
  readonly failures: number;
  /** The first few failures in words. */
  readonly failureTexts: readonly string[];
}

/** Why an answer is not as expected, or undefined when it is. */
export function faultOf(answer: Answer | Error, expect: Expectation): string | undefined {
  if (answer instanceof Error) return answer.message;
  const { status, body } = answer;
  if (status !== expect.status) return `status ${status} instead of ${expect.status}: ${body.slice(0, 300)}`;
  if (expect.equals !== undefined && body !== expect.equals) return `body ${body.slice(0, 300)}`;
  const missing = expect.includes?.find((part) => !body.includes(part));
  return missing === undefined ? undefined : `no ${missing} in body ${body.slice(0, 300)}`;
}
