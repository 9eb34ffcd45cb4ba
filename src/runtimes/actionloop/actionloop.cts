/**
 * The runtime of kind `actionloop:1`: a proxy between the platform's `/init` and `/run` and an executable that loops, the way
 * OpenWhisk's Go proxy does it. Init writes the code down (a script with `#!`, an executable, or a zip with `exec` at its root) and
 * starts it; each run is one line of JSON on its stdin, and one line on its descriptor 3 is the answer. What it prints goes to the
 * container's own streams, no hands in between. Words and statuses are the Go proxy's, for clients match on them.
 */
import type * as Fs from "node:fs";
import type { Executable, Executables } from "./executable.cts";
import type { Http, Reply } from "../nodejs/http.cts";
import type { Output } from "../nodejs/output.cts";
import type { Code, CodeFiles } from "./code.cts";

const { closeSync, writeSync } = require("node:fs") as typeof Fs;
const { listen } = require("./http.cjs") as Http;
const output = require("./output.cjs") as Output;
const { writeCode } = require("./code.cjs") as CodeFiles;
const { startExecutable } = require("./executable.cjs") as Executables;

/** Runs that wait for the one before them; chosen: as many as one action may have at once. */
const WAITING_MAX = 500;

/** The environment that the runtime reads, and takes out before the action's executable starts. */
export interface RuntimeEnvironment {
  /** Path of the Unix socket to listen on; in an image the TCP port, 8080. */
  readonly __SKEIN_SOCKET: string;
  /** A descriptor that gets one byte, and is closed, once the runtime listens. */
  readonly __SKEIN_READY_FD?: string;
}

interface Fields {
  readonly [field: string]: unknown;
}

/** Init once, then runs, one after the other. */
class Proxy {
  readonly #folder: string;
  #state: "ready" | "starting" | "started" | "stopped" = "ready";
  #executable: Executable | undefined;
  readonly #waiting: { readonly body: unknown; readonly reply: Reply }[] = [];
  #running = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  onInit(body: unknown, sentinelMark: string | undefined, reply: Reply): void {
    if (this.#executable !== undefined) return refuse(reply, 403, "Cannot initialize the action more than once.");
    if (this.#state !== "ready") return refuse(reply, 403, `System not ready, status is ${this.#state}.`);
    if (sentinelMark !== undefined) output.markSentinels(sentinelMark);
    const { code, binary, env } = fieldsOf(fieldsOf(body)["value"]);
    if (typeof code !== "string" || code === "") {
      refuse(reply, 403, "Missing main/no code to execute.");
      return output.writeSentinels();
    }
    this.#state = "starting";
    void this.#start({ text: code, binary: binary === true, folder: this.#folder }, fieldsOf(env), reply);
  }

  onRun(body: unknown, reply: Reply): void {
    if (this.#executable === undefined) return refuse(reply, 500, "no action defined yet");
    if (this.#waiting.length >= WAITING_MAX) return refuse(reply, 403, "System not ready, status is running.");
    this.#waiting.push({ body, reply });
    if (!this.#running) void this.#runAll(this.#executable);
  }

  async #start(code: Code, env: Fields, reply: Reply): Promise<void> {
    let words = "The action failed to generate or locate a binary. See logs for details.";
    try {
      const file = await writeCode(code);
      words = "Cannot start action. Check logs for details.";
      this.#executable = await startExecutable(file, { ...process.env, ...textsOf(env) });
      this.#state = "started";
      reply(200, '{"ok":true}');
    } catch (error) {
      this.#state = "stopped";
      output.writeError(error instanceof Error ? error.message : String(error));
      reply(502, JSON.stringify({ error: words }));
      output.writeSentinels();
    }
  }

  async #runAll(executable: Executable): Promise<void> {
    this.#running = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { body, reply } = next;
      const line = await executable.interact(lineOf(body)).catch((error: unknown) => String(error));
      answer(reply, line);
      output.writeSentinels();
    }
    this.#running = false;
  }
}

/** One line, also to those who take Unicode's separators for line ends, as node's readline does; JSON escapes the others anyway. */
function lineOf(body: unknown): string {
  return JSON.stringify(body).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** A text that came instead of a line says why there is none. */
function answer(reply: Reply, line: Buffer | string): void {
  if (typeof line === "string") {
    output.writeError(line);
    return reply(400, JSON.stringify({ error: line }));
  }
  const text = line.toString("utf8");
  if (isResult(text)) return reply(200, text);
  output.writeError(`The answer on descriptor 3 is no JSON object or array: ${text.slice(0, 200)}`);
  reply(502, '{"error":"The action did not return a dictionary or array."}');
}

function isResult(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

function refuse(reply: Reply, status: number, words: string): void {
  output.writeError(words);
  reply(status, JSON.stringify({ error: words }));
}

/** Values of init's `env` as the other runtimes give them: texts as they are, nothing for null, else JSON. */
function textsOf(env: Fields): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    texts[name] = typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
  }
  return texts;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function taken(name: keyof RuntimeEnvironment): string | undefined {
  const value = process.env[name];
  delete process.env[name];
  return value;
}

function main(): void {
  const socket = taken("__SKEIN_SOCKET");
  const readyFd = taken("__SKEIN_READY_FD");
  if (socket === undefined) throw new Error("__SKEIN_SOCKET is not set");
  listen(socket, new Proxy(process.cwd()), () => {
    if (readyFd === undefined) return;
    writeSync(Number(readyFd), "\n");
    closeSync(Number(readyFd));
  });
}

main();
