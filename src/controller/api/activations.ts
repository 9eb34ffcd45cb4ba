import type { ActivationRecord } from "../../kernel/activation.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { type ActivationId, isActivationId } from "../../kernel/ids.ts";
import { requireOwner } from "../entitlement/rights.ts";
import { notFound } from "../entities/catalog.ts";
import { recordBrief, recordView, responseView } from "./activation-view.ts";
import { namespaceOf } from "./address.ts";
import { type Answer, json } from "./answer.ts";
import type { ApiContext } from "./context.ts";
import type { AnswerName } from "./description-answers.ts";
import { epochMs, flag, nameFilter, page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const COLLECTION = "activations";
const ID_LENGTH = 32;

/** The routes of activation records. */
export function activationRoutes(context: ApiContext): readonly Route[] {
  const base = "/namespaces/:namespace/activations";
  const tag = "Activations";
  return [
    { paths: [base, `${base}/`], tag, operations: { GET: listOperation(context) } },
    {
      paths: [`${base}/:id`, `${base}/:id/`],
      tag,
      operations: { GET: readOperation(context, { summary: "Read an activation", shape: "Activation" }, recordView) },
    },
    {
      paths: [`${base}/:id/result`],
      tag,
      operations: {
        GET: readOperation(
          context,
          { summary: "Read the result of an activation", shape: "ActivationResult" },
          ({ response }) => responseView(response),
        ),
      },
    },
    {
      paths: [`${base}/:id/logs`],
      tag,
      operations: {
        GET: readOperation(
          context,
          { summary: "Read the logs of an activation", shape: "ActivationLogs" },
          ({ logs }) => ({ logs }),
        ),
      },
    },
  ];
}

function listOperation(context: ApiContext): CallerOperation {
  const { activations } = context.stores;
  return {
    access: "caller",
    summary: "List activations, newest first",
    query: ["limit", "skip", "count", "name", "since", "upto", "docs"],
    statuses: [200, 400, 403],
    answers: { 200: ["ActivationBrief"] },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      requireOwner(identity, namespace);
      const { query } = request;
      const { skip, limit } = page(query, COLLECTION);
      const count = flag(query, "count", false);
      const docs = flag(query, "docs", false);
      const path = nameFilter(query);
      const since = epochMs(query, "since");
      const upto = epochMs(query, "upto");
      if (count && docs) {
        throw new PlatformError("request/malformed", "The parameter 'docs' is not permitted with 'count'.");
      }
      const where = {
        namespace,
        skip,
        ...(path === undefined ? {} : { path }),
        ...(since === undefined ? {} : { since }),
        ...(upto === undefined ? {} : { upto }),
      };
      if (count) return json(200, { [COLLECTION]: await activations.count(where) });
      const records = await activations.list({ ...where, limit });
      return json(200, records.map(docs ? recordView : recordBrief));
    },
  };
}

function readOperation(
  context: ApiContext,
  { summary, shape }: { readonly summary: string; readonly shape: AnswerName },
  view: (record: ActivationRecord) => object,
): CallerOperation {
  return {
    access: "caller",
    summary,
    statuses: [200, 400, 403, 404],
    answers: { 200: shape },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      const id = idOf(request);
      requireOwner(identity, namespace);
      const stored = await context.stores.activations.get(namespace, id);
      if (stored === undefined) throw notFound();
      return stored.kind === "final" ? json(200, view(stored.record)) : pending(request, id, stored.entry.state);
    },
  };
}

/**
 * An activation that is promised but not over. Clients of OpenWhisk poll until the 404 goes away, and take any 200 for the end; so it
 * stays a 404 for them, and says how far things are to those who look.
 */
function pending(request: ApiRequest, activationId: ActivationId, state: string): Answer {
  return json(404, { error: notFound().message, code: request.id, state, activationId }, [
    "x-skein-error",
    "entity/not-found",
    "x-skein-activation-state",
    state,
  ]);
}

function idOf(request: ApiRequest): ActivationId {
  const id = request.params["id"] ?? "";
  if (isActivationId(id)) return id;
  throw new PlatformError(
    "request/malformed",
    id.length === ID_LENGTH
      ? "The activation id is not valid."
      : `Activation id length is ${id.length} but must be ${ID_LENGTH}.`,
  );
}
