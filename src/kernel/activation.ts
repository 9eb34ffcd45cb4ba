import type { ActionLimits, ActionRef, CodeExec, KeyValue } from "./action.ts";
import type { ActivationId, Incarnation, Namespace, TransactionId } from "./ids.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** OpenWhisk's four ways to end: whose fault it was. 3 is the platform's. */
export const Status = { success: 0, applicationError: 1, developerError: 2, whiskError: 3 } as const;
export type StatusCode = (typeof Status)[keyof typeof Status];

/** The words of {@link StatusCode} in records. */
export const STATUS_WORDS = [
  "success",
  "application error",
  "action developer error",
  "whisk internal error",
] as const satisfies readonly string[];

/** What an activation answered. */
export interface ActivationResponse {
  readonly statusCode: StatusCode;
  readonly result: JsonValue;
}

/** What every activation has that may be promised to its caller; plain data, so that it can cross a link or be journaled. */
export interface PromisedActivation {
  readonly activationId: ActivationId;
  readonly transactionId: TransactionId;
  readonly action: ActionRef;
  /** Who asked: warm containers are never shared between two of these namespaces. */
  readonly caller: {
    readonly subject: string;
    readonly namespace: Namespace;
    /** `uuid:key`, present only when the action asks for it (annotation `provide-api-key`). */
    readonly apiKey?: string;
  };
  /** Epoch milliseconds at which the platform took the request: `waitTime` counts from here. */
  readonly acceptedAt: number;
  /** Annotations the record gets besides those that the run itself gives (path, kind, limits, waitTime, initTime, timeout). */
  readonly recordAnnotations: readonly KeyValue[];
  readonly cause?: ActivationId;
  /** May be started again when its first start was lost with a process (annotation `retry-on-loss`). */
  readonly retryOnLoss: boolean;
  /** The namespace keeps no records: it ends without one. */
  readonly unstored?: true;
  /** Its caller asked for a record whatever the platform keeps (`X-OW-EXTRA-LOGGING: on`); `unstored` is stronger. */
  readonly storedAlways?: true;
}

/** Everything an invoker needs to run one activation. */
export interface ActivationMessage extends PromisedActivation {
  readonly exec: CodeExec;
  readonly limits: ActionLimits;
  /** The action's parameters with the payload merged over them; or an array, which takes their place (between components only). */
  readonly args: JsonObject | readonly JsonValue[];
  /** Parameters flagged `init`, as environment variables. */
  readonly initEnv: Readonly<Record<string, string>>;
}

/** A sequence or a composition of a conductor: it runs nowhere itself, but has other actions run, one after another. */
export interface CompositionMessage extends PromisedActivation {
  /** What it is and how far it has come, in the controller's own form (controller/core/composition). */
  readonly composition: JsonObject;
}

/** How a run went, known as soon as the container answered. */
export interface RunOutcome {
  readonly response: ActivationResponse;
  /** Epoch milliseconds: when init (cold or prewarmed) or run (warm) began, and when the answer was there. */
  readonly startAt: number;
  readonly endAt: number;
  /** Milliseconds of init; absent when the container was warm. */
  readonly initTimeMs?: number;
  readonly timedOut: boolean;
}

/** The final record, as the store keeps it and as `GET /activations/{id}` shows it (less `response.statusCode`). */
export interface ActivationRecord {
  readonly namespace: Namespace;
  readonly name: string;
  readonly version: string;
  readonly subject: string;
  readonly activationId: ActivationId;
  /** Epoch milliseconds. */
  readonly start: number;
  /** Epoch milliseconds; absent on records of triggers. */
  readonly end?: number;
  /** Milliseconds. */
  readonly duration?: number;
  readonly cause?: ActivationId;
  readonly response: ActivationResponse;
  readonly logs: readonly string[];
  readonly annotations: readonly KeyValue[];
  readonly publish: boolean;
}

/** How far an accepted activation has come. A final one has left the journal for its record. */
export type JournalState = "accepted" | "dispatched" | "running";

/** A journal entry: the durable promise behind a 202. */
export interface JournalEntry {
  readonly message: ActivationMessage | CompositionMessage;
  readonly state: JournalState;
  /** Whoever may move it on; a successor adopts it before it does anything. */
  readonly owner: Incarnation;
}
