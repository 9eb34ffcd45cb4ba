import { PlatformError } from "../../kernel/errors.ts";
import { asId, entityNameFault, type EntityPath, type Namespace } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import type { ActionId } from "../entities/action-catalog.ts";
import type { ApiContext } from "./context.ts";
import type { ApiRequest } from "./route.ts";

/** The namespace a path names, where `_` is the caller's own. @throws `request/malformed` */
export function namespaceOf(request: ApiRequest, identity: Identity): Namespace {
  const text = request.params["namespace"] ?? "";
  if (text === "_" || text === identity.namespace) return identity.namespace;
  const fault = entityNameFault(text);
  if (fault === undefined) return asId(text);
  throw new PlatformError(
    "request/malformed",
    fault.startsWith("Name segement")
      ? fault.replace("Name segement", "Namespace")
      : "The namespace contains illegal characters.",
  );
}

/** One name out of a path. @throws `request/malformed` */
export function nameOf(request: ApiRequest, parameter: string): EntityPath {
  const text = request.params[parameter] ?? "";
  const fault = entityNameFault(text);
  if (fault !== undefined) throw new PlatformError("request/malformed", fault);
  return asId(text);
}

/** Which action a path names; the caller's right to it is not looked at. @throws `request/malformed` */
export function actionIdOf(request: ApiRequest, identity: Identity): ActionId {
  const namespace = namespaceOf(request, identity);
  const name = nameOf(request, "name");
  if (request.params["package"] === undefined) return { namespace, path: name };
  return { namespace, path: asId(`${nameOf(request, "package")}/${name}`) };
}

/** Lets a packaged action pass only when its package is there. @throws `entity/not-found`, `entity/conflict` */
export async function requirePackageOf(context: ApiContext, id: ActionId): Promise<void> {
  const slash = id.path.indexOf("/");
  if (slash >= 0) await context.actions.requirePackage(id.namespace, asId(id.path.slice(0, slash)));
}
