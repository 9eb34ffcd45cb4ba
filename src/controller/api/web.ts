import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import { type ActivationId, asId, type TransactionId } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireKind } from "../entitlement/rights.ts";
import { requireLiveKind } from "../entities/action-change.ts";
import { type EffectiveAction, isCode } from "../entities/action.ts";
import { notFound } from "../entities/catalog.ts";
import { refText } from "../entities/ref.ts";
import { parseWebAddress, type WebAddress } from "../web/address.ts";
import { argumentsOf } from "../web/arguments.ts";
import { encodeToken } from "../web/token.ts";
import { admits, type WebAction, webActionOf } from "../web/web-action.ts";
import type { Answer } from "./answer.ts";
import type { ApiContext } from "./context.ts";
import type { ApiRequest, OpenOperation, Route } from "./route.ts";
import { webAnswer, webCors, webFailure, webPending } from "./web-answer.ts";
import { readBody } from "./web-body.ts";
import { webTokenKey } from "./web-results.ts";

/** Milliseconds for which a late answer can be fetched, from when its caller was told to. */
export const WEB_RESULT_MS = 86_400_000;

/** Whatever keeps an action from being found: who asks learns only that nothing is there. */
const MISSING: ReadonlySet<string> = new Set(["entity/not-found", "entity/conflict", "store/corrupted"]);

/** What a path has led to. */
interface Found {
  readonly address: WebAddress;
  /** Whose namespace is in the path: it runs the action, by its limits and into its records. */
  readonly owner: Identity;
  readonly action: EffectiveAction;
  readonly web: WebAction;
}

/** Web actions: functions that anybody may call like pages, and that answer what they like. */
export function webRoutes(context: ApiContext): readonly Route[] {
  const operation: OpenOperation = {
    access: "anyone",
    summary: "Call a web action",
    statuses: [200, 202, 204, 400, 401, 404, 406, 413, 414, 429, 503],
    handle: (request) => serve(context, request),
  };
  return [
    {
      paths: ["/web/:namespace/:package/:action"],
      subtree: "/web/*",
      tag: "Web actions",
      operations: {
        GET: operation,
        PUT: operation,
        POST: operation,
        DELETE: operation,
        HEAD: operation,
        OPTIONS: operation,
        PATCH: operation,
      },
    },
  ];
}

async function serve(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const cors = webCors(request.headers);
  let found: Found;
  try {
    found = await find(context, request.raw.url ?? "");
  } catch (error) {
    return webFailure(context, request, { error, cors });
  }
  if (found.web.customOptions) return await call(context, request, { found, cors: [] });
  if (request.method === "OPTIONS") return { status: 200, body: "", contentType: null, cors };
  return await call(context, request, { found, cors });
}

/** @throws `entity/not-found` for all that is missing, and for what is no web action */
async function find(context: ApiContext, target: string): Promise<Found> {
  const address = parseWebAddress(target);
  if (address === undefined) throw notFound();
  const owner = await context.authenticator.identityOf(address.ref.namespace);
  if (owner === undefined) throw notFound();
  try {
    const action = await context.resolver.resolve("anyone", address.ref);
    const web = webActionOf(action);
    if (web.exported) return { address, owner, action, web };
  } catch (error) {
    if (!isPlatformError(error) || !MISSING.has(error.code)) throw error;
    if (error.code === "store/corrupted") context.log.error({ error, action: refText(address.ref) }, error.message);
  }
  throw notFound();
}

interface Call {
  readonly found: Found;
  readonly cors: readonly string[];
}

async function call(context: ApiContext, request: ApiRequest, { found, cors }: Call): Promise<Answer> {
  const { address, owner, action } = found;
  try {
    const user = await admit(context, request, found);
    // Whoever is turned away costs the owner nothing; from here on it counts, as any call does.
    context.throttles.takeInvocation(owner);
    if (isCode(action)) {
      requireKind(owner, action.exec.kind);
      requireLiveKind(action.exec, context.runtimes);
    }
    const { payloadBytesMax, waitMsMax } = context.options.invocation;
    const body = await readBody(request.raw, payloadBytesMax);
    const { method, headers } = request;
    const asked = { method, headers, rest: address.rest, query: address.query, body };
    const payload = argumentsOf(user === undefined ? asked : { ...asked, user: user.namespace }, found.web);
    const storedAlways = headers["x-ow-extra-logging"] === "on";
    const result = await context.invocations.invoke({
      identity: owner,
      action,
      payload,
      transactionId: asId<TransactionId>(request.id),
      waitMs: waitMsMax,
      ...(storedAlways ? { storedAlways } : undefined),
    });
    if (result.kind === "done") {
      return webAnswer(context, request, { record: result.record, extension: address.extension, cors });
    }
    const { activationId } = result;
    const token = await tokenOf(context, found, { activationId, storedAlways });
    return webPending(request, { activationId, token, cors });
  } catch (error) {
    return webFailure(context, request, { error, cors });
  }
}

/** Who asks, if anybody known; whoever shows other credentials is nobody, and may be welcome. @throws `auth/invalid` */
async function admit(context: ApiContext, request: ApiRequest, { web }: Found): Promise<Identity | undefined> {
  const { authorization, "x-require-whisk-auth": secret } = request.headers;
  const { authenticator } = context;
  const user =
    authorization === undefined
      ? undefined
      : (authenticator.cached(authorization) ?? (await authenticator.authenticate(authorization)));
  // Browsers ask what they may do without credentials, and the action answers that itself.
  if (web.customOptions && request.method === "OPTIONS") return user;
  if (admits(web.guard, { isKnown: user !== undefined, secret })) return user;
  throw new PlatformError(
    "auth/invalid",
    "The resource requires authentication, which was not supplied with the request",
    // A browser would ask its user for a name and a password, which are not what is missing.
    { details: { challenge: web.guard.kind === "caller" } },
  );
}

/** What names the answer to come; nothing where its record may not be kept, as there would be none to read. Never rejects. */
async function tokenOf(
  context: ApiContext,
  { address, owner, web }: Found,
  { activationId, storedAlways }: { readonly activationId: ActivationId; readonly storedAlways: boolean },
): Promise<string | undefined> {
  const kept = storedAlways || context.options.invocation.storeNonBlocking === "always";
  if (!kept || !owner.limits.storeActivations) return undefined;
  // The activation is under way: whoever hears 202 at least does not start it again.
  const key = await webTokenKey(context).catch((error: unknown) => {
    context.log.warn({ error, activationId }, "a late answer has no place: the key of whisk.system cannot be read");
    return undefined;
  });
  if (key === undefined) return undefined;
  const token = {
    activationId,
    namespace: owner.namespace,
    extension: address.extension,
    customOptions: web.customOptions,
    expiresAt: context.clock.wallMs() + WEB_RESULT_MS,
  };
  return encodeToken(token, key);
}
