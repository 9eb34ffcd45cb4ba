import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";
import { asId, type TransactionId } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import type { EntityRef } from "../entities/ref.ts";
import { parseTriggerPut, triggerContentOf, triggerPutSchema } from "../entities/trigger-put.ts";
import { triggerBrief, triggerView } from "../entities/trigger-view.ts";
import type { Trigger } from "../entities/trigger.ts";
import type { FireResult } from "../triggers/firing.ts";
import { nameOf, namespaceOf } from "./address.ts";
import { type Answer, json } from "./answer.ts";
import { documentOf, payloadOf } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { flag, page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const COLLECTION = "triggers";

/** Headers that are the caller's business with the platform: the action of a rule may be somebody else's. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization"]);

/** The routes of triggers. */
export function triggerRoutes(context: ApiContext): readonly Route[] {
  const base = "/namespaces/:namespace/triggers";
  const entity = {
    GET: readOperation(context),
    PUT: writeOperation(context),
    DELETE: removeOperation(context),
    POST: fireOperation(context),
  };
  return [
    { paths: [base, `${base}/`], tag: "Triggers", operations: { GET: listOperation(context) } },
    { paths: [`${base}/:name`], tag: "Triggers", operations: entity },
  ];
}

function listOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "List the triggers of a namespace",
    query: ["limit", "skip", "count"],
    statuses: [200, 400, 403],
    answers: { 200: ["TriggerBrief"] },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      requireOwner(identity, namespace);
      const { skip, limit } = page(request.query, COLLECTION);
      if (flag(request.query, "count", false)) {
        return json(200, { [COLLECTION]: await context.triggers.count({ namespace, skip }) });
      }
      const triggers = await context.triggers.list({ namespace, skip, limit });
      return json(200, triggers.map(triggerBrief));
    },
  };
}

function readOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Read a trigger",
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Trigger" },
    handle: async (request, identity) => view(context, await context.triggers.read(own(request, identity))),
  };
}

function writeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Create a trigger, or update it",
    query: ["overwrite"],
    statuses: [200, 400, 403, 409, 413, 415],
    body: { name: "trigger", schema: triggerPutSchema, required: true },
    answers: { 200: "Trigger" },
    handle: async (request, identity) => {
      const ref = own(request, identity);
      const overwrite = flag(request.query, "overwrite", false);
      const put = parseTriggerPut(documentOf(request));
      const { parameterBytesMax } = identity.limits.action;
      const plan = (old: Trigger | undefined) => triggerContentOf(old, put, parameterBytesMax);
      return await view(context, await context.triggers.write(ref, plan, { overwrite }));
    },
  };
}

function removeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Delete a trigger; its rules stay, and do nothing",
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Trigger" },
    handle: async (request, identity) => {
      const ref = own(request, identity);
      const trigger = await context.triggers.remove(ref);
      // The name is all that is left of a document that could not be read.
      return trigger === undefined ? json(200, { namespace: ref.namespace, name: ref.path }) : view(context, trigger);
    },
  };
}

function fireOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Fire a trigger",
    statuses: [202, 204, 400, 403, 404, 409, 413, 415, 429, 503],
    body: { name: "payload", schema: z.record(z.string(), z.unknown()), required: false },
    answers: { 202: "ActivationId" },
    bodyBytesMax: context.options.invocation.payloadBytesMax,
    handle: async (request, identity) => {
      const trigger = refOf(request, identity);
      context.throttles.takeFire(identity);
      requireOwner(identity, trigger.namespace, trigger.path);
      const payload = payloadOf(request);
      const transactionId = asId<TransactionId>(request.id);
      const headers = passedHeaders(request.headers);
      return answerOf(await context.firing.fire({ identity, trigger, payload, transactionId, headers }));
    },
  };
}

function answerOf(result: FireResult): Answer {
  if (result.kind === "idle") return { status: 204, body: "" };
  const { activationId } = result;
  return json(202, { activationId }, ["x-openwhisk-activation-id", activationId]);
}

/** As actions get them: several of one name in one text, as web actions get theirs. */
function passedHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || SECRET_HEADERS.has(name)) continue;
    passed[name] = typeof value === "string" ? value : value.join(", ");
  }
  return passed;
}

function refOf(request: ApiRequest, identity: Identity): EntityRef {
  return { namespace: namespaceOf(request, identity), path: nameOf(request, "name") };
}

/** The trigger that a path names, which must be the caller's. */
function own(request: ApiRequest, identity: Identity): EntityRef {
  const ref = refOf(request, identity);
  requireOwner(identity, ref.namespace, ref.path);
  return ref;
}

async function view(context: ApiContext, trigger: Trigger): Promise<Answer> {
  return json(200, triggerView(trigger, await context.rules.ofTrigger(trigger)));
}
