import { connect, type Socket } from "node:net";
import type { RuntimeAnswer } from "../factory.ts";
import { ResponseReader } from "./response.ts";

/** Where a container listens: a process on a Unix socket, an image on a port of its own address. */
export type ContainerAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** Reads of all connections land here and are used up before the next one: no read allocates. */
const READ_BUFFER = Buffer.allocUnsafe(65_536);

interface Exchange {
  readonly reader: ResponseReader;
  readonly settle: (answer: RuntimeAnswer) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One keep-alive connection, one exchange at a time. Once anything unexpected happened on it, bytes that nobody asked for
 * included, it is closed and never used again.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #resultBytesMax: number;
  readonly #opened = Promise.withResolvers<void>();
  #exchange: Exchange | undefined;
  #closed = false;

  /** Begins to connect; requests may be sent at once and go out when it stands. */
  constructor(address: ContainerAddress, options: { readonly resultBytesMax: number; readonly onClosed: () => void }) {
    this.#resultBytesMax = options.resultBytesMax;
    const target = address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
    this.#socket = connect({
      ...target,
      noDelay: true,
      onread: { buffer: READ_BUFFER, callback: (length) => this.#onBytes(length) },
    });
    // Opening is awaited only by those who ask for it.
    this.#opened.promise.catch(() => undefined);
    this.#socket.on("connect", () => this.#opened.resolve());
    this.#socket.on("error", (error) => this.#opened.reject(error));
    // A half-closed connection gives no second answer.
    this.#socket.on("end", () => this.close());
    this.#socket.on("close", () => {
      this.#closed = true;
      this.#opened.reject(new Error("closed"));
      this.#settle({ kind: "gone", reason: "connection" });
      options.onClosed();
    });
  }

  /** Resolves when it stands, rejects with the socket's error. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends a request and waits for its answer, at most `timeoutMs`. Never rejects. Not to be called while one is out. */
  exchange(request: string, timeoutMs: number): Promise<RuntimeAnswer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settle({ kind: "timeout" });
        this.close();
      }, timeoutMs);
      this.#exchange = { reader: new ResponseReader(this.#resultBytesMax), settle: resolve, timer };
      if (this.#closed) this.#settle({ kind: "gone", reason: "connection" });
      else this.#socket.write(request, "utf8");
    });
  }

  /** Closes at once; an exchange under way ends as gone. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #onBytes(length: number): boolean {
    const response = this.#exchange?.reader.take(READ_BUFFER.subarray(0, length)) ?? "invalid";
    if (response === "more") return true;
    if (response === "invalid") {
      this.close();
      return false;
    }
    // Closed before it settles, so that whoever is told cannot take it up again.
    if (!response.reusable) this.close();
    this.#settle({ kind: "answer", status: response.status, body: response.body });
    return true;
  }

  #settle(answer: RuntimeAnswer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    clearTimeout(exchange.timer);
    exchange.settle(answer);
  }
}
