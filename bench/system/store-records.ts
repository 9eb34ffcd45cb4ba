import type { ActivationRecord, JournalEntry } from "../../src/kernel/activation.ts";
import { activationIdOf, asId, type ActivationId, type Incarnation, type Namespace } from "../../src/kernel/ids.ts";

export const NAMESPACE = asId<Namespace>("guest");
const FIRST_AT = 1_700_000_000_000;
const INTERVAL_MS = 10;
const NAMES = 100;

/** The start of record number `at`: one every 10 ms, so that a million of them lasted three hours. */
export function startAt(at: number): number {
  return FIRST_AT + at * INTERVAL_MS;
}

export function nameAt(at: number): string {
  return `action${at % NAMES}`;
}

export function ownerOf(): Incarnation {
  return asId("bench");
}

/** A record of about a kilobyte, with a result and two lines of log, as small functions leave them. */
export function recordAt(at: number): ActivationRecord {
  const start = startAt(at);
  return {
    namespace: NAMESPACE,
    name: nameAt(at),
    version: "0.0.1",
    subject: "guest",
    activationId: idAt(at),
    start,
    end: start + 7,
    duration: 7,
    response: { statusCode: 0, result: { greeting: "Hello Ada", order: at, items: ["goose", "swan", "duck"] } },
    logs: [
      "2024-01-01T12:00:00.000000000Z stdout: looking up the customer in the table of customers",
      `2024-01-01T12:00:00.001000000Z stdout: found ${at} after 3 ms`,
    ],
    annotations: [
      { key: "path", value: `guest/${nameAt(at)}` },
      { key: "kind", value: "nodejs:24" },
      { key: "limits", value: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 } },
      { key: "waitTime", value: 1 },
      { key: "timeout", value: false },
    ],
    publish: false,
  };
}

/** The promise that {@link recordAt} keeps. */
export function entryAt(at: number): JournalEntry {
  return {
    state: "accepted",
    owner: ownerOf(),
    message: {
      activationId: idAt(at),
      transactionId: asId("bench"),
      action: { namespace: NAMESPACE, path: asId(nameAt(at)), version: "0.0.1", revision: asId("1") },
      exec: { kind: "nodejs:24", binary: false, code: asId(`sha256-${"0".repeat(64)}`), codeBytes: 100 },
      limits: { timeoutMs: 60_000, memoryMb: 256, logsMb: 10, concurrency: 1 },
      caller: { subject: "guest", namespace: NAMESPACE },
      args: { name: "Ada", order: at },
      initEnv: {},
      acceptedAt: startAt(at),
      recordAnnotations: [],
      retryOnLoss: false,
    },
  };
}

function idAt(at: number): ActivationId {
  // The tail is random in production: any order of it inside one millisecond will do.
  return activationIdOf(startAt(at), Math.imul(at, 2_654_435_761).toString(16).replace("-", "f").padStart(20, "0"));
}
