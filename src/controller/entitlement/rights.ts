import { PlatformError } from "../../kernel/errors.ts";
import type { EntityPath, Namespace } from "../../kernel/ids.ts";
import type { Identity } from "./identity.ts";

/** The namespace whose key may ask for the platform's own state. */
export const SYSTEM_NAMESPACE = "whisk.system";

/** The namespace that every installation begins with, for whoever tries it. */
export const GUEST_NAMESPACE = "guest";

/**
 * Lets only the owner pass: everything in a namespace is its owner's. (Who may use a package of others, the resolver knows.)
 *
 * @throws `auth/forbidden`
 */
export function requireOwner(identity: Identity, namespace: Namespace, path?: EntityPath): void {
  if (identity.namespace === namespace) return;
  throw forbidden(path === undefined ? namespace : `${namespace}/${path}`);
}

/** The refusal of a resource by its name. */
export function forbidden(resource: string): PlatformError<"auth/forbidden"> {
  return new PlatformError("auth/forbidden", `The supplied authentication is not authorized to access '${resource}'.`);
}

/** @throws `auth/forbidden` when the namespace may not use this kind. */
export function requireKind(identity: Identity, kind: string): void {
  const allowed = identity.limits.allowedKinds;
  if (allowed === undefined || allowed.includes(kind)) return;
  throw new PlatformError(
    "auth/forbidden",
    `The supplied authentication is not authorized to access actions of kind '${kind}'.`,
  );
}

/** @throws `auth/forbidden` unless it is the platform's own namespace. */
export function requireSystem(identity: Identity): void {
  if (identity.namespace === SYSTEM_NAMESPACE) return;
  throw new PlatformError("auth/forbidden", "The supplied authentication is not authorized to access this resource.");
}
