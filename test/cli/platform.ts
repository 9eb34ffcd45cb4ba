import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** The key that the platform in these tests knows. */
export const KEY = `23bc46b1-71f6-4ed5-8c54-816aa4f8c502:${"k".repeat(64)}`;
/** The id of every activation it makes. */
export const ID = `018bcfe56800${"a".repeat(20)}`;

/** One request as it came in. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly body: unknown;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

export interface FakePlatform {
  readonly url: string;
  readonly seen: Seen[];
  /** What it answers next, before it goes back to its usual answers. */
  readonly next: Reply[];
  readonly close: () => Promise<void>;
}

/** A server with the shapes of OpenWhisk's API: enough for the CLI, nothing runs. */
export async function fakePlatform(): Promise<FakePlatform> {
  const seen: Seen[] = [];
  const next: Reply[] = [];
  const server: Server = createServer((request, response) => {
    void read(request).then((body) => {
      const url = new URL(request.url ?? "/", "http://x");
      const query = Object.fromEntries(url.searchParams);
      const one: Seen = { method: request.method ?? "", path: url.pathname, query, body };
      seen.push(one);
      const open = url.pathname === "/ping" || url.pathname === "/";
      const known = request.headers.authorization === `Basic ${btoa(KEY)}`;
      const reply = next.shift() ?? (open || known ? usual(one) : unauthorised);
      const text = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
      const type = typeof reply.body === "string" ? "text/plain" : "application/json";
      response.writeHead(reply.status, { "content-type": type, ...reply.headers }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    next,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const unauthorised: Reply = {
  status: 401,
  body: { error: "The supplied authentication is invalid", code: "tid1" },
  headers: { "x-skein-error": "auth/invalid" },
};

/** An error as the platform words it. */
export function refusal(status: number, error: string, code?: string): Reply {
  return { status, body: { error, code: "tid1" }, headers: code === undefined ? {} : { "x-skein-error": code } };
}

export const record = {
  namespace: "guest",
  name: "hello",
  version: "0.0.1",
  subject: "guest",
  activationId: ID,
  start: 1_700_000_000_000,
  end: 1_700_000_000_042,
  duration: 42,
  response: { status: "success", success: true, result: { greeting: "Hello Ada" } },
  logs: ["2023-11-14T22:13:20.000000000Z stdout: hi"],
  annotations: [
    { key: "path", value: "guest/hello" },
    { key: "waitTime", value: 3 },
    { key: "initTime", value: 20 },
  ],
  publish: false,
};

const action = {
  namespace: "guest",
  name: "hello",
  version: "0.0.1",
  updated: 1_700_000_000_000,
  publish: false,
  exec: { kind: "nodejs:24", binary: false, code: "function main() {}" },
  limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
  parameters: [{ key: "who", value: "you" }],
  annotations: [{ key: "exec", value: "nodejs:24" }],
};

function usual({ method, path, query, body }: Seen): Reply {
  if (path === "/ping") return { status: 200, body: "pong" };
  if (path === "/") {
    const runtimes = { nodejs: [{ kind: "nodejs:24", default: true }] };
    return { status: 200, body: { description: "Skein", api_paths: ["/api/v1"], runtimes } };
  }
  if (path === "/status") return { status: 200, body: { inFlight: 0, invoker: { freeMb: 512 } } };
  if (path === "/api/v1/namespaces") return { status: 200, body: ["guest"] };
  if (path === "/api/v1/namespaces/_/actions") return { status: 200, body: [action] };
  if (path === "/api/v1/namespaces/_/activations") {
    const { response: _, logs: __, ...brief } = record;
    return { status: 200, body: [{ ...brief, statusCode: 0 }] };
  }
  const part = /\/activations\/\w+(?:\/(\w+))?$/.exec(path);
  if (part !== null) return { status: 200, body: partOf(part[1]) };
  if (method === "POST") return invoked(query);
  if (method === "PUT") return { status: 200, body: { ...action, ...(body as object) } };
  return { status: 200, body: action };
}

function partOf(part: string | undefined): unknown {
  if (part === "logs") return { logs: record.logs };
  return part === "result" ? record.response : record;
}

function invoked(query: Record<string, string>): Reply {
  const headers = { "x-openwhisk-activation-id": ID };
  if (query["blocking"] !== "true") return { status: 202, body: { activationId: ID }, headers };
  return { status: 200, body: query["result"] === "true" ? record.response.result : { ...record, logs: [] }, headers };
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}
