import { asId } from "../../kernel/ids.ts";
import { SYSTEM_NAMESPACE } from "../entitlement/rights.ts";
import { notFound } from "../entities/catalog.ts";
import { decodeToken, tokenKeyOf } from "../web/token.ts";
import type { Answer } from "./answer.ts";
import type { ApiContext } from "./context.ts";
import type { ApiRequest, Route } from "./route.ts";
import { webAnswer, webCors, webFailure, webPending } from "./web-answer.ts";

/** The route of answers that came too late for those who waited. OpenWhisk has no such place. */
export function webResultRoutes(context: ApiContext): readonly Route[] {
  return [
    {
      paths: ["/web-results/:token"],
      tag: "Web actions",
      operations: {
        GET: {
          access: "anyone",
          summary: "The answer of a web action that took longer than its caller could wait",
          statuses: [200, 202, 204, 400, 404, 406],
          handle: (request) => answerLate(context, request),
        },
      },
    },
  ];
}

async function answerLate(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { token: text = "" } = request.params;
  const key = await webTokenKey(context);
  const token = key === undefined ? undefined : decodeToken(text, key, context.clock.wallMs());
  if (token === undefined) throw notFound();
  const { activationId, namespace, extension, customOptions } = token;
  const cors = customOptions ? [] : webCors(request.headers);
  const stored = await context.stores.activations.get(namespace, activationId);
  // Records are kept for a time of their own, and go with their namespace.
  if (stored === undefined) return webFailure(context, request, { error: notFound(), cors });
  if (stored.kind === "pending") return webPending(request, { activationId, token: text, cors });
  return webAnswer(context, request, { record: stored.record, extension, cors });
}

/** The last key derived, by the system's key that it comes from: deriving costs more than all the rest. */
const derived = new WeakMap<ApiContext, { readonly from: string; readonly key: Buffer }>();

/** What web results are signed with: the same in every controller. Undefined while `whisk.system` has no key. */
export async function webTokenKey(context: ApiContext): Promise<Buffer | undefined> {
  const system = await context.authenticator.identityOf(asId(SYSTEM_NAMESPACE));
  if (system === undefined) return undefined;
  const held = derived.get(context);
  if (held !== undefined && held.from === system.authKey) return held.key;
  const key = tokenKeyOf(system.authKey);
  derived.set(context, { from: system.authKey, key });
  return key;
}
