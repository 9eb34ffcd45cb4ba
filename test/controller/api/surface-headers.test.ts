import assert from "node:assert/strict";
import { once } from "node:events";
import { METHODS } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { answerSocketFault } from "../../../src/controller/api/failure.ts";
import { GUEST, type Harness, type Reply, source, startApi, SYSTEM } from "./harness.ts";

/** Outside of the described tree. */
const PLATFORM = (
  "/ /ping /status /api/v1 /api/v1/ /api-docs /api/v1/api-docs /docs /api/v1/docs /invokers /invokers/ /invokers/healthy/count " +
  "/invokers/ready /metrics /activation /activation/ /activation/count /enable /admin/users /admin/users/x /admin/whois " +
  "/admin/namespaces/x /admin/limits/x"
).split(" ");
const NOWHERE = ["/nowhere", "/api/v1/nowhere", "/api/v1/namespaces/_/nothing", "/api/v1/namespaces/_/actions/a/b/c"];
/** Answered by tunnelling, which no server of pages does: node ends the connection. */
const TUNNEL = "CONNECT";
const ID = /^[0-9a-zA-Z]{32}$/;

test("every answer to every verb at every route has CORS headers and names its transaction", async () => {
  await using api = await startApi();
  const { body } = await api.call("GET", "/api/v1/api-docs", { auth: null });
  const served = Object.keys(body.paths as object).map((template) => `/api/v1${template.replaceAll(/\{\w+\}/g, "x")}`);
  assert.ok(served.length > 15);
  // Web actions answer with headers of their own: test/controller/web.
  const paths = [...served.filter((path) => !path.startsWith("/api/v1/web")), ...PLATFORM, ...NOWHERE];
  for (const method of METHODS.filter((verb) => verb !== TUNNEL)) {
    for (const path of paths) {
      for (const auth of [null, GUEST, SYSTEM]) {
        const reply = await api.call(method, path, { auth, swagger: false });
        requireHeaders(reply, `${method} ${path} as ${auth ?? "nobody"}`);
        if (method === "OPTIONS") assert.equal(reply.status, 200);
        else if (reply.status >= 400 && method !== "HEAD" && path !== "/invokers/ready") requireError(reply);
      }
    }
  }
});

test("refusals before anything is looked at have them too", async () => {
  await using api = await startApi({ options: { server: { bodyBytesMax: 2048 } } });
  const place = "/api/v1/namespaces/_/actions/a";
  const text = { "content-type": "text/plain" };
  const chunked = { "transfer-encoding": "chunked", "content-type": "application/json" };
  const refused: readonly [number, Reply][] = [
    [414, await api.call("GET", `/${"x".repeat(9000)}`)],
    [413, await api.call("PUT", place, { json: source("x".repeat(4096)) })],
    [413, await api.call("PUT", place, { raw: "x".repeat(4096), headers: chunked })],
    [415, await api.call("PUT", place, { raw: "{}", headers: text })],
    [400, await api.call("PUT", place, { raw: "{", headers: { "content-type": "application/json" } })],
    [400, await api.call("GET", "/api/v1/namespaces/_/actions/%zz")],
    [401, await api.call("GET", place, { auth: null })],
    [404, await api.call("GET", place, { headers: { expect: "a-miracle" } })],
  ];
  for (const [status, reply] of refused) {
    assert.equal(reply.status, status, reply.text);
    requireHeaders(reply, String(status));
    requireError(reply);
  }
});

test("a request without a host is refused in the same words", async () => {
  await using api = await startApi();
  const reply = await send(api, "GET /ping HTTP/1.1\r\nconnection: close\r\n\r\n");
  assert.equal(reply.status, 400);
  requireHeaders(reply, "no host");
  requireError(reply);
  assert.equal((await send(api, "GET /ping HTTP/1.0\r\n\r\n")).text, "pong", "which HTTP/1.0 does without");
});

test("what never became a request is answered with them", async () => {
  await using api = await startApi();
  for (const [bytes, status] of [
    ["NONSENSE\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(40_000)}\r\n\r\n`, 431],
  ] as const) {
    const reply = await send(api, bytes);
    assert.equal(reply.status, status);
    requireHeaders(reply, bytes.slice(0, 30));
    requireError(reply);
  }
});

test("a client that stops half-way hears so with them", () => {
  let text = "";
  const socket = { writable: true, end: (bytes: string) => (text = bytes) } as unknown as Socket;
  answerSocketFault(Object.assign(new Error("slow"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), socket);
  const reply = replyOf(text);
  assert.equal(reply.status, 408);
  requireHeaders(reply, "timeout");
  requireError(reply);
});

test("a caller's own transaction id comes back in answers and errors", async () => {
  await using api = await startApi();
  for (const path of ["/ping", "/nowhere", "/api/v1/namespaces", "/api/v1/namespaces/_/actions/none"]) {
    for (const auth of [null, GUEST]) {
      const reply = await api.call("GET", path, { auth, headers: { "x-request-id": "mine-1" } });
      assert.equal(reply.headers["x-request-id"], "mine-1");
      if (reply.status >= 400) assert.equal(reply.body.code, "mine-1");
    }
  }
});

function requireHeaders({ headers }: Reply, where: string): void {
  assert.equal(headers["access-control-allow-origin"], "*", where);
  const allowed = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent";
  assert.equal(headers["access-control-allow-headers"], allowed, where);
  assert.equal(headers["access-control-allow-methods"], "GET, DELETE, POST, PUT, HEAD", where);
  assert.match(String(headers["x-request-id"]), ID, where);
}

function requireError({ headers, body }: Reply): void {
  assert.equal(typeof body.error, "string");
  assert.equal(body.code, headers["x-request-id"]);
  assert.ok(headers["x-skein-error"] !== undefined);
}

/** Exactly these bytes, and what comes back before the connection ends. */
async function send(api: Harness, bytes: string): Promise<Reply> {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.write(bytes);
  await once(socket, "close");
  return replyOf(text);
}

function replyOf(text: string): Reply {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const isJson = headers["content-type"] === "application/json";
  return { status: Number(first.split(" ")[1]), headers, text: body, body: isJson ? JSON.parse(body) : body };
}
