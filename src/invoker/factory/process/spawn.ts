import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ProcessFactoryOptions } from "../../../kernel/options/options.ts";
import type { AvailableRuntime } from "../../../runtimes/manifest.ts";
import { CONTAINER_VARIABLE } from "./proc.ts";
import type { ContainerPlaces } from "./run-dir.ts";
import type { StagedRuntime } from "./staging.ts";

export interface SpawnRequest {
  readonly id: string;
  readonly runtime: AvailableRuntime;
  readonly staged: StagedRuntime;
  /** A node binary that the container's user may execute. */
  readonly node: string;
  readonly places: ContainerPlaces;
  readonly uid: number | undefined;
  readonly memoryMb: number;
  readonly env: Readonly<Record<string, string>>;
  /** A command that comes before the program's; empty for none. */
  readonly limiter: readonly string[];
}

/** A process to start. Plain data. */
export interface SpawnCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its user and group; absent for the platform's own. */
  readonly uid?: number | undefined;
}

/** The commands that lower limits and become what follows them. */
export interface Limiters {
  /** For the spawner, whose containers inherit. */
  readonly once: readonly string[];
  /** For each container: what the spawner could not live with itself. Usually empty, for it costs an exec. */
  readonly each: readonly string[];
}

const READY_FD = 3;
const PRLIMIT = ["/usr/bin/prlimit", "/bin/prlimit"].find((path) => existsSync(path));
const MIB = 1_048_576;
/**
 * Megabytes of a container's memory that are not V8's old space: node itself takes about 25, the young generation some. A heap
 * that reaches the rest ends in V8's own words, which is a better end than a kill, but either says the same in the record.
 */
const NODE_OVERHEAD_MB = 32;

/** The command of a container's process: its own user, nothing of Skein's environment. */
export function commandOf(request: SpawnRequest): SpawnCommand {
  const { places, uid, runtime, node } = request;
  const { program } = runtime;
  const command: readonly [string, ...string[]] =
    program === undefined
      ? [node, `--max-old-space-size=${heapMb(request.memoryMb)}`]
      : [program.path, ...program.args];
  const [file, ...args] = [...request.limiter, ...command, request.staged.entry];
  // What runs the action comes first: its children then find the same one.
  const folders = new Set([dirname(program?.path ?? node), dirname(node), "/usr/local/bin", "/usr/bin", "/bin"]);
  return {
    file,
    args,
    cwd: places.work,
    env: {
      PATH: [...folders].join(":"),
      HOME: places.work,
      TMPDIR: places.tmp,
      LANG: "C.UTF-8",
      [CONTAINER_VARIABLE]: request.id,
      ...request.env,
      ...runtime.manifest.start.env({ socket: places.socket, readyFd: READY_FD }),
    },
    uid,
  };
}

/**
 * Limits that are set before the first instruction of a runtime. The number of processes is counted by user, so it is limited only
 * where containers have users of their own, and in the spawner only when that, being root, is exempt from it.
 */
export function limitersOf(
  limits: ProcessFactoryOptions,
  { ownUsers, rootExempt = isRootExempt() }: { readonly ownUsers: boolean; readonly rootExempt?: boolean },
): Limiters {
  const { filesMax, fileMbMax, processesMax } = limits;
  const nprocOnce = ownUsers && rootExempt;
  const nprocEach = ownUsers && !rootExempt;
  if (PRLIMIT !== undefined) {
    const nproc = `--nproc=${processesMax}`;
    const common = [`--nofile=${filesMax}`, `--fsize=${fileMbMax * MIB}`, "--core=0"];
    return {
      once: [PRLIMIT, ...common, ...(nprocOnce ? [nproc] : []), "--"],
      each: nprocEach ? [PRLIMIT, nproc, "--"] : [],
    };
  }
  // dash says -p where bash says -u; one of them works. File sizes are in blocks of 512 bytes.
  const nproc = `ulimit -u ${processesMax} 2>/dev/null || ulimit -p ${processesMax} 2>/dev/null; `;
  const common = `ulimit -n ${filesMax}; ulimit -f ${(fileMbMax * MIB) / 512}; ulimit -c 0; `;
  const shell = (limiting: string) => ["/bin/sh", "-c", `${limiting}exec "$@"`, "sh"];
  return { once: shell(nprocOnce ? common + nproc : common), each: nprocEach ? shell(nproc) : [] };
}

/** True when this is the machine's root and not one of a user namespace, whom the kernel counts and limits like anybody. */
function isRootExempt(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
  } catch {
    // No Linux: who knows.
    return false;
  }
}

function heapMb(memoryMb: number): number {
  return Math.max(Math.floor(memoryMb / 2), memoryMb - NODE_OVERHEAD_MB);
}
