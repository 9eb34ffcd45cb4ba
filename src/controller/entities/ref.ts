import { asId, entityNameFault, type EntityPath, type Namespace } from "../../kernel/ids.ts";

/** Names one entity. */
export interface EntityRef {
  readonly namespace: Namespace;
  /** `name`, or `package/name` for an action in a package. */
  readonly path: EntityPath;
}

/** `namespace/path`: the key of caches, and how texts and annotations name an entity. */
export function refText(ref: EntityRef): string {
  return `${ref.namespace}/${ref.path}`;
}

/** The package of a packaged action's path; undefined for anything at the top of its namespace. */
export function packageOf(path: EntityPath): EntityPath | undefined {
  const slash = path.indexOf("/");
  return slash < 0 ? undefined : asId(path.slice(0, slash));
}

/** The last part of a path. */
export function nameOf(path: EntityPath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * An entity named inside a document: `/namespace/[package/]name`, where `_` is `own`. Without a leading slash the namespace may be
 * left out (`name`, `package/name`), as conductors name what they call; three parts always begin with the namespace. Undefined when
 * it is no name.
 */
export function parseRef(text: string, own: Namespace): EntityRef | undefined {
  const absolute = text.startsWith("/");
  const parts = (absolute ? text.slice(1) : text).split("/");
  if (parts.length < (absolute ? 2 : 1) || parts.length > 3) return undefined;
  const named = absolute || parts.length === 3;
  const namespace = named ? (parts[0] === "_" ? own : parts[0]) : own;
  const path = named ? parts.slice(1) : parts;
  if (namespace === undefined || entityNameFault(namespace) !== undefined) return undefined;
  if (path.some((name) => entityNameFault(name) !== undefined)) return undefined;
  return { namespace: asId(namespace), path: asId(path.join("/")) };
}
