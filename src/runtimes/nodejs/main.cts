/**
 * The runtime of kind `nodejs:24`: one process that serves one action over HTTP/1.1 on a Unix socket.
 *
 * It is CommonJS and loads next to nothing, because a cold start is mostly node's own start: an ESM entry costs a millisecond
 * more, node:http one and a half, a user-land snapshot ten. The factory stages these files where containers may read them,
 * so they import nothing of Skein but one another.
 */
import type * as Fs from "node:fs";
import type { Http } from "./http.cts";
import type { Output } from "./output.cts";
import type { Rehearsal } from "./rehearsal.cts";
import type { Service } from "./service.cts";

const { closeSync, writeSync } = require("node:fs") as typeof Fs;
const { listen } = require("./http.cjs") as Http;
const output = require("./output.cjs") as Output;
const { ActionService } = require("./service.cjs") as Service;

/** Milliseconds without an init after which a container counts as a stem cell. Chosen: a cold start's init comes within a few. */
const REHEARSE_AFTER_MS = 60;
const REHEARSAL_SUFFIX = "r";

/** The environment that the runtime reads. The `__SKEIN_` ones are taken out before the action's code runs. */
export interface RuntimeEnvironment {
  /** Path of the Unix socket to listen on; in an image the TCP port, 8080. */
  readonly __SKEIN_SOCKET: string;
  /** A descriptor that gets one byte, and is closed, once the runtime listens. */
  readonly __SKEIN_READY_FD?: string;
  /** "true" lets runs overlap. */
  readonly __OW_ALLOW_CONCURRENT?: string;
}

function main(): void {
  const socket = taken("__SKEIN_SOCKET");
  const readyFd = taken("__SKEIN_READY_FD");
  if (socket === undefined) throw new Error("__SKEIN_SOCKET is not set");

  output.prepareOutput();
  let stopRehearsal = ignore;
  const service = new ActionService({
    concurrent: process.env["__OW_ALLOW_CONCURRENT"]?.toLowerCase() === "true",
    folder: process.cwd(),
    env: process.env,
    output,
    onInit: () => stopRehearsal(),
  });
  process.on("uncaughtException", (error: unknown) => service.onUncaught(error));
  listen(socket, service, () => {
    const timer = setTimeout(() => {
      try {
        // Loaded only now: a container whose action came at once does not pay for it.
        const { rehearse } = require("./rehearsal.cjs") as Rehearsal;
        stopRehearsal = rehearse(`${socket}${REHEARSAL_SUFFIX}`);
      } catch {
        // It serves as well unrehearsed.
      }
    }, REHEARSE_AFTER_MS);
    stopRehearsal = () => clearTimeout(timer);
    if (readyFd === undefined) return;
    writeSync(Number(readyFd), "\n");
    closeSync(Number(readyFd));
  });
}

function ignore(): void {
  // Before it listens there is nothing to stop.
}

function taken(name: keyof RuntimeEnvironment): string | undefined {
  const value = process.env[name];
  delete process.env[name];
  return value;
}

main();
