import { readFile } from "node:fs/promises";
import { loadOptions } from "../kernel/options/load.ts";
import type { Log } from "../kernel/log.ts";
import type { FlagSetting } from "../kernel/options/sources.ts";
import type { RunningNode, startNode as composed } from "../node/node.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./logger.ts";
import { fieldList } from "./output.ts";
import { type ServeFlags, settingsOf } from "./serve-flags.ts";

/** What `up` starts: the composition root, or what stands for it in a test. */
export type StartNode = typeof composed;

/** Milliseconds between the end of the stop and the end of the process, at most. */
const END_GRACE_MS = 2000;
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * Serves until a signal asks it to stop. A second signal, half a second later or more, ends the process at once, with what still runs in it.
 *
 * @throws {PlatformError} `options/invalid`, or whatever keeps the node from starting.
 */
export async function up(flags: ServeFlags, io: Io): Promise<ExitCode> {
  const settings: readonly FlagSetting[] = settingsOf(flags);
  const file = flags.config ?? io.env["SKEIN_CONFIG"];
  const { options } = loadOptions({ env: io.env, flags: settings, ...(file === undefined ? {} : { file }) });
  const log = await createLogger(options.log, io.stderrIsTerminal);
  const asked = stopAsked();
  try {
    const startNode = io.startNode ?? (await composedNode());
    const node = await startNode(options, { log });
    await announce(node, { io, json: flags.json === true });
    const reason = await asked.reason;
    log.info({ reason }, "asked to stop: a second signal ends the process at once");
    const drained = await node.stop(reason).finally(() => endSoon(log));
    return drained ? EXIT.ok : EXIT.cutShort;
  } finally {
    asked.forget();
  }
}

/** Once stopped, well or badly, nothing may keep the process: a timer or socket left behind by mistake would hold it for ever. */
function endSoon(log: Log): void {
  setTimeout(() => {
    log.warn({ graceMs: END_GRACE_MS }, "something was still open after the stop");
    process.exit();
  }, END_GRACE_MS).unref();
}

/** Loaded only here: client commands must not wait for fastify and sqlite. */
async function composedNode(): Promise<StartNode> {
  const { startNode } = await import("../node/node.ts");
  return startNode;
}

/** One Ctrl-C below `npm start` comes twice: from the terminal, and passed on by npm. Chosen: shorter than anybody's second thought. */
const ECHO_MS = 500;

/** Listens for signals from before the start, so that one that comes during the start is not lost. */
function stopAsked(): { readonly reason: Promise<string>; readonly forget: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAt !== undefined && performance.now() - firstAt > ECHO_MS) process.exit(EXIT.cutShort);
    firstAt ??= performance.now();
    resolve(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    reason: promise,
    forget: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** Tells people where things are, and programs that it is `ready`: that line comes last and stands alone. */
async function announce(node: RunningNode, { io, json }: { readonly io: Io; readonly json: boolean }): Promise<void> {
  if (json) {
    io.stdout(`${JSON.stringify({ ready: node.url, keyFiles: node.keyFiles })}\n`);
    return;
  }
  // The key itself only on a terminal: what is not one is often a file that others read.
  const { guest, system } = node.keyFiles;
  const shown = io.stdoutIsTerminal && guest !== undefined;
  const key = shown ? [["guest key", (await readFile(guest, "utf8")).trim()] as const] : [];
  const deploy = "npx skein action deploy examples/hello/hello.js";
  const invoke = "npx skein action invoke hello -p name Ada --result";
  io.stdout("Skein takes requests now.\n\n");
  io.stdout(
    fieldList([
      ["  API host", node.url],
      ["  key file", guest ?? system],
      ...key.map(([k, v]) => [`  ${k}`, v] as const),
    ]),
  );
  io.stdout(`\nNext, in another terminal:\n  ${deploy}\n  ${invoke}\n\n`);
  io.stdout(`ready ${node.url}\n`);
}
