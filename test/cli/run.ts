import type { Io } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/main.ts";

/** What a command line printed and ended with. */
export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, away from this machine's home folder and variables. */
export async function run(argv: readonly string[], io: Partial<Io> & { readonly input?: string } = {}): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const exit = await runCli(argv, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    stdin: () => Promise.resolve(io.input ?? ""),
    env: {},
    home: "/nonexistent",
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
    nowMs: () => 1_700_000_090_000,
    ...io,
  });
  return { exit, stdout, stderr };
}
