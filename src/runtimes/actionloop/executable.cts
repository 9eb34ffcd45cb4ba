/** An action's process: lines in on stdin, lines out on descriptor 3, stdout and stderr the container's own. */
import type * as ChildProcess from "node:child_process";
import type * as Path from "node:path";
import type { Readable } from "node:stream";

const { spawn } = require("node:child_process") as typeof ChildProcess;
const paths = require("node:path") as typeof Path;

interface Executable {
  /** Sends a line and waits for one. One at a time. Rejects with a text when there will be none. */
  interact(line: string): Promise<Buffer>;
}

/** Milliseconds in which a process that cannot work usually ends; the Go proxy's. */
const START_MS = 5;
/** Bytes of one answer; far beyond a result's limit, which the platform enforces and words. */
const LINE_BYTES_MAX = 134_217_728;
const NEWLINE = 10;
/** Set and not empty, it makes init wait for the executable's `{"ok":true}`; launchers look at it before they send one. */
const ACK_VARIABLE = "__OW_WAIT_FOR_ACK";
const EXITED = "command exited";

/** Starts the file. Rejects with an Error when it ends at once, or does not acknowledge though it should. */
async function startExecutable(file: string, env: NodeJS.ProcessEnv): Promise<Executable> {
  const child = spawn(file, [], { cwd: paths.dirname(file), env, stdio: ["pipe", "inherit", "inherit", "pipe"] });
  const lines = new Lines(child.stdio[3] as Readable);
  const ended = new Promise<string>((resolve) => {
    const onEnd = (words: string): void => {
      lines.end();
      resolve(words);
    };
    child.once("error", (error) => onEnd(error.message));
    // What it answered last is in the pipe by then, and read within two turns of the loop.
    child.once("exit", () => setImmediate(() => setImmediate(() => onEnd(EXITED))));
  });
  // Broken when it ends, which is told by its exit.
  child.stdin?.on("error", () => undefined);
  if ((env[ACK_VARIABLE] ?? "") === "") await isStarted(ended);
  else await isAcknowledged(lines);
  return {
    interact: (line) => {
      lines.dropStray();
      const answer = lines.next();
      child.stdin?.write(`${line}\n`);
      return answer;
    },
  };
}

async function isStarted(ended: Promise<string>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), START_MS);
  });
  const words = await Promise.race([patience, ended]);
  clearTimeout(timer);
  if (words !== undefined) throw new Error(words);
}

async function isAcknowledged(lines: Lines): Promise<void> {
  const line = await lines.next().catch(() => undefined);
  if (line === undefined) throw new Error("Command exited abruptly during initialization.");
  let ok: unknown;
  try {
    ok = (JSON.parse(line.toString("utf8")) as { ok?: unknown } | null)?.ok;
  } catch {
    // Not even JSON.
  }
  if (ok !== true) throw new Error("The action did not initialize properly.");
}

/** Cuts a stream into lines, one of which is waited for at most. */
class Lines {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Came while nobody waited: an acknowledgement that nobody asked for, or a second answer. */
  #stray: Buffer[] = [];
  #waiter: { readonly resolve: (line: Buffer) => void; readonly reject: (words: string) => void } | undefined;
  #failure: string | undefined;

  constructor(stream: Readable) {
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("error", () => this.end());
    stream.on("end", () => this.end());
  }

  next(): Promise<Buffer> {
    const early = this.#stray.shift();
    if (early !== undefined) return Promise.resolve(early);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** An answer that was not asked for is nobody's; the next run must not get it. */
  dropStray(): void {
    this.#stray = [];
    this.#chunks = [];
    this.#bytes = 0;
  }

  /** No more lines come. */
  end(reason: string = EXITED): void {
    this.#failure ??= reason;
    this.#waiter?.reject(this.#failure);
    this.#waiter = undefined;
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE)) {
      this.#chunks.push(rest.subarray(0, at));
      this.#onLine(Buffer.concat(this.#chunks));
      this.#chunks = [];
      this.#bytes = 0;
      rest = rest.subarray(at + 1);
    }
    if (rest.length === 0) return;
    this.#bytes += rest.length;
    if (this.#bytes <= LINE_BYTES_MAX) this.#chunks.push(rest);
    else this.end(`the answer is longer than ${LINE_BYTES_MAX} bytes`);
  }

  #onLine(line: Buffer): void {
    if (this.#waiter === undefined) {
      // One is enough for an acknowledgement that comes before it is waited for.
      if (this.#stray.length === 0) this.#stray.push(line);
      return;
    }
    this.#waiter.resolve(line);
    this.#waiter = undefined;
  }
}

const executables = { startExecutable };
module.exports = executables;
export type Executables = typeof executables;
export type { Executable };
