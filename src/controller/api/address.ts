import { PlatformError } from "../../kernel/errors.ts";
import { asId, entityNameFault, type EntityPath, type Namespace } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import type { EntityRef } from "../entities/ref.ts";
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
export function actionRefOf(request: ApiRequest, identity: Identity): EntityRef {
  const namespace = namespaceOf(request, identity);
  const name = nameOf(request, "name");
  if (request.params["package"] === undefined) return { namespace, path: name };
  return { namespace, path: asId(`${nameOf(request, "package")}/${name}`) };
}
