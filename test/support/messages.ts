import type { KeyValue } from "../../src/kernel/action.ts";
import type { ActivationMessage, RunOutcome } from "../../src/kernel/activation.ts";
import { defaultOptions } from "../../src/kernel/options/options.ts";
import { activationIdOf, asId } from "../../src/kernel/ids.ts";
import type { Identity } from "../../src/controller/entitlement/identity.ts";
import type { CodeAction } from "../../src/controller/entities/action.ts";

/** An identity of namespace `guest` with generous limits. */
export function identityOf(over: Partial<Identity["limits"]> = {}): Identity {
  return {
    subject: "guest",
    namespace: asId("guest"),
    namespaceUuid: "23bc46b1-71f6-4ed5-8c54-816aa4f8c502",
    authKey: "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:key",
    limits: {
      invocationsPerMinute: 60_000,
      firesPerMinute: 60_000,
      concurrentInvocations: 1_000,
      storeActivations: true,
      action: defaultOptions().limits.action,
      ...over,
    },
  };
}

/** An action `hello` of `guest`. */
export function actionOf(over: { parameters?: KeyValue[]; annotations?: KeyValue[] } = {}): CodeAction {
  return {
    namespace: asId("guest"),
    path: asId("hello"),
    revision: asId("7"),
    version: "0.0.3",
    publish: false,
    parameters: over.parameters ?? [],
    annotations: over.annotations ?? [{ key: "provide-api-key", value: false }],
    limits: { timeoutMs: 60_000, memoryMb: 256, logsMb: 10, concurrency: 1 },
    exec: { kind: "nodejs:24", binary: false, code: asId(`sha256-${"0".repeat(64)}`), codeBytes: 10 },
    updated: 1_700_000_000_000,
  };
}

/** A message number `n` of that action. */
export function messageNumber(n: number, over: Partial<ActivationMessage> = {}): ActivationMessage {
  const action = actionOf();
  return {
    activationId: activationIdOf(1_700_000_000_000 + n, n.toString(16).padStart(20, "0")),
    transactionId: asId("tid"),
    action: { namespace: action.namespace, path: action.path, version: action.version, revision: action.revision },
    exec: action.exec,
    limits: action.limits,
    caller: { subject: "guest", namespace: asId("guest") },
    args: {},
    initEnv: {},
    acceptedAt: 1_700_000_000_000 + n,
    recordAnnotations: [],
    retryOnLoss: false,
    ...over,
  };
}

/** A good run that took `ms` milliseconds. */
export function outcomeOf(result: RunOutcome["response"]["result"], ms = 5): RunOutcome {
  return {
    response: { statusCode: 0, result },
    startAt: 1_700_000_000_010,
    endAt: 1_700_000_000_010 + ms,
    timedOut: false,
  };
}
