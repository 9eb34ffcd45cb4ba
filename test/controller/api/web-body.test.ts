import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { test } from "node:test";
import { readBody } from "../../../src/controller/api/web-body.ts";
import { isPlatformError } from "../../../src/kernel/errors.ts";

const BYTES_MAX = 100;

/** What reading the body of one request comes to: its text, or the refusal's code. `send` writes the request, `meanwhile` goes on. */
async function read(
  send: (socket: Socket) => void,
  meanwhile: (request: IncomingMessage, socket: Socket) => Promise<void> | void = () => {},
): Promise<string> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  try {
    const arrived = once(server, "request") as Promise<[IncomingMessage]>;
    send(socket);
    const [request] = await arrived;
    const first = meanwhile(request, socket);
    if (first !== undefined) await first;
    return (await readBody(request, BYTES_MAX)).toString();
  } catch (error) {
    assert.ok(isPlatformError(error), String(error));
    return error.code;
  } finally {
    socket.destroy();
    server.close();
    server.closeAllConnections();
  }
}

const announce = (header: string, body: string) => (socket: Socket) =>
  void socket.write(`GET / HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n${body}`);
const chunked = (...chunks: string[]): string =>
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");

test("a body arrives whole, in one piece or in many; no body is empty", async () => {
  assert.equal(await read(announce("a: b", "")), "");
  assert.equal(await read(announce("content-length: 0", "")), "");
  assert.equal(await read(announce("content-length: 5", "hello")), "hello");
  assert.equal(await read(announce("transfer-encoding: chunked", chunked("he", "llo", ""))), "hello");
  assert.equal(await read(announce("content-length: 100", "x".repeat(100))), "x".repeat(100));
});

test("one byte too many is refused, announced or not", async () => {
  assert.equal(await read(announce("content-length: 101", "")), "request/too-large");
  assert.equal(
    await read(announce("transfer-encoding: chunked", chunked("x".repeat(60), "x".repeat(41)))),
    "request/too-large",
  );
});

test("a caller who goes away half-way is not waited for, whenever he goes", async () => {
  for (const header of ["content-length: 10", "transfer-encoding: chunked"]) {
    const later = (_: IncomingMessage, socket: Socket): void => void setImmediate(() => socket.destroy());
    assert.equal(await read(announce(header, "3"), later), "request/malformed", `${header}, while it is read`);
    const before = async (request: IncomingMessage, socket: Socket): Promise<void> => {
      socket.destroy();
      // Not by `once`, which takes an error for the end: half a chunk is one.
      await new Promise((resolve) => void request.socket.once("close", resolve));
    };
    assert.equal(await read(announce(header, "3"), before), "request/malformed", `${header}, before it is read`);
  }
});
