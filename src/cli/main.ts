import { EXIT, type ExitCode } from "./exit-codes.ts";
import { failureJson, failureOf, failureText } from "./failure.ts";
import { type Io, processIo } from "./io.ts";
import { joinPairs } from "./parameters.ts";
import { buildProgram } from "./program.ts";

/** Runs one command line and gives the exit code of its process. Never rejects. Called by bin/skein.js. */
export async function runCli(argv: readonly string[], io: Io = processIo()): Promise<number> {
  let exit: ExitCode = EXIT.ok;
  try {
    const finish = (code: ExitCode): void => {
      exit = code;
    };
    const program = await buildProgram(io, finish, argv[0] ?? "");
    await program.parseAsync(joinPairs(argv), { from: "user" });
    return exit;
  } catch (error) {
    if (isCommanderError(error)) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(error);
    io.stderr(argv.includes("--json") ? failureJson(failure) : failureText(failure));
    return failure.exit;
  }
}

/** Help, version and refusals of the command line: the option parser has printed them already. */
function isCommanderError(error: unknown): error is { readonly exitCode: number } {
  return (
    error instanceof Error && "exitCode" in error && "code" in error && String(error.code).startsWith("commander.")
  );
}
