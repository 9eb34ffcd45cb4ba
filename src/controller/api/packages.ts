import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Namespace } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import type { Content } from "../entities/catalog.ts";
import { contentsOf, removePackage } from "../entities/package-contents.ts";
import { packageContentOf, type PackagePut, packagePutSchema, parsePackagePut } from "../entities/package-put.ts";
import { briefPackageView, packageView, wholePackageView } from "../entities/package-view.ts";
import type { Package } from "../entities/package.ts";
import { requireKeyValueSizes } from "../entities/put-fields.ts";
import { type EntityRef, refText } from "../entities/ref.ts";
import { bindingOfBinding, type ReachedPackage } from "../entities/resolver.ts";
import { nameOf, namespaceOf } from "./address.ts";
import { json } from "./answer.ts";
import { documentOf } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { flag, page } from "./query.ts";
import type { ApiRequest, CallerOperation, Route } from "./route.ts";

const COLLECTION = "packages";
/** Stands for "no package" in the paths of web actions. */
const RESERVED = "default";
/** Packages of others read at a time while those to show are picked. */
const SCAN_PAGE = 200;
// Chosen: a namespace with more packages than this shows strangers the newest ones only.
const SCANNED_MAX = 10_000;

/** The routes of packages and of bindings, which are packages by their name and their place. */
export function packageRoutes(context: ApiContext): readonly Route[] {
  const base = "/namespaces/:namespace/packages";
  return [
    { paths: [base, `${base}/`], tag: "Packages", operations: { GET: listOperation(context) } },
    {
      paths: [`${base}/:name`],
      tag: "Packages",
      operations: { GET: readOperation(context), PUT: writeOperation(context), DELETE: removeOperation(context) },
    },
  ];
}

function listOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "List the packages of a namespace: of another's those that are published",
    query: ["limit", "skip", "count"],
    statuses: [200, 400],
    answers: { 200: ["PackageBrief"] },
    handle: async (request, identity) => {
      const namespace = namespaceOf(request, identity);
      const { skip, limit } = page(request.query, COLLECTION);
      const counting = flag(request.query, "count", false);
      if (namespace !== identity.namespace) {
        const shared = await sharedPackages(context, namespace, counting ? SCANNED_MAX : skip + limit);
        if (counting) return json(200, { [COLLECTION]: Math.max(0, shared.length - skip) });
        return json(200, shared.slice(skip).map(briefPackageView));
      }
      if (counting) return json(200, { [COLLECTION]: await context.packages.count({ namespace, skip }) });
      return json(200, (await context.packages.list({ namespace, skip, limit })).map(briefPackageView));
    },
  };
}

/** What a namespace shows to others, newest first, up to `max` of it. Bindings are nobody else's business. */
async function sharedPackages(context: ApiContext, namespace: Namespace, max: number): Promise<readonly Package[]> {
  const shared: Package[] = [];
  const total = Math.min(await context.packages.count({ namespace, skip: 0 }), SCANNED_MAX);
  for (let skip = 0; skip < total && shared.length < max; skip += SCAN_PAGE) {
    const scanned = await context.packages.list({ namespace, skip, limit: SCAN_PAGE });
    shared.push(...scanned.filter(({ publish, binding }) => publish && binding === undefined));
  }
  return shared.slice(0, max);
}

function readOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Read a package and what is in it",
    statuses: [200, 400, 403, 404, 409, 422],
    answers: { 200: "Package" },
    handle: async (request, identity) => {
      const ref = packageRefOf(request, identity);
      const reached = await reach(context, identity, ref);
      if (context.options.limits.sharedPackagesExecuteOnly) requireOwnSource(identity, ref, reached);
      return json(200, wholePackageView(reached, await contentsOf(context.actions, reached.provider)));
    },
  };
}

async function reach(context: ApiContext, identity: Identity, ref: EntityRef): Promise<ReachedPackage> {
  try {
    return await context.resolver.reachPackage(identity, ref);
  } catch (error) {
    if (!isPlatformError(error, "entity/not-found")) throw error;
    throw new PlatformError("entity/not-found", `The requested resource '${refText(ref)}' does not exist.`);
  }
}

