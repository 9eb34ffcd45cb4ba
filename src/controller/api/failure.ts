import type { Socket } from "node:net";
import type { FastifyRequest } from "fastify";
import { ERRORS, type ErrorCode, isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { type Answer, CORS, json } from "./answer.ts";
import { strayTransactionId } from "./transaction.ts";

const GENERIC = "There was an internal server error.";
const RETRY_MS = 1000;
const CHALLENGE = ["www-authenticate", 'Basic realm="OpenWhisk secure realm"'] as const;

/**
 * Any failure as the answer it deserves: OpenWhisk's error object, our code in a header, and when to come back where that helps.
 * What nobody expected is logged under the transaction id and says nothing of itself to the caller.
 */
export function answerFailure(thrown: unknown, request: FastifyRequest, log: Log): Answer {
  const failure = platformErrorOf(thrown, request);
  const { status } = ERRORS[failure.code];
  const unexpected = failure.code === "internal/unexpected";
  if (status >= 500) {
    const fields = { error: thrown, transactionId: request.id, method: request.method, url: request.url };
    if (unexpected) log.error(fields, "a request failed unexpectedly");
    else log.warn(fields, "a request could not be served");
  }
  return json(status, { error: unexpected ? GENERIC : failure.message, code: request.id }, headersOf(failure, status));
}

function headersOf(failure: PlatformError, status: number): readonly string[] {
  const headers: string[] = ["x-skein-error", failure.code];
  if (status === 429 || status === 503) {
    const waitMs = Number(failure.details["retryAfterMs"] ?? RETRY_MS);
    headers.push("retry-after", String(Math.ceil(waitMs / 1000)));
  }
  if (status === 401 && failure.details["challenge"] !== false) headers.push(...CHALLENGE);
  const allow = failure.details["allow"];
  if (status === 405 && typeof allow === "string") headers.push("allow", allow);
  return headers;
}

function platformErrorOf(thrown: unknown, request: FastifyRequest): PlatformError {
  if (isPlatformError(thrown)) return thrown;
  if (thrown instanceof Error && "code" in thrown) {
    const framework = frameworkError(thrown, request);
    if (framework !== undefined) return framework;
  }
  return new PlatformError("internal/unexpected", GENERIC, { cause: thrown });
}

/** The framework's own refusals, in OpenWhisk's words. */
function frameworkError(error: Error & { code: unknown }, request: FastifyRequest): PlatformError | undefined {
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE": {
      const bytesMax = request.routeOptions.bodyLimit;
      // A body sent in chunks has no announced length; reading stopped at the first byte too many.
      const bytes = Number(request.headers["content-length"] ?? bytesMax + 1);
      return new PlatformError("request/too-large", `Request larger than allowed: ${bytes} > ${bytesMax} bytes.`);
    }
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new PlatformError("request/media-type", MEDIA_TYPE);
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new PlatformError("request/uri-too-long", "URI length exceeds the configured limit.");
    default:
      return "statusCode" in error && typeof error.statusCode === "number" && error.statusCode < 500
        ? malformed(error.message)
        : undefined;
  }
}

/** The text for bodies that are not JSON by their type. */
export const MEDIA_TYPE = "The request's Content-Type is not supported. Expected:\napplication/json";

/** A body that says what it should not. */
export function malformed(detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The request content was malformed:\n${detail}`);
}

const SOCKET_FAULTS: Readonly<Record<string, { status: string; code: ErrorCode; text: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    code: "request/too-large",
    text: "The request's headers are larger than allowed.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    code: "request/malformed",
    text: "The request did not arrive in time.",
  },
};

/** Answers what never became a request: broken framing, oversized headers, a client that stopped half-way. */
export function answerSocketFault(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const fault = SOCKET_FAULTS[error.code ?? ""] ?? {
    status: "400 Bad Request",
    code: "request/malformed",
    text: "The request is not valid HTTP.",
  };
  const id = strayTransactionId();
  const body = JSON.stringify({ error: fault.text, code: id });
  const headers = [...CORS, "x-request-id", id, "x-skein-error", fault.code];
  headers.push("content-type", "application/json", "content-length", String(Buffer.byteLength(body)));
  headers.push("connection", "close");
  const lines = headers.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`));
  socket.end(`HTTP/1.1 ${fault.status}\r\n${lines.join("")}\r\n${body}`);
}
