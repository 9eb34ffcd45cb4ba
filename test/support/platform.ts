import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/skein.js", import.meta.url));
const READY_MS = 30_000;
const STOP_MS = 30_000;
const RECORDS_PAGE = 200;

/** Whatever JSON an answer holds: tests state its shape by asserting on it. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test that narrowed each field first would say everything twice
export type JsonBody = any;

export interface PlatformOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

/** The built platform as a user starts it: its own process, a free port. */
export class Platform {
  readonly url: string;
  readonly pid: number;
  readonly authorization: string;
  readonly #child: ChildProcess;
  readonly #errors: string[];

  private constructor(child: ChildProcess, { url, key, errors }: { url: string; key: string; errors: string[] }) {
    this.#child = child;
    this.#errors = errors;
    this.url = url;
    this.pid = child.pid ?? 0;
    this.authorization = `Basic ${Buffer.from(key).toString("base64")}`;
  }

  /** Starts it and resolves at its `ready` line. */
  static async start({ dataDir, env = {}, flags = [] }: PlatformOptions): Promise<Platform> {
    const child = spawn(process.execPath, [BIN, "up", "--port", "0", "--data", dataDir, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SKEIN_LOG_FORMAT: "json", ...env },
    });
    const errors: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      errors.push(line);
      if (errors.length > 500) errors.shift();
    });
    const url = await readyUrl(child, errors);
    const key = readFileSync(join(dataDir, "keys", "guest"), "utf8").trim();
    return new Platform(child, { url, key, errors });
  }

  /** The log so far (its last 500 lines). */
  get log(): readonly string[] {
    return this.#errors;
  }

  /** One request to `/api/v1/namespaces/_/<path>`, with a deadline; the body is JSON both ways. */
  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: JsonBody; headers: Headers }> {
    const response = await fetch(`${this.url}/api/v1/namespaces/_/${path}`, {
      method,
      headers: { authorization: this.authorization, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
  }

  /** Creates or replaces an action of the default kind from source text. */
  async deploy(name: string, code: string, more: object = {}): Promise<void> {
    const answer = await this.call("PUT", `actions/${name}?overwrite=true`, {
      exec: { kind: "nodejs:default", code },
      ...more,
    });
    if (answer.status !== 200) throw new Error(`deploying ${name}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  /** All records by id; undefined while some still come, which shifts the pages. */
  async records(): Promise<ReadonlyMap<string, readonly JsonBody[]> | undefined> {
    const records = new Map<string, JsonBody[]>();
    const count = async () => (await this.call("GET", "activations?count=true")).body.activations as number;
    const before = await count();
    for (let skip = 0; ; skip += RECORDS_PAGE) {
      const page = await this.call("GET", `activations?docs=true&limit=${RECORDS_PAGE}&skip=${skip}`);
      if (page.status !== 200) throw new Error(`listing activations: ${page.status} ${JSON.stringify(page.body)}`);
      for (const record of page.body as JsonBody[]) {
        records.set(record.activationId, [...(records.get(record.activationId) ?? []), record]);
      }
      if (page.body.length < RECORDS_PAGE) return (await count()) === before ? records : undefined;
    }
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended();
  }

  /** SIGTERM, then its exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    await this.#ended();
    return this.#child.exitCode;
  }

  async #ended(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await once(this.#child, "exit", { signal: AbortSignal.timeout(STOP_MS) });
  }
}

async function readyUrl(child: ChildProcess, errors: readonly string[]): Promise<string> {
  if (child.stdout === null) throw new Error("the platform has no stdout");
  const timer = setTimeout(() => child.kill("SIGKILL"), READY_MS);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /^ready (\S+)$/.exec(line)?.[1];
      if (url !== undefined) {
        child.stdout.resume();
        return url;
      }
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`the platform ended before it was ready:\n${errors.join("\n")}`);
}

/** A temporary folder that goes with the test. */
export function temporaryFolder(t: { after: (fn: () => void) => void }): string {
  const dir = mkdtempSync(join(tmpdir(), "skein-e2e-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Asks until the answer is not undefined; fails with `what` after `ms`. */
export async function eventually<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  what: string,
  ms = 30_000,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
