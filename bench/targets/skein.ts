import { randomBytes, randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultRunDir } from "../../src/invoker/factory/process/run-dir.ts";
import { type Server, startServer, tailOf } from "../harness/processes.ts";
import { postBytes } from "../load/connection.ts";
import type { Expectation, Target } from "../load/job.ts";

/** A Skein of its own, from `dist/`, with what it takes to talk to it. */
export interface Skein extends Server {
  /** `PUT` of an action; resolves when it is acknowledged. */
  deploy(name: string, code: string, limits?: Readonly<Record<string, number>>): Promise<void>;
  /** Calls the API and gives the JSON back. @throws on any other status than 2xx, with the end of Skein's log. */
  call(method: string, path: string, body?: object): Promise<unknown>;
  /** The end of its log: for errors. */
  logTail(): string;
  /** One action's invocation as a target for load. */
  target(name: string, invocation: Invocation): Target;
  /** A POST of JSON to any path as a target for load. */
  targetAt(name: string, path: string, exchange: Pick<Invocation, "body" | "expect">): Target;
}

export interface Invocation {
  readonly action: string;
  /** Such as `blocking=true&result=true`. */
  readonly query: string;
  readonly body: string;
  readonly expect: Expectation;
}

/** Options for `skein.yaml`, over the defaults. */
export type SkeinConfig = Readonly<Record<string, object>>;

const BIN = fileURLToPath(new URL("../../bin/skein.js", import.meta.url));
const NAMESPACE = "/api/v1/namespaces/_";
const KIND = "nodejs:24";
// The defaults (60,000 a minute, 1,000 at once) are there to stop loops; here they would stop the bench after a few seconds.
const LIMITS = {
  invocationsPerMinute: 1_000_000_000,
  firesPerMinute: 1_000_000_000,
  concurrentInvocations: 1_000_000,
};

/** Starts Skein with a data folder in `folder`, and waits until it is ready. Defaults hold but for `config` and the limits of a namespace. */
export async function startSkein(folder: string, config: SkeinConfig = {}): Promise<Skein> {
  const key = `${randomUUID()}:${randomBytes(32).toString("hex")}`;
  const file = join(folder, "skein.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ limits: LIMITS, ...config }));
  const logFile = join(folder, "skein.log");
  const data = join(folder, "data");
  const server = await startServer({
    name: "skein",
    args: [BIN, "up", "--port", "0", "--data", data],
    cwd: folder,
    env: { ...withoutSkein(process.env), SKEIN_GUEST_KEY: key },
    logFile,
  });
  const authorization = `Basic ${Buffer.from(key).toString("base64")}`;
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${NAMESPACE}${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}\n${tailOf(logFile)}`);
    return JSON.parse(text) as unknown;
  };
  const targetAt: Skein["targetAt"] = (name, path, { body, expect }) => ({
    name,
    port: server.port,
    request: postBytes(server.port, path, { body, authorization }),
    expect,
  });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      // What it keeps for its next start, which there will not be.
      rmSync(defaultRunDir(data), { recursive: true, force: true });
    },
    call,
    logTail: () => tailOf(logFile),
    deploy: async (name, code, limits) => {
      await call("PUT", `/actions/${name}?overwrite=true`, {
        exec: { kind: KIND, code },
        ...(limits === undefined ? {} : { limits }),
      });
    },
    targetAt,
    target: (name, { action, query, body, expect }) =>
      targetAt(name, `${NAMESPACE}/actions/${action}?${query}`, { body, expect }),
  };
}

/** The environment less what would configure a Skein: the bench measures defaults, not the caller's shell. */
function withoutSkein(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("SKEIN_")));
}
