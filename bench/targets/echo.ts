import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Server, startServer } from "../harness/processes.ts";
import { postBytes } from "../load/connection.ts";
import type { Target } from "../load/job.ts";

/** Starts the bare `node:http` JSON echo. */
export function startEcho(folder: string): Promise<Server> {
  return start(folder, "echo", []);
}

/** Starts the echo with one hop to another process behind it, for as many requests at once as `peers`. */
export function startRelay(folder: string, peers: number): Promise<Server> {
  return start(folder, "relay", [String(peers)]);
}

/** Either of them as a target: what goes in comes out. */
export function echoTarget(name: string, server: Server, body: string): Target {
  return {
    name,
    port: server.port,
    request: postBytes(server.port, "/", { body }),
    expect: { status: 200, equals: body },
  };
}

function start(folder: string, name: string, args: readonly string[]): Promise<Server> {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  return startServer({
    name,
    args: [fileURLToPath(new URL(`${name}-main.ts`, import.meta.url)), ...args],
    cwd,
    env: process.env,
    logFile: join(folder, `${name}.log`),
  });
}
