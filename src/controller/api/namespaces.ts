import type { NamespaceLimits } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import { namespaceOf } from "./address.ts";
import { json } from "./answer.ts";
import type { Route } from "./route.ts";

/** The routes about a namespace itself. */
export function namespaceRoutes(): readonly Route[] {
  return [
    {
      paths: ["/namespaces", "/namespaces/"],
      tag: "Namespaces",
      operations: {
        GET: {
          access: "caller",
          summary: "The namespace that the key belongs to",
          statuses: [200],
          answers: { 200: ["Name"] },
          handle: (_request, identity) => json(200, [identity.namespace]),
        },
      },
    },
    {
      paths: ["/namespaces/:namespace/limits", "/namespaces/:namespace/limits/"],
      tag: "Limits",
      operations: {
        GET: {
          access: "caller",
          summary: "What the namespace may do",
          statuses: [200, 400, 403],
          answers: { 200: "Limits" },
          handle: (request, identity) => {
            requireOwner(identity, namespaceOf(request, identity));
            return json(200, limitsView(identity.limits));
          },
        },
      },
    },
  ];
}

function limitsView(limits: NamespaceLimits): object {
  const { timeoutMs, memoryMb, logsMb, concurrency, parameterBytesMax } = limits.action;
  return {
    invocationsPerMinute: limits.invocationsPerMinute,
    concurrentInvocations: limits.concurrentInvocations,
    firesPerMinute: limits.firesPerMinute,
    ...(limits.allowedKinds === undefined ? {} : { allowedKinds: limits.allowedKinds }),
    // OpenWhisk names it only where it was set.
    ...(limits.storeActivations ? {} : { storeActivations: false }),
    minActionMemory: memoryMb.min,
    maxActionMemory: memoryMb.max,
    minActionLogs: logsMb.min,
    maxActionLogs: logsMb.max,
    minActionTimeout: timeoutMs.min,
    maxActionTimeout: timeoutMs.max,
    minActionConcurrency: concurrency.min,
    maxActionConcurrency: concurrency.max,
    maxActionInstances: limits.concurrentInvocations,
    maxParameterSize: `${parameterBytesMax} B`,
  };
}
