import { entityNameFault } from "../kernel/ids.ts";
import { usageFailure } from "./failure.ts";

/** An entity as the command line names it. */
export interface EntityName {
  /** `_` means the namespace of the key. */
  readonly namespace: string;
  readonly package?: string;
  readonly name: string;
}

/**
 * Reads `name`, `package/name`, `/namespace/name` and `/namespace/package/name`.
 *
 * @throws {CliFailure} exit code 2 when it is none of them, or a part has characters that no entity may have.
 */
export function parseEntityName(text: string): EntityName {
  const absolute = text.startsWith("/");
  const parts = (absolute ? text.slice(1) : text).split("/");
  const namespace = absolute ? (parts.shift() ?? "") : "_";
  const [first, second] = parts;
  if (first === undefined || parts.length > 2 || namespace === "") {
    throw usageFailure(
      `${JSON.stringify(text)} is not a name`,
      "write name, package/name, /namespace/name or /namespace/package/name",
    );
  }
  for (const part of [namespace, ...parts]) {
    const fault = entityNameFault(part);
    if (fault !== undefined) throw usageFailure(`${JSON.stringify(text)} is not a name: ${fault}`);
  }
  return second === undefined ? { namespace, name: first } : { namespace, package: first, name: second };
}

export type Collection = "actions" | "packages" | "triggers" | "rules";

/** The API's path of an entity. */
export function entityPath(collection: Collection, { namespace, package: pkg, name }: EntityName): string {
  const tail = [...(pkg === undefined ? [] : [pkg]), name].map(encodeURIComponent).join("/");
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/${collection}/${tail}`;
}

/** The name in full, as wsk writes it: `/_/hello`. */
export function fullName({ namespace, package: pkg, name }: EntityName): string {
  return `/${namespace}/${pkg === undefined ? "" : `${pkg}/`}${name}`;
}
