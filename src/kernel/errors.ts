/** How a caller may retry: never, at the same place later, or elsewhere. */
type Retry = "never" | "same" | "elsewhere";

interface ErrorKind {
  /** The HTTP status at the API's edge. */
  readonly status: number;
  readonly retry: Retry;
  /** Who has to mend it. */
  readonly fault: "function" | "request" | "platform" | "operator";
  /** What to do about it, as one sentence without a full stop; the CLI prints it. */
  readonly help: string;
}

/**
 * Every code the platform may answer with. Codes are stable: clients match on them (header `x-skein-error`), never on texts.
 * docs/reference/errors.md lists the same, checked by a test.
 */
export const ERRORS = {
  "auth/invalid": {
    status: 401,
    retry: "never",
    fault: "request",
    help: "send HTTP Basic credentials `uuid:key`; `npx skein up` prints where the guest key is kept",
  },
  "auth/forbidden": {
    status: 403,
    retry: "never",
    fault: "request",
    help: "use a key of the namespace that owns the resource, or ask its owner to share it",
  },
  "request/malformed": {
    status: 400,
    retry: "never",
    fault: "request",
    help: "compare the request with /api/v1/api-docs",
  },
  "request/too-large": {
    status: 413,
    retry: "never",
    fault: "request",
    help: "send less: limits are listed at GET / and in `skein config show`",
  },
  "request/method": {
    status: 405,
    retry: "never",
    fault: "request",
    help: "use one of the methods the answer names",
  },
  "request/media-type": {
    status: 415,
    retry: "never",
    fault: "request",
    help: "send `content-type: application/json`",
  },
  "request/uri-too-long": { status: 414, retry: "never", fault: "request", help: "shorten the path and the query" },
  "request/unprocessable": {
    status: 422,
    retry: "never",
    fault: "request",
    help: "the request is well formed but cannot be carried out; see the message",
  },
  "request/not-acceptable": {
    status: 406,
    retry: "never",
    fault: "request",
    help: "send an `accept` header that takes what the web action answers with; it has run all the same",
  },
  "entity/not-found": {
    status: 404,
    retry: "never",
    fault: "request",
    help: "list what is there with `skein namespace get`; names are case-sensitive",
  },
  "entity/conflict": {
    status: 409,
    retry: "never",
    fault: "request",
    help: "add `overwrite=true` to replace it, or choose another name",
  },
  "entity/concurrent-change": {
    status: 409,
    retry: "same",
    fault: "request",
    help: "someone else changed it in between; read it again and repeat",
  },
  "result/unfit": {
    status: 400,
    retry: "never",
    fault: "function",
    help: "the web action's result is not what its headers or the path's extension say; see docs/operating/web-actions.md",
  },
  "result/incomplete": {
    status: 404,
    retry: "never",
    fault: "function",
    help: "the web action's result has no field for the path's extension; see docs/operating/web-actions.md",
  },
  "result/failed": {
    status: 400,
    retry: "never",
    fault: "function",
    help: "the web action failed: its activation, named in x-openwhisk-activation-id, says how to its owner",
  },
  "limits/rate": {
    status: 429,
    retry: "same",
    fault: "request",
    help: "wait for the seconds in `retry-after`, or have the namespace's limits raised",
  },
  "limits/concurrency": {
    status: 429,
    retry: "same",
    fault: "request",
    help: "wait until running activations end, or have the namespace's limits raised",
  },
  "limits/alarms": {
    status: 400,
    retry: "never",
    fault: "request",
    help: "delete alarms that are no longer needed; one that fires often may do for several that fire seldom",
  },
  "limits/rules": {
    status: 400,
    retry: "never",
    fault: "request",
    help: "delete rules of the trigger that are no longer needed, or spread them over several triggers",
  },
  "invoker/buffer-full": {
    status: 503,
    retry: "elsewhere",
    fault: "operator",
    help: "the invoker's memory and its waiting line are full: retry later, or raise invoker.memoryMb or invoker.bufferMax",
  },
  "invoker/too-large": {
    status: 503,
    retry: "never",
    fault: "operator",
    help: "the action's memory limit is above the whole invoker's: lower it, or raise invoker.memoryMb",
  },
  "invoker/kind-unavailable": {
    status: 503,
    retry: "elsewhere",
    fault: "operator",
    help: "no runtime of this kind is on this machine",
  },
  "invoker/closing": {
    status: 503,
    retry: "elsewhere",
    fault: "platform",
    help: "this process is stopping; retry in a moment",
  },
  "invoker/container-failed": {
    status: 500,
    retry: "same",
    fault: "platform",
    help: "a container could not be made; the platform's log says why",
  },
  "subject/leaving": {
    status: 503,
    retry: "same",
    fault: "operator",
    help: "not all of the user's activations are over, or not all of its records gone: ask for the deletion again until it is done",
  },
  "store/unavailable": {
    status: 503,
    retry: "same",
    fault: "operator",
    help: "the store does not answer or cannot write (disk full? read-only?); nothing was changed",
  },
  "store/corrupted": {
    status: 500,
    retry: "never",
    fault: "platform",
    help: "the stored document cannot be read by this version; restore it or delete it",
  },
  "store/version": {
    status: 500,
    retry: "never",
    fault: "operator",
    help: "the data folder was written by a newer Skein; run that version, or choose another data folder",
  },
  "data/in-use": {
    status: 500,
    retry: "never",
    fault: "operator",
    help: "stop the other process first, or choose another data folder with --data",
  },
  "data/unusable": {
    status: 500,
    retry: "never",
    fault: "operator",
    help: "make the data folder writable for this user, or choose another with --data",
  },
  "options/invalid": {
    status: 500,
    retry: "never",
    fault: "operator",
    help: "see `skein config show` and docs/reference/config.md",
  },
  "server/address": {
    status: 500,
    retry: "never",
    fault: "operator",
    help: "choose a free port with --port, and an address of this machine with --host",
  },
  "server/insecure": {
    status: 500,
    retry: "never",
    fault: "operator",
    help: "give --tls-cert and --tls-key, or say --insecure if something in front of Skein does TLS",
  },
  "server/disabled": {
    status: 503,
    retry: "elsewhere",
    fault: "operator",
    help: "an operator has stopped the intake of this process: retry in a moment or at another one; `POST /enable` opens it again",
  },
  "archive/invalid": {
    status: 400,
    retry: "never",
    fault: "request",
    help: "the zip must hold package.json or index.js at its top, with plain relative paths only",
  },
  "internal/unexpected": {
    status: 500,
    retry: "same",
    fault: "platform",
    help: "this is a defect of Skein: the log has the details under the same transaction id",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** Plain values that say what the error is about; they go to logs and, where harmless, to callers. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** An expected refusal or failure, recognised by its code. */
export class PlatformError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PlatformError";
    this.code = code;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }
}

/** A broken invariant: a defect of ours. The role that meets it stops rather than goes on with a state nobody planned. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InvariantError";
  }
}

/** Throws {@link InvariantError} unless `condition` holds. Stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** True for a {@link PlatformError}, of one code when given. Works across copies of the package, as it looks at the code only. */
export function isPlatformError<Code extends ErrorCode>(error: unknown, code?: Code): error is PlatformError<Code> {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return code === undefined ? error.code in ERRORS : error.code === code;
}
