import { pino } from "pino";
import type { Log } from "../kernel/log.ts";
import type { LogOptions } from "../kernel/options/options.ts";

/** Fields that hold keys wherever they turn up: what is logged by mistake must not be readable in the log. */
const SECRET_FIELDS = ["authKey", "apiKey", "authorization", "guestKey", "systemKey"];

/** The platform's log on stderr: pretty on a terminal, one JSON document a line elsewhere, or as `log.format` says. */
export async function createLogger(options: LogOptions, stderrIsTerminal: boolean): Promise<Log> {
  const settings = {
    level: options.level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: "[secret]" },
  };
  if (options.format === "pretty" || (options.format === "auto" && stderrIsTerminal)) {
    // As a stream in this thread: a worker would lose the last lines when the process is stopped at once.
    const { PinoPretty } = await import("pino-pretty");
    const log: Log = pino(
      settings,
      PinoPretty({ destination: 2, sync: true, ignore: "pid", translateTime: "SYS:HH:MM:ss.l" }),
    );
    return log;
  }
  const log: Log = pino(settings, pino.destination({ dest: 2, sync: true }));
  return log;
}
