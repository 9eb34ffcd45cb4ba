import { clientOf, type Send } from "./client.ts";
import { connectionOf, type KeyOf } from "./connection.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./output.ts";

/** Flags that every client command has. */
export interface ClientFlags {
  readonly apihost?: string;
  readonly auth?: string;
  readonly insecure?: boolean;
  readonly json?: boolean;
}

/** What a client command works with. */
export interface Session {
  readonly send: Send;
  readonly io: Io;
  /** Origin of the API host, for messages. */
  readonly apihost: string;
  /** The key, `uuid:key`, for what must be handed on (a feed). @throws {CliFailure} where there is none */
  readonly auth: () => string;
  readonly json: boolean;
  /** Prints one JSON value to stdout. */
  readonly printJson: (value: unknown) => void;
  /** Prints text for people to stdout; with `--json` nothing. */
  readonly print: (text: string) => void;
  /** Prints a remark to stderr; with `--json` nothing. */
  readonly remark: (text: string) => void;
}

/** Opens no connection yet: the first request does. */
export function sessionOf(flags: ClientFlags, io: Io, keyOf: KeyOf = "caller"): Session {
  const connection = connectionOf(flags, io, keyOf);
  const json = flags.json === true;
  return {
    send: clientOf(connection),
    io,
    apihost: connection.apihost.origin,
    auth: connection.auth,
    json,
    printJson: (value) => io.stdout(jsonText(value, { terminal: io.stdoutIsTerminal, columns: io.columns })),
    print: (text) => void (json || io.stdout(text)),
    remark: (text) => void (json || io.stderr(text)),
  };
}
