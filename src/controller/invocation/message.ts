import type { ActionRef, KeyValue } from "../../kernel/action.ts";
import type { ActivationMessage } from "../../kernel/activation.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { ActivationId, TransactionId } from "../../kernel/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import type { Identity } from "../entitlement/identity.ts";
import { type CodeAction, type EffectiveAction, isCode } from "../entities/action.ts";
import { refText } from "../entities/ref.ts";
import type { InvokeRequest } from "./port.ts";

/**
 * What of an action goes into each of its messages and does not change from call to call. Computed once per revision: the hot path
 * takes it from the cache.
 */
interface ActionFacts {
  readonly parameters: JsonObject;
  readonly initEnv: Readonly<Record<string, string>>;
  /** Names a payload may not set: the action's parameters when it is annotated `final`. */
  readonly finalNames: readonly string[];
  readonly passesApiKey: boolean;
  readonly recordAnnotations: readonly KeyValue[];
  readonly retryOnLoss: boolean;
  /** It is a conductor: its answers may name what to run next. */
  readonly conducts: boolean;
}

/** Everything of a message but the call itself: one action, at one revision, as one caller calls it. Plain data. */
export interface CallTemplate {
  readonly base: Omit<ActivationMessage, "activationId" | "acceptedAt" | "args">;
  /** What the payload is laid over. */
  readonly parameters: JsonObject;
}

interface Caller {
  readonly identity: Identity;
  readonly transactionId: TransactionId;
}

const factsOf = new WeakMap<EffectiveAction, ActionFacts>();
const NO_ENV: Readonly<Record<string, string>> = {};

/**
 * The message of one call: parameters merged (the payload wins), init parameters apart, and what the record will need.
 * @throws `request/malformed` when the payload sets a final parameter.
 */
export function messageOf(
  request: InvokeRequest & { readonly action: CodeAction },
  activationId: ActivationId,
  acceptedAt: number,
): ActivationMessage {
  const { action, payload } = request;
  requireAllowed(action, payload);
  const { parameters } = factsOfAction(action);
  return {
    activationId,
    ...baseOf(action, request),
    args: parameters === EMPTY ? payload : { ...parameters, ...payload },
    acceptedAt,
    ...(request.storedAlways === true ? { storedAlways: true as const } : undefined),
  };
}

/** @throws `request/malformed` when the payload sets a final parameter. */
export function requireAllowed(action: EffectiveAction, payload: JsonObject): void {
  for (const name of factsOfAction(action).finalNames) {
    if (Object.hasOwn(payload, name)) {
      throw new PlatformError(
        "request/malformed",
        "Request defines parameters that are not allowed (e.g., reserved properties).",
      );
    }
  }
}

/** True for a conductor. The annotation means nothing on a sequence. */
export function isConductor(action: EffectiveAction): action is EffectiveAction & CodeAction {
  return isCode(action) && factsOfAction(action).conducts;
}

/** What the records of an action's activations say beyond what each run says of itself. */
export function recordAnnotationsOf(action: EffectiveAction): readonly KeyValue[] {
  return factsOfAction(action).recordAnnotations;
}

/** How a composition calls one of its components. */
export function templateOf(action: EffectiveAction & CodeAction, caller: Caller): CallTemplate {
  const base = baseOf(action, caller);
  const recordAnnotations = [...base.recordAnnotations, { key: "causedBy", value: "sequence" }];
  return { base: { ...base, recordAnnotations }, parameters: factsOfAction(action).parameters };
}

/** One such call. Final parameters bind those who call from outside only, as in OpenWhisk. */
export function componentMessageOf(
  { base, parameters }: CallTemplate,
  call: {
    readonly activationId: ActivationId;
    readonly acceptedAt: number;
    readonly cause: ActivationId;
    readonly payload: ActivationMessage["args"];
  },
): ActivationMessage {
  const { activationId, acceptedAt, cause, payload } = call;
  return {
    ...base,
    activationId,
    acceptedAt,
    cause,
    args: isJsonObject(payload) ? { ...parameters, ...payload } : payload,
  };
}

function baseOf(action: EffectiveAction & CodeAction, { identity, transactionId }: Caller): CallTemplate["base"] {
  const facts = factsOfAction(action);
  return {
    transactionId,
    action: actionRefOf(action),
    exec: action.exec,
    limits: action.limits,
    caller: callerOf(identity, facts.passesApiKey),
    initEnv: facts.initEnv,
    recordAnnotations: facts.recordAnnotations,
    retryOnLoss: facts.retryOnLoss,
    ...(identity.limits.storeActivations ? undefined : { unstored: true as const }),
  };
}

export function actionRefOf({ namespace, path, version, revision }: EffectiveAction): ActionRef {
  return { namespace, path, version, revision };
}

export function callerOf(identity: Identity, passesApiKey: boolean): ActivationMessage["caller"] {
  return {
    subject: identity.subject,
    namespace: identity.namespace,
    ...(passesApiKey ? { apiKey: identity.authKey } : undefined),
  };
}

const EMPTY: JsonObject = {};

function factsOfAction(action: EffectiveAction): ActionFacts {
  const known = factsOf.get(action);
  if (known !== undefined) return known;
  const ordinary = action.parameters.filter((parameter) => parameter.init !== true);
  const init = action.parameters.filter((parameter) => parameter.init === true);
  const facts: ActionFacts = {
    parameters:
      ordinary.length === 0 ? EMPTY : Object.fromEntries(ordinary.map(({ key, value }) => [key, value] as const)),
    initEnv:
      init.length === 0 ? NO_ENV : Object.fromEntries(init.map(({ key, value }) => [key, envText(value)] as const)),
    // Those without a value are there to be filled in.
    finalNames: isTruthy(annotation(action, "final"))
      ? action.parameters.filter(({ value }) => value !== null).map(({ key }) => key)
      : [],
    // Actions stored without the annotation count as asking for the key, as in OpenWhisk; new ones are stored with it (false).
    passesApiKey: isTruthy(annotation(action, "provide-api-key") ?? true),
    retryOnLoss: isTruthy(annotation(action, "retry-on-loss")),
    conducts: isTruthy(annotation(action, "conductor")),
    recordAnnotations: action.binding === undefined ? [] : [{ key: "binding", value: refText(action.binding) }],
  };
  factsOf.set(action, facts);
  return facts;
}

function annotation(action: EffectiveAction, key: string): JsonValue | undefined {
  return action.annotations.find((one: KeyValue) => one.key === key)?.value;
}

/** OpenWhisk's truthiness of annotations: true, a non-zero number, a non-empty string, any other value but null and false. */
function isTruthy(value: JsonValue | undefined): boolean {
  return Boolean(value);
}

function envText(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
