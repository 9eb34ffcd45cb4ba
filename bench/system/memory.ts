import { descendantsOf, hasProc, type Memory, memoryOf } from "../harness/proc.ts";
import { tempFolder } from "../harness/temp.ts";
import { figure, type Report } from "../report/report.ts";
import { type Skein, startSkein } from "../targets/skein.ts";

export interface MemorySize {
  readonly containers: number;
  /** Milliseconds to wait before reading: collectors run, containers are paused. */
  readonly settleMs: number;
}

export const MEMORY_SIZES = {
  full: { containers: 20, settleMs: 3000 },
  quick: { containers: 20, settleMs: 1500 },
  tiny: { containers: 1, settleMs: 10 },
} as const satisfies Record<string, MemorySize>;

const NO_MEMORY: Memory = { rssMb: Number.NaN, pssMb: Number.NaN };

/** System question 4: what does Skein hold while nothing happens, by itself and for each warm container? */
export async function measureMemory(size: MemorySize): Promise<Report> {
  using folder = tempFolder("memory");
  // No stem cells: every child process is then the container of one of our actions.
  const skein = await startSkein(folder.path, { invoker: { prewarm: [], memoryMb: 1_000_000 } });
  try {
    await pause(size.settleMs);
    const idle = memoryNow([skein.pid]);
    const idleChildren = descendantsOf(skein.pid).length;
    for (let at = 0; at < size.containers; at += 1) await fillOne(skein, at);
    await pause(size.settleMs);
    const processes = descendantsOf(skein.pid);
    if (hasProc && processes.length - idleChildren < size.containers) {
      throw new Error(`${processes.length} child processes for ${size.containers} containers`);
    }
    const containers = memoryNow(processes);
    const after = memoryNow([skein.pid]);
    const each = { rssMb: containers.rssMb / size.containers, pssMb: containers.pssMb / size.containers };
    return reportOf({ idle, after, each }, { containers: size.containers, processes: processes.length });
  } finally {
    await skein.stop();
  }
}

async function fillOne(skein: Skein, at: number): Promise<void> {
  const action = `idle${at}`;
  await skein.deploy(action, "function main(args) { return args }");
  const answer = await skein.call("POST", `/actions/${action}?blocking=true&result=true`, { at });
  if (JSON.stringify(answer) !== JSON.stringify({ at })) throw new Error(`${action} gave ${JSON.stringify(answer)}`);
}

function memoryNow(pids: readonly number[]): Memory {
  return hasProc ? memoryOf(pids) : NO_MEMORY;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function reportOf(
  memory: { readonly idle: Memory; readonly after: Memory; readonly each: Memory },
  counts: { readonly containers: number; readonly processes: number },
): Report {
  const row = (name: string, { rssMb, pssMb }: Memory): readonly string[] => [name, figure(rssMb), figure(pssMb)];
  return {
    question: "memory",
    claims: [],
    tables: [
      {
        title: "memory: megabytes",
        columns: ["what", "RSS", "PSS"],
        rows: [
          row("skein, idle, no container yet", memory.idle),
          row(`skein, idle, ${counts.containers} containers`, memory.after),
          row("each idle container", memory.each),
        ],
      },
    ],
    notes: hasProc
      ? [`${counts.processes} processes in ${counts.containers} containers`]
      : ["needs /proc: not measured"],
    figures: { ...memory, ...counts },
  };
}
