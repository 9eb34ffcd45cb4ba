import type { KeyValue } from "../../kernel/action.ts";
import type { ActivationMessage } from "../../kernel/activation.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { ActivationId } from "../../kernel/ids.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import type { CodeAction, EffectiveAction } from "../entities/action.ts";
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
  const { action, identity, payload } = request;
  const facts = factsOfAction(action);
  for (const name of facts.finalNames) {
    if (Object.hasOwn(payload, name)) {
      throw new PlatformError(
        "request/malformed",
        "Request defines parameters that are not allowed (e.g., reserved properties).",
      );
    }
  }
  return {
    activationId,
    transactionId: request.transactionId,
    action: {
      namespace: action.namespace,
      path: action.path,
      version: action.version,
      revision: action.revision,
    },
    exec: action.exec,
    limits: action.limits,
    caller: {
      subject: identity.subject,
      namespace: identity.namespace,
      ...(facts.passesApiKey ? { apiKey: identity.authKey } : undefined),
    },
    args: facts.parameters === EMPTY ? payload : { ...facts.parameters, ...payload },
    initEnv: facts.initEnv,
    acceptedAt,
    recordAnnotations: facts.recordAnnotations,
    retryOnLoss: facts.retryOnLoss,
    ...(identity.limits.storeActivations ? undefined : { unstored: true as const }),
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
    finalNames: isTruthy(annotation(action, "final")) ? action.parameters.map(({ key }) => key) : [],
    // Actions stored without the annotation count as asking for the key, as in OpenWhisk; new ones are stored with it (false).
    passesApiKey: isTruthy(annotation(action, "provide-api-key") ?? true),
    retryOnLoss: isTruthy(annotation(action, "retry-on-loss")),
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
