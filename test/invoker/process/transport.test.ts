import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { RuntimeClient } from "../../../src/invoker/transport/client.ts";
import { ResponseReader } from "../../../src/invoker/transport/response.ts";

const GONE = { kind: "gone", reason: "connection" } as const;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"ok":42}';
const OK_ANSWER = { kind: "answer", status: 200, body: { kind: "json", value: { ok: 42 }, bytes: 9 } } as const;

/** A server that says what it is told to, whatever it is asked, and a client of it. */
async function speaking(
  t: TestContext,
  say: (socket: Socket, request: number) => void,
): Promise<RuntimeClient & { connections: () => number }> {
  const folder = mkdtempSync("/tmp/sk-");
  const path = `${folder}/s`;
  let connections = 0;
  let requests = 0;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", () => {
      requests += 1;
      say(socket, requests);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new RuntimeClient({ address: { kind: "unix", path }, resultBytesMax: 64 });
  t.after(() => {
    client.close();
    for (const socket of open) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return Object.assign(client, { connections: () => connections });
}

const ask = (client: RuntimeClient, timeoutMs = 5000) => client.post("/run", "{}", { timeoutMs });

const noAnswers: readonly (readonly [string, string])[] = [
  ["garbage", "hello\r\n\r\n"],
  ["no length", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n{}"],
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
  ["chunks and a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}"],
  ["204", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
  ["100", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}"],
  ["a folded header", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded\r\n\r\n{}"],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(20_000)}`],
  ["HTTP/2", "HTTP/2 200\r\nContent-Length: 2\r\n\r\n{}"],
];
for (const [what, bytes] of noAnswers) {
  test(`${what} is no answer, and the next request has a connection of its own`, async (t) => {
    const client = await speaking(t, (socket, request) => socket.write(request === 1 ? bytes : OK));
    assert.deepEqual(await ask(client), GONE);
    assert.deepEqual(await ask(client), OK_ANSWER);
    assert.equal(client.connections(), 2);
  });
}

test("answers come one after another on one connection", async (t) => {
  const client = await speaking(t, (socket) => socket.write(OK));
  for (let i = 0; i < 5; i += 1) assert.deepEqual(await ask(client), OK_ANSWER);
  assert.equal(client.connections(), 1);
});

test("a second answer in the same bytes never reaches the next request", async (t) => {
  const client = await speaking(t, (socket, request) => socket.write(request === 1 ? OK + OK.replace("42", "66") : OK));
  assert.deepEqual(await ask(client), OK_ANSWER);
  assert.deepEqual(await ask(client), OK_ANSWER);
  assert.equal(client.connections(), 2);
});

test("a second answer that comes later closes the connection", async (t) => {
  let socketOne: Socket | undefined;
  const client = await speaking(t, (socket, request) => {
    if (request === 1) socketOne = socket;
    socket.write(OK);
  });
  assert.deepEqual(await ask(client), OK_ANSWER);
  const closed = new Promise((resolve) => socketOne?.on("close", resolve));
  socketOne?.write(OK.replace("42", "66"));
  await closed;
  assert.deepEqual(await ask(client), OK_ANSWER);
  assert.equal(client.connections(), 2);
});

test("a close before the whole body is no answer", async (t) => {
  const client = await speaking(t, (socket) => socket.end(OK.slice(0, -1)));
  assert.deepEqual(await ask(client), GONE);
});

test("nobody listening is no answer", async (t) => {
  const client = await speaking(t, () => undefined);
  const lonely = new RuntimeClient({ address: { kind: "unix", path: "/tmp/skein-nobody" }, resultBytesMax: 64 });
  assert.deepEqual(await ask(lonely), GONE);
  await assert.rejects(lonely.connect(), { code: "ENOENT" });
  client.close();
  assert.deepEqual(await ask(client), GONE);
});

test("silence ends at the deadline, and a late answer reaches nobody", async (t) => {
  const client = await speaking(t, (socket, request) => (request === 1 ? undefined : socket.write(OK)));
  assert.deepEqual(await ask(client, 30), { kind: "timeout" });
  assert.deepEqual(await ask(client), OK_ANSWER);
});

test("a body over the bound is cut between characters and keeps its announced length", async (t) => {
  const body = `"${"é".repeat(500)}"`;
  const client = await speaking(t, (socket) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`),
  );
  const head = `"${"é".repeat(31)}`;
  assert.deepEqual(await ask(client), { kind: "answer", status: 200, body: { kind: "truncated", head, bytes: 1002 } });
});

test("a body that is no JSON is text, whatever its status", async (t) => {
  const client = await speaking(t, (socket) => socket.write("HTTP/1.1 502 Bad\r\ncontent-length: 4\r\n\r\noops"));
  assert.deepEqual(await ask(client), { kind: "answer", status: 502, body: { kind: "text", text: "oops", bytes: 4 } });
});

test("requests at once have a connection each", async (t) => {
  const waiting: Socket[] = [];
  const client = await speaking(t, (socket) => {
    waiting.push(socket);
    if (waiting.length === 10) for (const each of waiting) each.write(OK);
  });
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(client)));
  assert.deepEqual(
    answers,
    Array.from({ length: 10 }, () => OK_ANSWER),
  );
  assert.equal(client.connections(), 10);
});

test("an answer in pieces of any size is the same answer", () => {
  const bytes = Buffer.from(
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"text":"é😀"}'.replace("14", "17"),
  );
  const body = { kind: "json", value: { text: "é😀" }, bytes: 17 } as const;
  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new ResponseReader(1000);
    for (let from = 0; from < bytes.length; from += size) {
      const taken = reader.take(bytes.subarray(from, from + size));
      if (from + size < bytes.length) assert.equal(taken, "more");
      else assert.deepEqual(taken, { status: 200, body, reusable: true });
    }
  }
});
