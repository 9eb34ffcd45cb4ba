import { type ErrorCode, isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Failure } from "./messages.ts";

// Primary result codes of SQLite (https://www.sqlite.org/rescode.html): the low byte of an extended code.
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Turns whatever a database or a file system throws into a refusal of ours, with its cause in the message. */
export function storeError(error: unknown, doing: string): PlatformError {
  if (isPlatformError(error)) return error;
  return new PlatformError(codeOf(error), `cannot ${doing}: ${causeOf(error)}`, { cause: error });
}

/** {@link storeError}, as plain data that can cross threads. */
export function failureOf(error: unknown, doing: string): Failure {
  const { code, message } = storeError(error, doing);
  return { failed: code, message };
}

export function errorOf(failure: Failure): PlatformError {
  return new PlatformError(failure.failed, failure.message);
}

/** Parses a stored JSON text. @throws `store/corrupted` */
export function parseStored<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new PlatformError("store/corrupted", `${what} is not JSON`, { cause });
  }
}

function codeOf(error: unknown): ErrorCode {
  const code = sqliteCodeOf(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB ? "store/corrupted" : "store/unavailable";
}

function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const sqlite = sqliteCodeOf(error);
  return sqlite === undefined ? error.message : `${error.message} (sqlite ${sqlite})`;
}
