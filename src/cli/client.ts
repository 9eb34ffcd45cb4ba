import type { ClientRequest, IncomingMessage } from "node:http";
import { ERRORS, type ErrorCode } from "../kernel/errors.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Connection } from "./connection.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { CliFailure } from "./failure.ts";

/** Milliseconds a request may take; chosen: long enough for a busy platform, short enough to wait for. */
export const DEADLINE_MS = 30_000;
/** Slowest upload that is waited for; below it, the deadline passes. Bytes per millisecond. */
const UPLOAD_BYTES_PER_MS = 50;
const CHUNK_BYTES = 65_536;
/** Answers are read whole; a list of 200 full records of 1 MiB each stays below. */
const ANSWER_BYTES_MAX = 512 * 1_048_576;

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** False for the few paths outside the namespace tree. */
  readonly authorised?: boolean;
  readonly deadlineMs?: number;
  /** Told as a body is taken by the network. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown;
}

/** Sends one request and reads the whole answer, whatever its status. */
export type Send = (method: string, path: string, options?: RequestOptions) => Promise<Answer>;

/**
 * A client of one platform. Built on `node:http` rather than `fetch`, which takes longer to load than the request takes and
 * does not tell how far an upload is.
 *
 * @throws {CliFailure} exit code 3 when nobody answers in time.
 */
export function clientOf(connection: Connection): Send {
  return async (method, path, options = {}) => {
    const url = new URL(`${connection.apihost.pathname.replace(/\/$/, "")}${path}`, connection.apihost);
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const deadlineMs = (options.deadlineMs ?? DEADLINE_MS) + Math.ceil((body?.length ?? 0) / UPLOAD_BYTES_PER_MS);
    const headers: Record<string, string> = { accept: "application/json", "user-agent": "skein-cli" };
    if (options.authorised !== false)
      headers["authorization"] = `Basic ${Buffer.from(connection.auth()).toString("base64")}`;
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = String(body.length);
    }
    try {
      // Not by import: a namespace of node:http reads every export, and one of them loads an undici that takes 30 ms.
      const { request } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");
      const outgoing = request(url, {
        method,
        headers,
        // One command, one connection: a pooled one would only delay the exit.
        agent: false,
        signal: AbortSignal.timeout(deadlineMs),
        ...(connection.insecure ? { rejectUnauthorized: false } : {}),
      });
      const answered = answerOf(outgoing);
      // The rejection is met below; this keeps it from counting as unhandled while the body is still being written.
      answered.catch(() => undefined);
      await writeBody(outgoing, body, options.onProgress);
      return await answered;
    } catch (error) {
      throw unreachable(error, connection, deadlineMs);
    }
  };
}

/** The body of a good answer; anything else becomes the failure it means. */
export function expectOk(answer: Answer, what: string): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw failureOfAnswer(answer, what);
}

/** An error answer as a failure: its text is the reason, the registry's help is what to do. */
export function failureOfAnswer(answer: Answer, what: string): CliFailure {
  const { body, headers, status } = answer;
  const text =
    isJsonObject(body) && typeof body["error"] === "string" ? body["error"] : `the answer was HTTP ${status}`;
  const transaction = isJsonObject(body) && typeof body["code"] === "string" ? ` (transaction ${body["code"]})` : "";
  const code = headers["x-skein-error"];
  const retryAfter = headers["retry-after"];
  const help =
    code !== undefined && Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode].help : helpByStatus(status);
  return new CliFailure(exitByStatus(status), what, {
    why: text + transaction,
    fix: retryAfter === undefined ? help : `${help} (retry-after: ${retryAfter} s)`,
    ...(code === undefined ? {} : { code }),
  });
}

function exitByStatus(status: number): ExitCode {
  if (status === 401 || status === 403) return EXIT.notAuthorised;
  if (status === 404) return EXIT.notFound;
  if (status === 409) return EXIT.conflict;
  if (status === 429 || status === 503 || status === 504) return EXIT.busy;
  return status >= 500 ? EXIT.internal : EXIT.refused;
}

function helpByStatus(status: number): string {
  if (status === 401) return ERRORS["auth/invalid"].help;
  if (status === 403) return ERRORS["auth/forbidden"].help;
  if (status === 404) return ERRORS["entity/not-found"].help;
  if (status === 409) return ERRORS["entity/conflict"].help;
  if (status === 413) return ERRORS["request/too-large"].help;
  if (status === 429) return ERRORS["limits/rate"].help;
  if (status === 503) return "the platform is busy or stopping: try again in a moment";
  return status >= 500
    ? "look into the platform's log under the same transaction id"
    : ERRORS["request/malformed"].help;
}

function answerOf(outgoing: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      readAnswer(incoming).then(resolve, reject);
    });
  });
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === "string") headers[name] = value;
  }
  const isJson = headers["content-type"]?.includes("json") === true && text !== "";
  return { status: incoming.statusCode ?? 0, headers, body: isJson ? (JSON.parse(text) as unknown) : text };
}

async function writeBody(
  outgoing: ClientRequest,
  body: Buffer | undefined,
  onProgress: RequestOptions["onProgress"],
): Promise<void> {
  if (body !== undefined) await writeChunks(outgoing, body, onProgress);
  outgoing.end();
}

async function writeChunks(
  outgoing: ClientRequest,
  body: Buffer,
  onProgress: RequestOptions["onProgress"],
): Promise<void> {
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    // An answer that comes early (413, 401) ends the upload: the rest would go nowhere.
    if (outgoing.destroyed) return;
    if (!outgoing.write(body.subarray(at, at + CHUNK_BYTES))) await drained(outgoing);
    onProgress?.(Math.min(at + CHUNK_BYTES, body.length), body.length);
  }
}

function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ["drain", "close", "error", "response"]) outgoing.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error", "response"]) outgoing.on(event, done);
  });
}

function unreachable(error: unknown, connection: Connection, deadlineMs: number): unknown {
  if (error instanceof CliFailure || !(error instanceof Error)) return error;
  const where = `${connection.apihost.origin} (from ${connection.apihostFrom})`;
  if (error.name === "AbortError" || error.name === "TimeoutError") {
    return new CliFailure(EXIT.unreachable, `no answer from ${where}`, {
      why: `it took longer than ${Math.round(deadlineMs / 1000)} s`,
      fix: "see `skein status`, and the platform's log",
      cause: error,
    });
  }
  const cause = error as NodeJS.ErrnoException;
  const refused = cause.code === "ECONNREFUSED";
  return new CliFailure(EXIT.unreachable, `cannot reach the platform at ${where}`, {
    why: refused ? "nothing listens there" : ((cause.message || cause.code) ?? "the connection failed"),
    fix: refused
      ? "start it with `npm start` (or `npx skein up`), or name another with --apihost URL"
      : "check --apihost URL; for a certificate of your own set NODE_EXTRA_CA_CERTS, or give --insecure",
    cause: error,
  });
}
