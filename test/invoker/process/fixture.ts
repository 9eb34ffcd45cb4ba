import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Container, RuntimeAnswer } from "../../../src/invoker/factory.ts";
import { ProcessFactory, type ProcessFactorySettings } from "../../../src/invoker/factory/process/factory.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { asId, type ContainerId } from "../../../src/kernel/ids.ts";
import type { JsonObject, JsonValue } from "../../../src/kernel/json.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { defaultOptions, type ProcessFactoryOptions } from "../../../src/kernel/options/options.ts";

export const isRoot = process.getuid?.() === 0;
/** For tests of what only root can do; where engines are required a skip is a failure. */
export const needsRoot = isRoot || process.env["SKEIN_REQUIRE_ENGINES"] === "1" ? false : "needs root";

export interface Bench {
  readonly factory: ProcessFactory;
  readonly dataDir: string;
  readonly runDir: string;
  readonly settings: ProcessFactorySettings;
  /** A container that is initialised with this source. */
  start(code: string, options?: { memoryMb?: number; env?: Record<string, string> }): Promise<Container>;
}

let ids = 0;

export function containerId(): ContainerId {
  ids += 1;
  return asId<ContainerId>(`t${process.pid}-${ids}`);
}

/** A factory on folders of its own; both are gone after the test, or the file when given `node:test` itself. */
export function bench(
  t: { after(cleanUp: () => Promise<void>): void },
  options: Partial<ProcessFactoryOptions> = {},
): Bench {
  const base = mkdtempSync("/tmp/sk-");
  const runDir = `${base}-r`;
  mkdirSync(runDir);
  const dataDir = join(base, "data");
  const settings: ProcessFactorySettings = {
    options: { ...defaultOptions().invoker.process, runDir, ...options },
    dataDir,
    resultBytesMax: 1_048_576,
    clock: systemClock,
    log: silentLog,
  };
  const factory = new ProcessFactory(settings);
  t.after(async () => {
    await factory.close();
    rmSync(base, { recursive: true, force: true });
    rmSync(runDir, { recursive: true, force: true });
  });
  return {
    factory,
    dataDir,
    runDir,
    settings,
    start: async (code, { memoryMb = 256, env = {} } = {}) => {
      const container = await factory.create({ id: containerId(), kind: "nodejs:24", memoryMb, env });
      const answer = await container.init({ value: { code, main: "main", binary: false } }, 10_000);
      if (answer.kind !== "answer" || answer.status !== 200) throw new Error(`init: ${JSON.stringify(answer)}`);
      return container;
    },
  };
}

/** A folder that is gone after the test. */
export function temporaryFolder(t: { after(cleanUp: () => void): void }): string {
  const folder = mkdtempSync("/tmp/sk-");
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function run(container: Container, value: JsonValue = {}, timeoutMs = 10_000): Promise<RuntimeAnswer> {
  return container.run({ value, activation_id: "a1" }, timeoutMs);
}

/** The JSON value of an answer, whatever its status. */
export function valueOf(answer: RuntimeAnswer): JsonValue | undefined {
  return answer.kind === "answer" && answer.body.kind === "json" ? answer.body.value : undefined;
}

export function placeOf(container: Container): JsonObject & { pid: number; uid?: number; folder: string } {
  return container.descriptor.where as JsonObject & { pid: number; uid?: number; folder: string };
}

/** Pids that run and whose status says what is looked for; dead ones that nobody waited for do not count. */
export function processesWhere(matches: (status: string, pid: number) => boolean): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        return !/^State:\s+[ZX]/m.test(status) && matches(status, pid);
      } catch {
        return false;
      }
    });
}

export function processesOf(uid: number): readonly number[] {
  return processesWhere((status) => new RegExp(`^Uid:\\t${uid}\\t`, "m").test(status));
}

/** Waits until something holds; fails after `ms`. */
export async function until(holds: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await delay(10);
  }
}
