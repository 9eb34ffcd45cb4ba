import { readdirSync, readFileSync } from "node:fs";

/** Megabytes (2^20 bytes) of one or several processes. PSS counts a shared page once, divided among those who share it. */
export interface Memory {
  readonly rssMb: number;
  readonly pssMb: number;
}

// USER_HZ: what /proc counts in, 100 on every Linux that node runs on.
const TICK_MS = 10;
const KIB_PER_MIB = 1024;
// Fields of /proc/PID/stat after the command's closing parenthesis (proc(5) counts them from 1 and calls these 4, 14 and 15).
const PPID = 1;
const UTIME = 11;
const STIME = 12;

/** False where there is no /proc: then CPU and memory are not measured. */
export const hasProc = statOf(process.pid) !== undefined;

/** Milliseconds of CPU that these processes used since they started, all threads, user and system. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = statOf(pid);
    return stat === undefined ? sum : sum + (Number(stat[UTIME]) + Number(stat[STIME])) * TICK_MS;
  }, 0);
}

/** The memory of these processes together. */
export function memoryOf(pids: readonly number[]): Memory {
  let rssKb = 0;
  let pssKb = 0;
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`) ?? "";
    rssKb += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    pssKb += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return { rssMb: rssKb / KIB_PER_MIB, pssMb: pssKb / KIB_PER_MIB };
}

/** Every process below this one, children first: for Skein, its containers. */
export function descendantsOf(root: number): readonly number[] {
  if (!hasProc) return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? statOf(pid)?.[PPID] : undefined;
    if (parent === undefined) continue;
    const siblings = children.get(Number(parent));
    if (siblings === undefined) children.set(Number(parent), [pid]);
    else siblings.push(pid);
  }
  const found: number[] = [];
  for (let next: readonly number[] = [root]; next.length > 0;) {
    next = next.flatMap((pid) => children.get(pid) ?? []);
    found.push(...next);
  }
  return found;
}

function statOf(pid: number): readonly string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The command may hold spaces and parentheses itself, so the fields begin after the last one.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // The process ended meanwhile, or this is no Linux.
  }
}
