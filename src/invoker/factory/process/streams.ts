import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { signal } from "./proc.ts";

/** What a container's process writes to, by descriptor: 1, 2 and 3. */
export type StreamName = "stdout" | "stderr" | "ready";

/** The platform's ends of a container's streams. */
export type Streams = Readonly<Record<StreamName, Socket>>;

interface Expected {
  readonly arrived: Map<StreamName, Socket>;
  readonly whole: PromiseWithResolvers<Streams>;
}

const HEADER = /^([0-9a-f]{32}) (stdout|stderr|ready)$/;
const HEADER_BYTES_MAX = 64;
/** Chosen: the spawner writes its header in the same breath as it connects. */
const HEADER_MS = 5000;
/** Connections that have not said yet whose they are: three for each order that the spawner fulfils while this process is busy. */
const UNNAMED_MAX = 511;
const NEWLINE = 10;

/**
 * Where containers' streams arrive: a Unix socket in a folder that is the platform's alone. Whoever connects says first which
 * stream of which container it is, by a token that is good for one container and known to the platform and its spawner only; a
 * container that shares the platform's user can connect, but take nobody's place.
 */
export class StreamDesk {
  /** The socket's path. */
  readonly path: string;
  readonly #server: Server;
  readonly #expected = new Map<string, Expected>();
  readonly #unnamed = new Set<Socket>();

  /** Listens in `folder`, which it makes; sockets there of processes that are gone are removed. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    for (const name of readdirSync(folder)) {
      if (!signal(Number.parseInt(name, 10), 0)) rmSync(join(folder, name), { force: true });
    }
    this.path = join(folder, `${process.pid}-${randomBytes(4).toString("hex")}`);
    this.#server = createServer((socket) => this.#onConnection(socket));
    // Nobody can connect then, which the one who tries is told.
    this.#server.on("error", () => undefined);
    this.#server.listen({ path: this.path, backlog: UNNAMED_MAX });
    this.#server.unref();
  }

  /** Three streams are to come with this new token. Settles never by itself: the caller has the deadline, and `forget`s. */
  expect(): { readonly token: string; readonly streams: Promise<Streams> } {
    const token = randomBytes(16).toString("hex");
    const whole = Promise.withResolvers<Streams>();
    this.#expected.set(token, { arrived: new Map(), whole });
    return { token, streams: whole.promise };
  }

  /** Nobody waits for these streams any more; those that came are closed. */
  forget(token: string): void {
    const expected = this.#expected.get(token);
    this.#expected.delete(token);
    for (const socket of expected?.arrived.values() ?? []) socket.destroy();
  }

  /** Takes no more connections. Streams that were handed over stay. */
  close(): void {
    for (const token of this.#expected.keys()) this.forget(token);
    for (const socket of this.#unnamed) socket.destroy();
    this.#server.close();
  }

  #onConnection(socket: Socket): void {
    // An error of a stream is its end; `close` follows.
    socket.on("error", () => undefined);
    if (this.#unnamed.size >= UNNAMED_MAX) {
      socket.destroy();
      return;
    }
    this.#unnamed.add(socket);
    const timer = setTimeout(() => socket.destroy(), HEADER_MS).unref();
    let head: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const end = head.indexOf(NEWLINE);
      if (end < 0 && head.length <= HEADER_BYTES_MAX) return;
      socket.off("data", onData);
      socket.pause();
      onNamed();
      this.#onHeader(socket, head.toString("latin1", 0, Math.max(end, 0)), head.subarray(end + 1));
    };
    const onNamed = () => {
      clearTimeout(timer);
      this.#unnamed.delete(socket);
    };
    socket.on("data", onData);
    socket.once("close", onNamed);
  }

  /** `rest` is what the container wrote already. */
  #onHeader(socket: Socket, header: string, rest: Buffer): void {
    const [, token = "", name] = HEADER.exec(header) ?? [];
    const expected = this.#expected.get(token);
    if (expected === undefined || expected.arrived.has(name as StreamName)) {
      socket.destroy();
      return;
    }
    if (rest.length > 0) socket.unshift(rest);
    const { arrived, whole } = expected;
    arrived.set(name as StreamName, socket);
    const [stdout, stderr, ready] = [arrived.get("stdout"), arrived.get("stderr"), arrived.get("ready")];
    if (stdout === undefined || stderr === undefined || ready === undefined) return;
    this.#expected.delete(token);
    whole.resolve({ stdout, stderr, ready });
  }
}
