import { ERRORS, type ErrorCode, isPlatformError } from "../kernel/errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** What went wrong, why, and what to do about it: the three lines that every error of the CLI has. */
export class CliFailure extends Error {
  readonly exit: ExitCode;
  readonly why: string | undefined;
  readonly fix: string | undefined;
  /** A code of the registry, where one is known. */
  readonly code: string | undefined;

  constructor(
    exit: ExitCode,
    what: string,
    more: { readonly why?: string; readonly fix?: string; readonly code?: string; readonly cause?: unknown } = {},
  ) {
    super(what, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "CliFailure";
    this.exit = exit;
    this.why = more.why;
    this.fix = more.fix;
    this.code = more.code;
  }
}

/** A command line that cannot be carried out as it is. */
export function usageFailure(what: string, fix?: string): CliFailure {
  return new CliFailure(EXIT.usage, what, fix === undefined ? {} : { fix });
}

const STARTUP_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "data/in-use",
  "data/unusable",
  "server/address",
  "server/insecure",
  "store/version",
  "store/unavailable",
]);

/** Any thrown thing as a failure with an exit code. */
export function failureOf(error: unknown): CliFailure {
  if (error instanceof CliFailure) return error;
  if (isPlatformError(error)) {
    const exit = STARTUP_CODES.has(error.code) ? EXIT.cannotStart : EXIT.internal;
    return new CliFailure(error.code === "options/invalid" ? EXIT.badOptions : exit, error.message, {
      fix: ERRORS[error.code].help,
      code: error.code,
      cause: error,
      ...(error.cause instanceof Error ? { why: error.cause.message } : {}),
    });
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliFailure(EXIT.internal, "skein failed in a way nobody planned", {
    why: text,
    fix: ERRORS["internal/unexpected"].help,
    cause: error,
  });
}

/** A failure as text for people, one thing a line. */
export function failureText(failure: CliFailure): string {
  return [
    `error: ${failure.message}`,
    ...(failure.why === undefined ? [] : [`  why: ${failure.why}`]),
    ...(failure.fix === undefined ? [] : [`  fix: ${failure.fix}`]),
    "",
  ].join("\n");
}

/** A failure as one JSON document, for `--json`. */
export function failureJson(failure: CliFailure): string {
  const { message: what, why, fix, code, exit } = failure;
  return `${JSON.stringify({ error: { what, why, fix, code, exit } })}\n`;
}
