import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A process of the bench that serves HTTP on 127.0.0.1. */
export interface Server {
  readonly pid: number;
  readonly port: number;
  /** Asks it to stop, waits, and kills it when it does not. Idempotent. */
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly name: string;
  /** Arguments of this same node binary. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where its stderr goes; shown when it does not start. */
  readonly logFile: string;
}

const READY_MS = 30_000;
const STOP_MS = 20_000;
const READY = /^ready http:\/\/[^:]+:(\d+)/;

const alive = new Set<ChildProcess>();
// A bench that dies takes its processes along; SIGTERM, so that Skein can still end its containers.
process.once("exit", () => {
  for (const child of alive) child.kill("SIGTERM");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

/** Starts a server and waits for its line `ready http://host:port`. @throws when it ends or stays silent. */
export async function startServer(command: ServerCommand): Promise<Server> {
  const log = openSync(command.logFile, "a");
  const child = spawn(process.execPath, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ["ignore", "pipe", log],
  });
  closeSync(log);
  keep(child);
  try {
    const port = await portOf(child);
    if (child.pid === undefined) throw new Error("it has no pid");
    return { pid: child.pid, port, stop: () => stopChild(child) };
  } catch (error) {
    await stopChild(child);
    throw new Error(`${command.name} did not start\n${tailOf(command.logFile)}`, { cause: error });
  }
}

/** Sees to it that the child does not outlive the bench. */
export function keep(child: ChildProcess): void {
  alive.add(child);
  child.once("exit", () => alive.delete(child));
}

/** SIGTERM, and SIGKILL for those who do not go. Resolves when it is gone. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(timer);
}

/** The last lines of a log file. */
export function tailOf(file: string): string {
  try {
    return readFileSync(file, "utf8").split("\n").slice(-20).join("\n");
  } catch {
    return ""; // It never said anything.
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ready line within ${READY_MS} ms`)), READY_MS);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`it ended with ${code ?? signal ?? "nothing"}`));
    });
    if (child.stdout === null) return;
    // The interface stays: a pipe that nobody reads would stop a talkative process.
    createInterface({ input: child.stdout }).on("line", (line) => {
      const port = READY.exec(line)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}
