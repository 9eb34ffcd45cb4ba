import { COMPONENTS_MAX } from "../core/composition-state.ts";
import { namespaceLimits } from "../entitlement/limits.ts";
import { requireSystem } from "../entitlement/rights.ts";
import type { RuntimesAdvert } from "../entities/runtimes.ts";
import { type Answer, json } from "./answer.ts";
import type { ApiContext } from "./context.ts";
import { describe } from "./description.ts";
import { descriptionPage, PAGE_POLICY } from "./description-page.ts";
import type { OpenOperation, Route } from "./route.ts";

const MIB = 1_048_576;

/** Where the versioned API begins. */
export const API_PREFIX = "/api/v1";

/** The routes outside of the namespace tree. All but the status never change while the process runs, and are written once. */
export function infoRoutes(context: ApiContext, tree: readonly Route[]): readonly Route[] {
  const platform = json(200, platformView(context));
  const api = json(200, apiView(context.version));
  const described = describe(tree, { version: context.version, prefix: API_PREFIX });
  const description = json(200, described);
  const page: Answer = {
    status: 200,
    body: descriptionPage(described),
    contentType: "text/html; charset=UTF-8",
    headers: ["content-security-policy", PAGE_POLICY, "x-content-type-options", "nosniff"],
  };
  const pong: Answer = { status: 200, body: "pong", contentType: "text/plain; charset=UTF-8" };
  return [
    { paths: ["/"], tag: "Platform", operations: { GET: fixed("What this platform offers", platform) } },
    { paths: ["/ping"], tag: "Platform", operations: { GET: fixed("Whether the server answers", pong) } },
    { paths: [API_PREFIX, `${API_PREFIX}/`], tag: "Platform", operations: { GET: fixed("About this API", api) } },
    {
      paths: ["/api-docs", "/api-docs/", `${API_PREFIX}/api-docs`, `${API_PREFIX}/api-docs/`],
      tag: "Platform",
      operations: { GET: fixed("The description of this API", description) },
    },
    {
      paths: ["/docs", "/docs/", `${API_PREFIX}/docs`, `${API_PREFIX}/docs/`],
      tag: "Platform",
      operations: { GET: fixed("The description of this API, as a page", page) },
    },
    {
      paths: ["/status"],
      tag: "Platform",
      operations: {
        GET: {
          access: "caller",
          summary: "How each role of this process is; for the key of whisk.system",
          statuses: [200, 403],
          handle: (_request, identity) => {
            requireSystem(identity);
            return json(200, context.status());
          },
        },
      },
    },
  ];
}

function fixed(summary: string, answer: Answer): OpenOperation {
  return { access: "anyone", summary, statuses: [200], handle: () => answer };
}

function apiView(version: string): object {
  return {
    description: "OpenWhisk API",
    api_version: "1.0.0",
    api_version_path: "v1",
    build: version,
    buildno: version,
    swagger_paths: { ui: "/docs", "api-docs": "/api-docs" },
  };
}

function platformView(context: ApiContext): object {
  const { limits } = context.options;
  const { timeoutMs, memoryMb, logsMb } = limits.action;
  const namespace = namespaceLimits(limits);
  const bounds = {
    min_action_duration: timeoutMs.min,
    max_action_duration: timeoutMs.max,
    min_action_memory: memoryMb.min * MIB,
    max_action_memory: memoryMb.max * MIB,
    min_action_logs: logsMb.min * MIB,
    max_action_logs: logsMb.max * MIB,
  };
  return {
    description: "OpenWhisk",
    // Clients print these; there is no such place to send anybody to.
    support: { github: "", slack: "" },
    api_paths: [API_PREFIX],
    limits: {
      actions_per_minute: namespace.invocationsPerMinute,
      triggers_per_minute: namespace.firesPerMinute,
      concurrent_actions: namespace.concurrentInvocations,
      sequence_length: COMPONENTS_MAX,
      ...bounds,
      // What a namespace may set when nothing was set for it: the same.
      ...Object.fromEntries(Object.entries(bounds).map(([name, value]) => [`default_${name}`, value])),
    },
    runtimes: runtimesView(context.runtimes.advert),
  };
}

function runtimesView(advert: RuntimesAdvert): object {
  return Object.fromEntries(
    Object.entries(advert.families).map(([family, kinds]) => [
      family,
      kinds.map((kind) => ({
        kind: kind.kind,
        // Always a text in OpenWhisk.
        image: kind.image ?? "",
        deprecated: kind.deprecated,
        default: kind.default,
        attached: true,
        requireMain: kind.requireMain,
      })),
    ]),
  );
}
