import type { FastifyReply, FastifyRequest } from "fastify";

/** What goes back to a caller: a status, and a body that is text or bytes already. */
export interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  /** Default `application/json`; null for an empty body, which has none. */
  readonly contentType?: string | null;
  /** What other origins may do, name and value in turn, instead of what holds for the whole API. */
  readonly cors?: readonly string[];
  /** Further headers, name and value in turn. */
  readonly headers?: readonly string[];
}

/** OpenWhisk lets every page of every origin call its API; credentials are explicit, so no cookie can be abused. */
export const CORS: readonly string[] = [
  "access-control-allow-origin",
  "*",
  "access-control-allow-headers",
  "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent",
  "access-control-allow-methods",
  "GET, DELETE, POST, PUT, HEAD",
];

/** Answers of these statuses have no body, and say nothing of one. */
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;

/** A JSON answer. */
export function json(status: number, value: unknown, headers?: readonly string[]): Answer {
  const body = JSON.stringify(value);
  return headers === undefined ? { status, body } : { status, body, headers };
}

/**
 * Writes an answer. It goes to node's response directly, in one piece and with its headers in one array: half the cost of the
 * framework's own way, which would look at each header again and run hooks that nobody registered.
 */
export function send(reply: FastifyReply, answer: Answer, last: boolean): void {
  reply.hijack();
  const response = reply.raw;
  if (response.destroyed || response.headersSent) return;
  response.writeHead(answer.status, headersOf(reply.request, answer, last));
  response.end(answer.body);
}

function headersOf(request: FastifyRequest, answer: Answer, last: boolean): string[] {
  const headers: string[] = [...(answer.cors ?? CORS), "x-request-id", request.id];
  if (answer.status !== NO_CONTENT && answer.status !== NOT_MODIFIED) {
    if (answer.contentType !== null) headers.push("content-type", answer.contentType ?? "application/json");
    headers.push("content-length", String(Buffer.byteLength(answer.body)));
  }
  if (answer.headers !== undefined) headers.push(...answer.headers);
  if (last) headers.push("connection", "close");
  return headers;
}
