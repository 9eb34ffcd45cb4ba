import type { FlagSetting } from "../kernel/options/sources.ts";
import { usageFailure } from "./failure.ts";

/** Flags of `up` and of `config show`. */
export interface ServeFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly set?: readonly string[];
  readonly [flag: string]: string | boolean | readonly string[] | undefined;
}

/** A flag of its own for the options that are given most. All others: `--set path=value`. */
export const SERVE_FLAGS = [
  { name: "port", flags: "--port <number>", path: "server.port", help: "TCP port, 0 for a free one" },
  { name: "host", flags: "--host <address>", path: "server.host", help: "address to listen on" },
  { name: "data", flags: "--data <folder>", path: "data.dir", help: "folder of what must survive a restart" },
  { name: "tlsCert", flags: "--tls-cert <file>", path: "server.tlsCert", help: "certificate, PEM" },
  { name: "tlsKey", flags: "--tls-key <file>", path: "server.tlsKey", help: "its key, PEM" },
  { name: "insecure", flags: "--insecure", path: "server.insecure", help: "plain HTTP beyond loopback all the same" },
  { name: "logLevel", flags: "--log-level <level>", path: "log.level", help: "debug, info, warn, error or silent" },
  { name: "logFormat", flags: "--log-format <format>", path: "log.format", help: "auto, pretty or json" },
] as const;

/** What the flags set, by option path. */
export function settingsOf(flags: ServeFlags): readonly FlagSetting[] {
  const named = SERVE_FLAGS.flatMap(({ name, flags: spelling, path }): FlagSetting[] => {
    const value = flags[name];
    const flag = spelling.split(" ")[0] ?? spelling;
    return typeof value === "string" || typeof value === "boolean" ? [{ path, flag, value }] : [];
  });
  const free = (flags.set ?? []).map((text): FlagSetting => {
    const at = text.indexOf("=");
    if (at < 1)
      throw usageFailure(`--set ${text} sets nothing`, "write --set path=value, e.g. --set invoker.memoryMb=1024");
    return { path: text.slice(0, at), flag: "--set", value: text.slice(at + 1) };
  });
  return [...free, ...named];
}
