import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import type { ActivationRecord } from "../../kernel/activation.ts";
import type { ActivationId } from "../../kernel/ids.ts";
import type { Extension } from "../web/address.ts";
import { project, requireAcceptable } from "../web/projection.ts";
import { WEB_RESULTS_PREFIX } from "../web/token.ts";
import { type Answer, json } from "./answer.ts";
import type { ApiContext } from "./context.ts";
import { answerFailure } from "./failure.ts";

const ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent";
const ALLOWED_METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH";
// Seconds after which asking again is worth it; what has outlived a whole wait is not over in one.
const ASK_AGAIN_S = "1";

/** What other origins may do with web actions that do not say so themselves: all that was asked for. */
export function webCors(headers: IncomingHttpHeaders): readonly string[] {
  return [
    "access-control-allow-origin",
    "*",
    "access-control-allow-methods",
    ALLOWED_METHODS,
    "access-control-allow-headers",
    headers["access-control-request-headers"] ?? ALLOWED_HEADERS,
  ];
}

/** A refusal, as the callers of web actions get it. */
export function webFailure(context: ApiContext, request: FastifyRequest, { error, cors }: WebFailure): Answer {
  return { ...answerFailure(error, request, context.log), cors };
}

interface WebFailure {
  readonly error: unknown;
  readonly cors: readonly string[];
}

/** The end of an activation, as the path's extension and the caller's `accept` want it. Never throws. */
export function webAnswer(context: ApiContext, request: FastifyRequest, { record, extension, cors }: WebEnd): Answer {
  const named = ["x-openwhisk-activation-id", record.activationId];
  try {
    const { status, type, headers, body } = project(record.response, extension);
    requireAcceptable({ status, type, headers, body }, request.headers.accept);
    const own = new Set(headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
    return {
      status,
      body,
      contentType: type?.text ?? null,
      // What the action says of CORS itself counts: two headers of one name would be none to a browser.
      cors: cors.filter((_, index) => !own.has(cors[index - (index % 2)] ?? "")),
      headers: [...named, ...headers],
    };
  } catch (error) {
    const answer = webFailure(context, request, { error, cors });
    return { ...answer, headers: [...(answer.headers ?? []), ...named] };
  }
}

interface WebEnd {
  readonly record: ActivationRecord;
  readonly extension: Extension;
  readonly cors: readonly string[];
}

/** Not over yet: where and when to ask again, where there is such a place. */
export function webPending(request: FastifyRequest, { activationId, token, cors }: WebPending): Answer {
  const named = ["x-openwhisk-activation-id", activationId];
  const place =
    token === undefined
      ? []
      : [
          "location",
          WEB_RESULTS_PREFIX + token,
          "retry-after",
          ASK_AGAIN_S,
          // Scripts of other origins see these only when told that they may.
          ...(cors.length === 0 ? [] : ["access-control-expose-headers", "Location, Retry-After"]),
        ];
  const answer = json(202, { error: "Response not yet ready.", code: request.id }, [...named, ...place]);
  return { ...answer, cors };
}

interface WebPending {
  readonly activationId: ActivationId;
  readonly token: string | undefined;
  readonly cors: readonly string[];
}
