/**
 * The spawner: a process that does nothing but fork containers for the platform.
 *
 * A fork stops the forking thread for as long as the kernel copies page tables, in proportion to the memory of the process: 1.4 ms
 * at 66 MB, 23 ms at 460. Here it is always the small one, and the platform's calls go on meanwhile. It loads next to nothing,
 * since that memory is its whole point; its limits were lowered before it began, and containers inherit them.
 *
 * It takes one order after the other, so that its open files are bounded. Each of a container's streams is a connection to the
 * platform's own socket, made here and left to the child: what a container prints reaches the platform by no third party, and
 * before whatever it answers afterwards.
 */
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import type { SpawnerNews, SpawnOrder } from "./spawner.ts";

/** Descriptors 1, 2 and 3 of a container. */
const STREAMS = ["stdout", "stderr", "ready"] as const;

let last: Promise<void> = Promise.resolve();

process.on("message", (order) => {
  last = last.then(() => fulfil(order as SpawnOrder));
});
// The platform is gone or wants no more. Containers live on: they are found by their descriptors.
process.on("disconnect", () => process.exit());
// A signal to the platform's service or terminal is the platform's to act on; the channel's end says when it has.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);

async function fulfil(order: SpawnOrder): Promise<void> {
  const opened: Socket[] = [];
  try {
    for (const stream of STREAMS) opened.push(await open(order, stream));
    start(order, opened);
  } catch (error) {
    tell({ kind: "failed", token: order.token, message: String(error) });
  } finally {
    // Closed, not ended: the child has the same connection.
    for (const socket of opened) socket.destroy();
  }
}

function start({ token, file, args, cwd, env, uid }: SpawnOrder, streams: readonly Socket[]): void {
  const own = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", ...streams], ...own });
  child.on("error", (error) => tell({ kind: "failed", token, message: error.message }));
  child.on("exit", (code, signal) => tell({ kind: "exited", token, code, signal }));
  if (child.pid !== undefined) tell({ kind: "spawned", token, pid: child.pid });
}

/** One connection to the platform, which has said whose stream it is. Refused or taken at once: both ends are on this machine. */
function open({ socket: path, token }: SpawnOrder, stream: (typeof STREAMS)[number]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on("error", reject);
    socket.on("connect", () => {
      // The child may write as soon as it is there, so the header has to be out.
      socket.write(`${token} ${stream}\n`, () => resolve(socket));
    });
  });
}

/** A send that fails finds no platform any more; `disconnect` is on its way. */
function tell(news: SpawnerNews): void {
  process.send?.(news, undefined, {}, () => undefined);
}