/** Where packages are shared to be run only, their contents are not for reading. */
function requireOwnSource(identity: Identity, ref: EntityRef, { provider }: ReachedPackage): void {
  if (ref.namespace !== identity.namespace) {
    throw new PlatformError("auth/forbidden", `GET not permitted for '${ref.path}' since it's a shared package`);
  }
  if (provider.namespace !== identity.namespace) {
    throw new PlatformError("auth/forbidden", `GET not permitted since ${ref.path} is a binding of a shared package`);
  }
}

function writeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Create a package or a binding, or update it",
    query: ["overwrite"],
    statuses: [200, 400, 403, 409, 413, 415, 422],
    body: { name: "package", schema: packagePutSchema, required: true },
    answers: { 200: "Package" },
    handle: async (request, identity) => {
      const ref = ownPackageRefOf(request, identity);
      const bytesMax = identity.limits.action.parameterBytesMax;
      const put = parsePackagePut(documentOf(request), identity.namespace);
      requireKeyValueSizes(put, bytesMax);
      const overwrite = flag(request.query, "overwrite", false);
      if (ref.path === RESERVED) {
        throw new PlatformError("request/malformed", `Package name '${RESERVED}' is reserved.`);
      }
      if (put.binding !== undefined) await requireReadable(context, identity, put.binding);
      const plan = (old: Package | undefined): Promise<Content<Package>> => planWrite(context, { old, put, bytesMax });
      return json(200, packageView(await context.packages.write(ref, plan, { overwrite })));
    },
  };
}

/** Whoever may not read the package must not learn more than that, whatever else is wrong. */
async function requireReadable(context: ApiContext, identity: Identity, target: EntityRef): Promise<void> {
  try {
    await context.resolver.reachPackage(identity, target);
  } catch (error) {
    throw asBindingFault(error);
  }
}

async function planWrite(
  context: ApiContext,
  { old, put, bytesMax }: { old: Package | undefined; put: PackagePut; bytesMax: number },
): Promise<Content<Package>> {
  const content = packageContentOf(old, put, bytesMax);
  if (put.binding === undefined) return content;
  const target = await context.packages.read(put.binding).catch((error: unknown) => {
    throw asBindingFault(error);
  });
  if (target.binding !== undefined) throw bindingOfBinding();
  return content;
}

/** What is wrong with the package to be bound, in words about binding. */
function asBindingFault(error: unknown): unknown {
  if (isPlatformError(error, "entity/not-found")) {
    return new PlatformError("request/malformed", "Binding references a package that does not exist.");
  }
  if (isPlatformError(error, "entity/conflict")) {
    return new PlatformError("entity/conflict", "Cannot bind to a resource that is not a package.");
  }
  return error;
}

function removeOperation(context: ApiContext): CallerOperation {
  return {
    access: "caller",
    summary: "Delete a package, with `force` also what is in it",
    query: ["force"],
    statuses: [200, 400, 403, 404, 409],
    answers: { 200: "Package" },
    handle: async (request, identity) => {
      const ref = ownPackageRefOf(request, identity);
      const force = flag(request.query, "force", false);
      const { packages, actions, stores } = context;
      const removed = await removePackage({ packages, actions, artifacts: stores.artifacts }, ref, { force });
      // The name is all that is left of a document that could not be read.
      return json(200, removed === undefined ? { namespace: ref.namespace, name: ref.path } : packageView(removed));
    },
  };
}

function packageRefOf(request: ApiRequest, identity: Identity): EntityRef {
  return { namespace: namespaceOf(request, identity), path: nameOf(request, "name") };
}

function ownPackageRefOf(request: ApiRequest, identity: Identity): EntityRef {
  const ref = packageRefOf(request, identity);
  requireOwner(identity, ref.namespace, ref.path);
  return ref;
}
