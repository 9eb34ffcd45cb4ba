import { asId, entityNameFault } from "../../kernel/ids.ts";
import type { EntityRef } from "../entities/ref.ts";

/** How a web action's result becomes an answer: what the name in the path ends in. */
export type Extension = "http" | "json" | "html" | "svg" | "text";

/** In the order of their numbers in tokens (token.ts): new ones go to the end. */
export const EXTENSIONS: readonly Extension[] = ["http", "json", "html", "svg", "text"];

/** Where the paths of web actions begin. */
export const WEB_PREFIX = "/api/v1/web/";

const DEFAULT_PACKAGE = "default";

/** What the target of a request says. */
export interface WebAddress {
  /** The namespace is the one whose limits and records the call counts for. */
  readonly ref: EntityRef;
  readonly extension: Extension;
  /** The path behind the action's name, as it was sent, with its slash; empty when there is none. */
  readonly rest: string;
  /** The query as it was sent, without its question mark. */
  readonly query: string;
}

/**
 * Reads `/api/v1/web/{namespace}/{package|default}/{action}[.extension][/rest][?query]`; undefined when it names no action. A known
 * extension is always taken off: an action that is really called `a.json` is reached as `a.json.http`, as in OpenWhisk.
 */
export function parseWebAddress(target: string): WebAddress | undefined {
  if (!target.startsWith(WEB_PREFIX)) return undefined;
  const mark = target.indexOf("?");
  const path = target.slice(WEB_PREFIX.length, mark < 0 ? undefined : mark);
  const [namespace, folder, last, ...more] = path.split("/");
  const name = nameIn(last);
  const extension = name === undefined ? undefined : EXTENSIONS.find((known) => name.endsWith(`.${known}`));
  const action = extension === undefined ? name : name?.slice(0, -extension.length - 1);
  const parts = [nameIn(namespace), nameIn(folder), action];
  if (!parts.every((part) => part !== undefined && entityNameFault(part) === undefined)) return undefined;
  return {
    ref: {
      namespace: asId(parts[0] ?? ""),
      path: asId(parts[1] === DEFAULT_PACKAGE ? `${parts[2]}` : `${parts[1]}/${parts[2]}`),
    },
    extension: extension ?? "http",
    rest: more.length === 0 ? "" : `/${more.join("/")}`,
    query: mark < 0 ? "" : target.slice(mark + 1),
  };
}

function nameIn(segment: string | undefined): string | undefined {
  if (segment === undefined) return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // Not UTF-8 behind its percent signs: nobody's name.
  }
}
