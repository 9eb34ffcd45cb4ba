import { existsSync, readdirSync, readFileSync } from "node:fs";

/** A process as /proc tells it. Its identity is the pair: pids are used again, start times are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
}

/** Which processes belong to a container. */
export interface Membership {
  readonly containerId: string;
  /** The container's own user: everything of that user is its. Absent when it shares Skein's. */
  readonly uid?: number;
  /** The main process, which leads a session and a group of the same number. */
  readonly pid?: number;
}

/** The variable by which processes are known that share Skein's user. */
export const CONTAINER_VARIABLE = "__SKEIN_CONTAINER";

interface Facts {
  readonly uid: number;
  readonly session: number;
  readonly containerId: string | undefined;
}

const PID = /^\d+$/;
/**
 * Without /proc (macOS) containers work, but less is known: a container is its process group, a pid is trusted to be whose it was,
 * and nobody measures memory.
 */
const HAS_PROC = existsSync("/proc/self/stat");
const KIB = 1024;

/**
 * The machine's processes. Facts are read once for each process and kept while it is there, since a look at all of them happens
 * at every memory check. A user id never changes away from a container's, a session may, so the first sight counts.
 */
export class ProcessTable {
  /** True when containers have users of their own; else sessions and environments have to be read. */
  readonly #byUser: boolean;
  #known = new Map<number, Facts>();

  constructor(options: { readonly byUser: boolean }) {
    this.#byUser = options.byUser;
    this.scan();
  }

  /** Looks which processes are there now. */
  scan(): void {
    if (!HAS_PROC) return;
    const present = new Map<number, Facts>();
    for (const name of readdirSync("/proc")) {
      if (!PID.test(name)) continue;
      const pid = Number(name);
      const facts = this.#known.get(pid) ?? this.#read(pid);
      if (facts !== undefined) present.set(pid, facts);
    }
    this.#known = present;
  }

  /** Tells of a container's main process, whose user was Skein's own for a moment when it was made. */
  learn(pid: number, membership: Membership): void {
    this.#known.set(pid, { uid: membership.uid ?? -1, session: pid, containerId: membership.containerId });
  }

  /** Lets go what it knows: a process may have been seen in the moment before it became another. */
  forget(): void {
    this.#known.clear();
  }

  /** Pids of the container's processes as of the last {@link scan}; dead ones that nobody waited for are not among them. */
  membersOf(membership: Membership): readonly number[] {
    if (!HAS_PROC) return membership.pid !== undefined && signal(membership.pid, 0) ? [membership.pid] : [];
    const members: number[] = [];
    for (const [pid, facts] of this.#known) {
      const own =
        membership.uid === undefined
          ? facts.session === membership.pid || facts.containerId === membership.containerId
          : facts.uid === membership.uid;
      if (own && identify(pid) !== undefined) members.push(pid);
    }
    return members;
  }

  /** True when a process of that user was there at the last {@link scan}, be it a dead one that nobody waited for. */
  hasUser(uid: number): boolean {
    for (const facts of this.#known.values()) if (facts.uid === uid) return true;
    return false;
  }

  #read(pid: number): Facts | undefined {
    const status = read(`/proc/${pid}/status`);
    const uid = Number(/^Uid:\t(\d+)/m.exec(status ?? "")?.[1] ?? "NaN");
    if (Number.isNaN(uid)) return undefined;
    if (this.#byUser || uid !== process.getuid?.()) return { uid, session: -1, containerId: undefined };
    const environment = read(`/proc/${pid}/environ`) ?? "";
    const containerId = environment
      .split("\0")
      .find((variable) => variable.startsWith(`${CONTAINER_VARIABLE}=`))
      ?.slice(CONTAINER_VARIABLE.length + 1);
    return { uid, session: Number(statFields(pid)?.[3] ?? -1), containerId };
  }
}

/** The process with this pid, or undefined when there is none, or only the remains of one. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!HAS_PROC) return signal(pid, 0) ? { pid, startTime: 0 } : undefined;
  const fields = statFields(pid);
  const [state] = fields ?? [];
  if (fields === undefined || state === "Z" || state === "X") return undefined;
  // Field 22 of proc(5), where field 3 is the first after the name.
  return { pid, startTime: Number(fields[19]) };
}

/** True while that very process is there. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return identify(pid)?.startTime === startTime;
}

/**
 * Bytes of memory that are the process's own: anonymous, shared and swapped. The pages of programs and libraries are left out,
 * which all containers share and the kernel can drop; control groups count much the same.
 */
export function memoryOf(pid: number): number {
  const status = read(`/proc/${pid}/status`) ?? "";
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return (kib("RssAnon") + kib("RssShmem") + kib("VmSwap")) * KIB;
}

/** Sends a signal (0 sends none and only looks); false when there is no such process (or group, for a negative pid). */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    // Gone, or another user's since; either way there is nothing of ours to signal.
    return false;
  }
}

/** Fields of /proc/PID/stat from the third (state) on; the name before them may hold anything. */
function statFields(pid: number): readonly string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // The process ended while it was looked at, or is another user's.
    return undefined;
  }
}
