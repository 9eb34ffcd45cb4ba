import { z } from "zod";
import { Status } from "../../kernel/activation.ts";
import { asId, type TransactionId } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireKind } from "../entitlement/rights.ts";
import { requireLiveKind } from "../entities/action-change.ts";
import { type EffectiveAction, isCode } from "../entities/action.ts";
import type { InvokeResult } from "../invocation/port.ts";
import { actionRefOf } from "./address.ts";
import { recordView } from "./activation-view.ts";
import { type Answer, json } from "./answer.ts";
import { payloadOf } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { flag, waitMs } from "./query.ts";
import type { ApiRequest, CallerOperation } from "./route.ts";

/** HTTP statuses of ended activations. That a failing function answers 502 is OpenWhisk's, and its clients count on it. */
const STATUS_OF = {
  [Status.success]: 200,
  [Status.applicationError]: 502,
  [Status.developerError]: 502,
  [Status.whiskError]: 500,
} as const;

/**
 * Invoking an action: the warm path. What can be known without the store is looked at first and without a promise, so that a call of
 * an action that is cached makes exactly one step: the invocation itself.
 */
export function invokeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Invoke an action",
    query: ["blocking", "result", "timeout"],
    statuses: [200, 202, 400, 403, 404, 409, 413, 415, 429, 502, 503],
    body: { name: "payload", schema: z.record(z.string(), z.unknown()), required: false },
    // With `result=true`, and for results that are arrays, the result alone.
    answers: { 200: "Activation", 202: "ActivationId", 502: "Activation" },
    bodyBytesMax: context.options.invocation.payloadBytesMax,
    handle: (request, identity) => {
      const ref = actionRefOf(request, identity);
      context.throttles.takeInvocation(identity);
      const action = context.resolver.resolve(identity, ref);
      // A fault of the request itself is told first, and then nobody waits for the action any more.
      if (action instanceof Promise) action.catch(() => undefined);
      const call = callOf(context, request, identity);
      if (action instanceof Promise) return action.then((found) => invoke(context, call, found));
      return invoke(context, call, action);
    },
  };
}

interface Call {
  readonly request: ApiRequest;
  readonly identity: Identity;
  readonly payload: JsonObject;
  readonly resultOnly: boolean;
  readonly waitMs: number | undefined;
}

function callOf(context: ApiContext, request: ApiRequest, identity: Identity): Call {
  const { query } = request;
  const blocking = flag(query, "blocking", false);
  const resultOnly = flag(query, "result", false);
  const wait = waitMs(query, context.options.invocation.waitMsMax);
  return { request, identity, payload: payloadOf(request), resultOnly, waitMs: blocking ? wait : undefined };
}

function invoke(context: ApiContext, call: Call, action: EffectiveAction): Promise<Answer> {
  const { identity, payload } = call;
  if (isCode(action)) {
    requireKind(identity, action.exec.kind);
    requireLiveKind(action.exec, context.runtimes);
  }
  const request = {
    identity,
    action,
    payload,
    transactionId: asId<TransactionId>(call.request.id),
    ...(call.request.headers["x-ow-extra-logging"] === "on" ? { storedAlways: true as const } : undefined),
  };
  const result = context.invocations.invoke(call.waitMs === undefined ? request : { ...request, waitMs: call.waitMs });
  return result.then((ended) => answerOf(ended, call.resultOnly));
}

function answerOf(result: InvokeResult, resultOnly: boolean): Answer {
  if (result.kind === "accepted") {
    const { activationId } = result;
    return {
      status: 202,
      body: `{"activationId":"${activationId}"}`,
      headers: ["x-openwhisk-activation-id", activationId],
    };
  }
  const { record } = result;
  const value = record.response.result;
  // Arrays come back bare whatever was asked for: OpenWhisk's quirk, kept for its clients.
  const body = resultOnly || Array.isArray(value) ? value : recordView(record);
  return json(STATUS_OF[record.response.statusCode], body, ["x-openwhisk-activation-id", record.activationId]);
}
