import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { EntityPath, Namespace } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireKind, requireOwner } from "../entitlement/rights.ts";
import type { Action } from "../entities/action.ts";
import { actionPutSchema, parseActionPut } from "../entities/action-put.ts";
import { actionView, briefView } from "../entities/action-view.ts";
import { type EntityRef, packageOf, refText } from "../entities/ref.ts";
import { checkSequence, requireReachable } from "../entities/sequence.ts";
import { actionRefOf, nameOf, namespaceOf } from "./address.ts";
import { type Answer, json } from "./answer.ts";
import { documentOf } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { invokeOperation } from "./invoke.ts";
import { flag, page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const COLLECTION = "actions";

/** The routes of actions, at the top of a namespace and inside packages. */
export function actionRoutes(context: ApiContext): readonly Route[] {
  const base = "/namespaces/:namespace/actions";
  const entity = {
    GET: readOperation(context),
    PUT: writeOperation(context),
    DELETE: removeOperation(context),
    POST: invokeOperation(context),
  };
  return [
    { paths: [base, `${base}/`], tag: "Actions", operations: { GET: listOperation(context) } },
    { paths: [`${base}/:name`], tag: "Actions", operations: entity },
    { paths: [`${base}/:package/`], tag: "Actions", operations: { GET: listPackageOperation(context) } },
    { paths: [`${base}/:package/:name`], tag: "Actions", operations: entity },
  ];
}

function listOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "List the actions of a namespace, those in packages too",
    query: ["limit", "skip", "count"],
    statuses: [200, 400, 403],
    answers: { 200: ["Action"] },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      requireOwner(identity, namespace);
      return await list(context, request, { namespace });
    },
  };
}

function listPackageOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "List the actions of a package",
    query: ["limit", "skip", "count"],
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: ["Action"] },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      const ref = { namespace, path: nameOf(request, "package") };
      const { provider } = await context.resolver.reachPackage(identity, ref);
      return await list(context, request, { namespace: provider.namespace, package: provider.path });
    },
  };
}

async function list(
  context: ApiContext,
  request: ApiRequest,
  where: { readonly namespace: Namespace; readonly package?: EntityPath },
): Promise<Answer> {
  const { skip, limit } = page(request.query, COLLECTION);
  if (flag(request.query, "count", false)) {
    return json(200, { [COLLECTION]: await context.actions.count({ ...where, skip }) });
  }
  const actions = await context.actions.list({ ...where, skip, limit });
  return json(200, actions.map(briefView));
}

function readOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Read an action",
    query: ["code"],
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Action" },
    handle: async (request, identity) => {
      const ref = actionRefOf(request, identity);
      const withCode = flag(request.query, "code", true);
      const action = await context.resolver.resolve(identity, ref);
      if (context.options.limits.sharedPackagesExecuteOnly) requireOwnSource(identity, ref, action);
      return await view(context, action, withCode);
    },
  };
}

function writeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Create an action, or update it",
    query: ["overwrite"],
    statuses: [200, 400, 403, 404, 409, 413, 415],
    body: { name: "action", schema: actionPutSchema, required: true },
    answers: { 200: "Action" },
    handle: async (request, identity) => {
      const ref = await changeable(context, request, identity);
      const put = parseActionPut(documentOf(request), { runtimes: context.runtimes, own: identity.namespace });
      const overwrite = flag(request.query, "overwrite", false);
      const components = put.exec !== undefined && "components" in put.exec ? put.exec.components : [];
      if (put.exec !== undefined && !("components" in put.exec)) requireKind(identity, put.exec.kind);
      await requireReachable(context.resolver, identity, components);
      const action = await context.actions.write(ref, put, {
        overwrite,
        check: () => checkSequence(context.resolver, ref, components),
        bounds: { ...identity.limits.action, instancesMax: identity.limits.concurrentInvocations },
      });
      await requirePackageStill(context, action);
      return await view(context, action, true);
    },
  };
}

function removeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Delete an action",
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Action" },
    handle: async (request, identity) => {
      const ref = await changeable(context, request, identity);
      const { action, code } = await context.actions.remove(ref);
      // The name is all that is left of a document that could not be read.
      return json(200, action === undefined ? { namespace: ref.namespace, name: ref.path } : actionView(action, code));
    },
  };
}

/** The action that a write is about: the caller's own, and not inside a binding, whose actions are its provider's. */
async function changeable(context: ApiContext, request: ApiRequest, identity: Identity): Promise<EntityRef> {
  const ref = actionRefOf(request, identity);
  requireOwner(identity, ref.namespace, ref.path);
  const folder = packageOf(ref.path);
  if (folder === undefined) return ref;
  const { binding } = await context.packages.read({ namespace: ref.namespace, path: folder });
  if (binding === undefined) return ref;
  throw new PlatformError("request/malformed", "Operation not permitted on package binding.");
}

/**
 * The package may have gone while its action was written. Then the action goes as well, instead of staying where no name leads to; the
 * deletion of a package looks once more too (package-contents.ts), so that one of the two sees the other.
 */
async function requirePackageStill(context: ApiContext, { namespace, path, revision }: Action): Promise<void> {
  const folder = packageOf(path);
  if (folder === undefined) return;
  try {
    await context.packages.read({ namespace, path: folder });
  } catch (error) {
    const gone = isPlatformError(error, "entity/not-found") || isPlatformError(error, "entity/conflict");
    if (gone) await context.actions.drop({ namespace, path }, revision);
    throw error;
  }
}

/** Where packages are shared to be run only, their code is not for reading. */
function requireOwnSource(identity: Identity, asked: EntityRef, action: Action): void {
  if (asked.namespace !== identity.namespace) {
    const folder = `${asked.namespace}/${packageOf(asked.path)}`;
    throw new PlatformError(
      "auth/forbidden",
      `GET not permitted for '${folder}' since it's an action in a shared package`,
    );
  }
  if (action.namespace !== identity.namespace) {
    throw new PlatformError(
      "auth/forbidden",
      `GET not permitted for '${refText(asked)}'. Resource does not exist or is an action in a shared package binding.`,
    );
  }
}

async function view(context: ApiContext, action: Action, withCode: boolean): Promise<Answer> {
  return json(200, actionView(action, withCode ? await context.actions.readCode(action) : undefined));
}
