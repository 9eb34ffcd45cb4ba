/**
 * The two output streams: made blocking, so that what a run printed is in the pipe before its sentinel is, and before a
 * `process.exit`. (Node's own streams queue in memory once a pipe is full, and a sentinel written past that queue overtakes it.)
 */
import type * as Fs from "node:fs";
import type { Primordials } from "./primordials.cts";

const { writeSync } = require("node:fs") as typeof Fs;
const { bufferFrom, wait } = require("./primordials.cjs") as Primordials;

/** OpenWhisk's end-of-run line, on both streams. */
const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";
const RETRY_MS = 1;
const RETRIES_MAX = 10_000;

let sentinelLine: string | undefined = `${SENTINEL}\n`;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Makes every sentinel end in ` <mark>`. The platform gives a secret mark with `/init`, so that an action that prints the plain
 * line does not cut its own log; without one the line is exactly OpenWhisk's. With the mark `none` there are none: a platform that
 * reads the pipes itself knows by their order where a log ends.
 */
function markSentinels(mark: string): void {
  sentinelLine = mark === "none" ? undefined : `${SENTINEL} ${mark}\n`;
}

/** Ends a run's log on both streams: one system call each. */
function writeSentinels(): void {
  if (sentinelLine === undefined) return;
  writeAll(1, sentinelLine);
  writeAll(2, sentinelLine);
}

/** Writes to stderr past anything the action may have done to `console` and `process.stderr`. */
function writeError(text: string): void {
  writeAll(2, `${text}\n`);
}

/** Hooks the first use of each stream. Both are made lazily by node (about a millisecond), and stay lazy. */
function prepareOutput(): void {
  prepare("stdout");
  prepare("stderr");
}

interface OutputStream {
  readonly _handle?: { setBlocking?(on: boolean): void };
  on(event: "error", listener: () => void): void;
}

function prepare(name: "stdout" | "stderr"): void {
  const described = Object.getOwnPropertyDescriptor(process, name);
  if (described?.get === undefined) return;
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get(): unknown {
      const stream = described.get?.call(process) as OutputStream;
      Object.defineProperty(process, name, { configurable: true, enumerable: true, writable: true, value: stream });
      stream._handle?.setBlocking?.(true);
      // The reader goes away when the platform's process dies; the container lives on for its successor.
      stream.on("error", () => undefined);
      return stream;
    },
  });
}

function writeAll(fd: number, text: string): void {
  const bytes = bufferFrom(text);
  let written = 0;
  for (let retries = 0; written < bytes.length && retries < RETRIES_MAX;) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      // EAGAIN: someone made the pipe non-blocking and it is full. Anything else: closed by the action, or nobody reads.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
      retries += 1;
      wait(sleeper, 0, 0, RETRY_MS);
    }
  }
}

const output = { markSentinels, prepareOutput, writeError, writeSentinels };
module.exports = output;
export type Output = typeof output;
