import { entityNameFault } from "../../kernel/ids.ts";
import { WEB_PREFIX } from "./address.ts";
import { WEB_RESULTS_PREFIX } from "./token.ts";

const INDEX = "public/index.html";

/**
 * Reads hosts of the form `{namespace}.{domain}` as the web actions of that namespace: `/package/action` is
 * `/api/v1/web/{namespace}/package/action`, and `/` its `public/index.html`. Nothing else is served below the domain, save for the late
 * answers of these actions, to which they refer their callers.
 */
export function vanityTarget(
  request: { readonly host: string | undefined; readonly target: string },
  domain: string,
): string {
  const { host = "", target } = request;
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  if (!name.endsWith(`.${domain}`)) return target;
  if (target.startsWith(WEB_RESULTS_PREFIX)) return target;
  const namespace = name.slice(0, -domain.length - 1);
  // Only paths: `*`, and whole URLs as proxies get them, name nothing here. Neither does a deeper host.
  if (!target.startsWith("/") || namespace.includes(".") || entityNameFault(namespace) !== undefined) return WEB_PREFIX;
  const path = target.slice(1);
  return `${WEB_PREFIX}${namespace}/${path === "" || path.startsWith("?") ? INDEX + path : path}`;
}
