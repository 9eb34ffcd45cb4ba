/** A part of a schema as Swagger 2.0 writes it. */
export type Schema = Readonly<Record<string, unknown>>;

/** What an answer looks like: a definition by its name, or a list of such. */
export type AnswerShape = AnswerName | readonly [AnswerName];
export type AnswerName = keyof typeof ANSWERS;

const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;
const COUNT = { type: "integer" } as const;
const PAIRS = { type: "array", items: { $ref: "#/definitions/KeyValue" } } as const;
const BINDING = { type: "object", properties: { namespace: TEXT, name: TEXT } } as const;
const REF = { type: "object", required: ["path", "name"], properties: { path: TEXT, name: TEXT } } as const;

/** What every entity says of itself. */
const COMMON = {
  namespace: { type: "string", description: "with its package, where there is one" },
  name: TEXT,
  version: TEXT,
  publish: FLAG,
  annotations: PAIRS,
  updated: { type: "integer", description: "epoch milliseconds of the last change" },
} as const;
const COMMON_NAMES = ["namespace", "name", "version", "publish", "annotations"] as const;

const LIMITS = {
  type: "object",
  properties: {
    timeout: { type: "integer", description: "milliseconds" },
    memory: { type: "integer", description: "megabytes" },
    logs: { type: "integer", description: "megabytes" },
    concurrency: { type: "integer", description: "activations at once in one container" },
    instances: { type: "integer", description: "containers at once, where that was bounded" },
  },
} as const;

const RESPONSE = {
  type: "object",
  required: ["status", "success", "result"],
  properties: {
    status: {
      type: "string",
      enum: ["success", "application error", "action developer error", "whisk internal error"],
    },
    success: FLAG,
    result: { description: "what the function gave back" },
  },
} as const;

const ACTIVATION = {
  namespace: TEXT,
  name: TEXT,
  version: TEXT,
  publish: FLAG,
  annotations: PAIRS,
  activationId: TEXT,
  start: { type: "integer", description: "epoch milliseconds" },
  end: { type: "integer", description: "epoch milliseconds; absent for triggers" },
  duration: { type: "integer", description: "milliseconds; absent for triggers" },
  cause: { type: "string", description: "the activation of the sequence this was a part of" },
} as const;
const ACTIVATION_NAMES = ["namespace", "name", "version", "publish", "activationId", "start"] as const;

/** The shapes of answers, as the views of entities and records make them; tests hold real answers against them. */
export const ANSWERS = {
  ErrorMessage: object(["error"], {
    error: TEXT,
    code: { type: "string", description: "the transaction id, as in x-request-id" },
  }),
  KeyValue: object(["key", "value"], { key: TEXT, value: { description: "any JSON" }, init: FLAG }),
  Name: TEXT,
  Text: TEXT,
  Action: object([...COMMON_NAMES, "limits", "exec"], {
    ...COMMON,
    parameters: PAIRS,
    limits: LIMITS,
    exec: object([], { kind: TEXT, code: TEXT, main: TEXT, image: TEXT, binary: FLAG, components: list(TEXT) }),
  }),
  Package: object([...COMMON_NAMES, "parameters", "binding"], {
    ...COMMON,
    parameters: PAIRS,
    binding: BINDING,
    actions: list({ $ref: "#/definitions/PackagedAction" }),
    feeds: list({ $ref: "#/definitions/PackagedAction" }),
  }),
  PackageBrief: object(COMMON_NAMES, {
    ...COMMON,
    binding: { description: "`false`, or the package that it is a binding of" },
  }),
  PackagedAction: object(["name", "version"], { name: TEXT, version: TEXT, annotations: PAIRS }),
  Trigger: object([...COMMON_NAMES, "parameters", "limits"], {
    ...COMMON,
    parameters: PAIRS,
    limits: { type: "object" },
    rules: { type: "object", description: "by `namespace/rule`: its action and its status" },
  }),
  TriggerBrief: object(COMMON_NAMES, COMMON),
  Rule: object([...COMMON_NAMES, "trigger", "action"], {
    ...COMMON,
    trigger: REF,
    action: REF,
    status: { type: "string", enum: ["active", "inactive"] },
  }),
  RuleBrief: object([...COMMON_NAMES, "trigger", "action"], { ...COMMON, trigger: REF, action: REF }),
  Activation: object([...ACTIVATION_NAMES, "subject", "response", "logs"], {
    ...ACTIVATION,
    subject: TEXT,
    response: RESPONSE,
    logs: list(TEXT),
  }),
  ActivationBrief: object(ACTIVATION_NAMES, {
    ...ACTIVATION,
    statusCode: { type: "integer", enum: [0, 1, 2, 3] },
    // With `docs=true` each item is the whole record.
    subject: TEXT,
    response: RESPONSE,
    logs: list(TEXT),
  }),
  ActivationId: object(["activationId"], { activationId: TEXT }),
  ActivationLogs: object(["logs"], { logs: list(TEXT) }),
  ActivationResult: RESPONSE,
  Limits: object(["invocationsPerMinute", "concurrentInvocations", "firesPerMinute"], {
    invocationsPerMinute: COUNT,
    concurrentInvocations: COUNT,
    firesPerMinute: COUNT,
    allowedKinds: list(TEXT),
    storeActivations: FLAG,
  }),
} as const satisfies Readonly<Record<string, Schema>>;

/** The schema of an answer of that shape. */
export function schemaOfAnswer(shape: AnswerShape): Schema {
  if (typeof shape === "string") return { $ref: `#/definitions/${shape}` };
  return list({ $ref: `#/definitions/${shape[0]}` });
}

function object(required: readonly string[], properties: Schema): Schema {
  // Swagger takes no empty list there.
  return required.length === 0 ? { type: "object", properties } : { type: "object", required, properties };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}
