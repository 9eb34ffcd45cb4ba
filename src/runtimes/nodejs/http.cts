/**
 * A strict HTTP/1.1 server of two paths on a Unix socket: `POST /init` and `POST /run`, keep-alive, one request at a time on a
 * connection, bodies with a length. It exists because it starts a millisecond faster than node:http and answers in half the
 * time; what it does not understand it refuses with 400 and closes. Its only client is the platform.
 */
import type * as Net from "node:net";
import type { Primordials } from "./primordials.cts";
import type { Server, Socket } from "node:net";

const { createServer } = require("node:net") as typeof Net;
const primordials = require("./primordials.cjs") as Primordials;
const { bufferAllocUnsafe, bufferByteLength, bufferConcat, bufferCopy, bufferIndexOf, bufferSubarray } = primordials;
const { jsonParse, latin1Slice, utf8Slice, regexpExec, socketDestroy, socketEnd, socketWrite } = primordials;

/** What answers: `reply` is called exactly once per request, with JSON text. */
interface RequestTarget {
  onInit(body: unknown, sentinelMark: string | undefined, reply: Reply): void;
  onRun(body: unknown, reply: Reply): void;
}

type Reply = (status: number, json: string) => void;

/** 48 MiB of code in base64 or JSON escapes, twice over. */
const BODY_BYTES_MAX = 134_217_728;
const HEAD_BYTES_MAX = 16_384;
const HEAD = /^POST (\/init|\/run) HTTP\/1\.1\r\n/;
const CONTENT_LENGTH = /\r\ncontent-length: *(\d{1,9}) *(?:\r\n|$)/i;
const TRANSFER_ENCODING = /\r\ntransfer-encoding:/i;
const SENTINEL_MARK = /\r\nx-skein-sentinel: *([0-9a-f]{1,64}|none) *(?:\r\n|$)/i;
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  502: "Bad Gateway",
};

interface Exchange {
  /** Bytes of a request whose head is not complete yet. */
  pending: Buffer | undefined;
  /** A request whose head is read. */
  request:
    | { readonly path: string; readonly mark: string | undefined; readonly body: Buffer; filled: number }
    | undefined;
  answering: boolean;
}

/**
 * Listens on the socket's path, or on a port of every address when it is a number: in an image nobody else can reach it. `ready`
 * is called once it does. An error of the server that nobody listens to ends the process.
 */
function listen(path: string, target: RequestTarget, ready: () => void): Server {
  const server = createServer((socket) => onConnection(socket, target));
  const port = Number(path);
  return server.listen(port > 0 ? { port, backlog: 512 } : { path, backlog: 512 }, ready);
}

function onConnection(socket: Socket, target: RequestTarget): void {
  const exchange: Exchange = { pending: undefined, request: undefined, answering: false };
  // The platform hung up (deadline, truncated answer): the run goes on, its answer goes nowhere.
  socket.on("error", () => socketDestroy(socket));
  socket.on("data", (chunk: Buffer) => {
    const complete = !exchange.answering && take(exchange, chunk);
    if (complete === "more") return;
    if (!complete || exchange.request === undefined) {
      // Pipelining included: bytes that no answer asked for.
      socketEnd(socket, responseText(400, '{"error":"bad request"}'));
      return;
    }
    const { path, mark, body } = exchange.request;
    exchange.request = undefined;
    exchange.answering = true;
    const reply: Reply = (status, json) => {
      if (!exchange.answering) return;
      exchange.answering = false;
      socketWrite(socket, responseText(status, json));
    };
    let value: unknown;
    try {
      value = jsonParse(utf8Slice(body, 0, body.length));
    } catch {
      reply(400, '{"error":"the request is not JSON"}');
      return;
    }
    if (path === "/run") target.onRun(value, reply);
    else target.onInit(value, mark, reply);
  });
}

/** Adds a chunk: true when a request is whole, "more" when it is not, false when it is none. */
function take(exchange: Exchange, chunk: Buffer): boolean | "more" {
  if (exchange.request !== undefined) return fill(exchange.request, chunk, 0);
  const bytes = exchange.pending === undefined ? chunk : bufferConcat([exchange.pending, chunk]);
  const headEnd = bufferIndexOf(bytes, "\r\n\r\n", 0, "latin1");
  if (headEnd < 0) {
    exchange.pending = bytes;
    return bytes.length > HEAD_BYTES_MAX ? false : "more";
  }
  exchange.pending = undefined;
  const head = latin1Slice(bytes, 0, headEnd);
  const path = regexpExec(HEAD, head)?.[1];
  const length = Number(regexpExec(CONTENT_LENGTH, head)?.[1] ?? "NaN");
  if (path === undefined || !(length <= BODY_BYTES_MAX) || regexpExec(TRANSFER_ENCODING, head) !== null) return false;
  const mark = path === "/init" ? regexpExec(SENTINEL_MARK, head)?.[1] : undefined;
  const start = headEnd + 4;
  if (bytes.length - start === length) {
    exchange.request = { path, mark, body: bufferSubarray(bytes, start), filled: length };
    return true;
  }
  exchange.request = { path, mark, body: bufferAllocUnsafe(length), filled: 0 };
  return fill(exchange.request, bytes, start);
}

function fill(request: NonNullable<Exchange["request"]>, chunk: Buffer, start: number): boolean | "more" {
  if (chunk.length - start > request.body.length - request.filled) return false;
  request.filled += bufferCopy(chunk, request.body, request.filled, start);
  return request.filled === request.body.length ? true : "more";
}

function responseText(status: number, json: string): string {
  const length = bufferByteLength(json);
  return `HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${json}`;
}

const http = { listen };
module.exports = http;
export type Http = typeof http;
export type { Reply, RequestTarget };
