import type { Identity } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import type { EntityRef } from "../entities/ref.ts";
import { parseRulePut, parseRuleStatus, rulePutSchema, ruleStatusSchema } from "../entities/rule-put.ts";
import { ruleBrief, ruleView } from "../entities/rule-view.ts";
import { nameOf, namespaceOf } from "./address.ts";
import { json } from "./answer.ts";
import { documentOf } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { flag, page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const COLLECTION = "rules";

/** The routes of rules. */
export function ruleRoutes(context: ApiContext): readonly Route[] {
  const base = "/namespaces/:namespace/rules";
  const entity = {
    GET: readOperation(context),
    PUT: writeOperation(context),
    DELETE: removeOperation(context),
    POST: statusOperation(context),
  };
  return [
    { paths: [base, `${base}/`], tag: "Rules", operations: { GET: listOperation(context) } },
    { paths: [`${base}/:name`], tag: "Rules", operations: entity },
  ];
}

function listOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "List the rules of a namespace",
    query: ["limit", "skip", "count"],
    statuses: [200, 400, 403],
    answers: { 200: ["RuleBrief"] },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      requireOwner(identity, namespace);
      const { skip, limit } = page(request.query, COLLECTION);
      if (flag(request.query, "count", false)) {
        return json(200, { [COLLECTION]: await context.rules.count({ namespace, skip }) });
      }
      const rules = await context.rules.list({ namespace, skip, limit });
      return json(200, rules.map(ruleBrief));
    },
  };
}

function readOperation({ rules }: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Read a rule",
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Rule" },
    handle: async (request, identity) => {
      const rule = await rules.read(own(request, identity));
      return json(200, ruleView(rule, await rules.statusOf(rule)));
    },
  };
}

function writeOperation({ rules }: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Create a rule, or update it",
    query: ["overwrite"],
    statuses: [200, 400, 403, 404, 409, 413, 415],
    body: { name: "rule", schema: rulePutSchema, required: true },
    answers: { 200: "Rule" },
    handle: async (request, identity) => {
      const ref = own(request, identity);
      const overwrite = flag(request.query, "overwrite", false);
      const put = parseRulePut(documentOf(request), identity.namespace);
      const bytesMax = identity.limits.action.parameterBytesMax;
      const rule = await rules.write(ref, put, { identity, overwrite, bytesMax });
      return json(200, ruleView(rule, await rules.statusOf(rule)));
    },
  };
}

function removeOperation({ rules }: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Delete a rule",
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Rule" },
    handle: async (request, identity) => {
      const ref = own(request, identity);
      const rule = await rules.remove(ref);
      // The name is all that is left of a document that could not be read.
      if (rule === undefined) return json(200, { namespace: ref.namespace, name: ref.path });
      return json(200, ruleView(rule, "inactive"));
    },
  };
}

function statusOperation({ rules }: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Enable or disable a rule",
    statuses: [200, 400, 403, 404, 409, 415],
    body: { name: "status", schema: ruleStatusSchema, required: true },
    handle: async (request, identity) => {
      const ref = own(request, identity);
      await rules.setStatus(ref, parseRuleStatus(documentOf(request)));
      return { status: 200, body: "", contentType: "text/plain; charset=UTF-8" };
    },
  };
}

/** The rule that a path names, which must be the caller's. */
function own(request: ApiRequest, identity: Identity): EntityRef {
  const ref = { namespace: namespaceOf(request, identity), path: nameOf(request, "name") };
  requireOwner(identity, ref.namespace, ref.path);
  return ref;
}
