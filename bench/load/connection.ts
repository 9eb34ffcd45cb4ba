import { connect, type Socket } from "node:net";

/** What came back, as text: bodies of the bench are ASCII. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

const RECEIVE_BYTES = 65_536;
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * One keep-alive HTTP/1.1 connection with one request in flight. It writes bytes made beforehand and understands no more of HTTP than
 * a status line and `content-length`: a full client would cost more than the bare echo it measures.
 */
export class Connection {
  readonly #socket: Socket;
  #received = "";
  #onAnswer: ((answer: Answer | Error) => void) | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let connection: Connection | undefined;
      const socket = connect({
        host: "127.0.0.1",
        port,
        noDelay: true,
        // One buffer for the life of the connection, and no stream machinery in between.
        onread: {
          buffer: Buffer.allocUnsafe(RECEIVE_BYTES),
          callback: (bytes, buffer) => {
            connection?.onData((buffer as Buffer).toString("latin1", 0, bytes));
            return true;
          },
        },
      });
      socket.once("connect", () => {
        connection = new Connection(socket);
        resolve(connection);
      });
      socket.once("error", (error) => {
        if (connection === undefined) reject(error);
        else connection.onEnd(error);
      });
      socket.once("close", () => connection?.onEnd(new Error("the server closed the connection")));
    });
  }

  get usable(): boolean {
    return !this.#closed;
  }

  /** Sends one request; the callback gets its answer, or why there is none. */
  send(request: Buffer, onAnswer: (answer: Answer | Error) => void): void {
    if (this.#onAnswer !== undefined) throw new Error("a request is already in flight on this connection");
    this.#onAnswer = onAnswer;
    if (this.#closed) this.onEnd(new Error("the connection is closed"));
    else this.#socket.write(request);
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  private onData(text: string): void {
    this.#received = this.#received === "" ? text : this.#received + text;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const length = CONTENT_LENGTH.exec(this.#received)?.[1];
    const bodyStart = headEnd + 4;
    if (length === undefined) {
      this.#answer(new Error(`an answer without content-length: ${this.#received.slice(0, headEnd)}`));
      return;
    }
    const end = bodyStart + Number(length);
    if (this.#received.length < end) return;
    const answer = { status: Number(this.#received.slice(9, 12)), body: this.#received.slice(bodyStart, end) };
    this.#received = this.#received.slice(end);
    this.#answer(answer);
  }

  private onEnd(error: Error): void {
    this.#closed = true;
    this.#answer(error);
  }

  #answer(answer: Answer | Error): void {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = undefined;
    onAnswer?.(answer);
  }
}

/** The bytes of one POST with a JSON body. */
export function postBytes(port: number, path: string, options: { body: string; authorization?: string }): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    ...(options.authorization === undefined ? [] : [`authorization: ${options.authorization}`]),
    "content-type: application/json",
    "accept: application/json",
    `content-length: ${Buffer.byteLength(options.body)}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${options.body}`;
}
