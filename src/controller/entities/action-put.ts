import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import type { Namespace } from "../../kernel/ids.ts";
import type { JsonValue } from "../../kernel/json.ts";
import type { SequenceExec } from "./action.ts";
import { commonFields, type CommonPut, commonPutOf, malformedPut, parsePut } from "./put-fields.ts";
import { parseRef } from "./ref.ts";
import type { Runtimes } from "./runtimes.ts";

/** What a PUT asks for; whatever is missing stays as it is, or gets its default. */
export interface ActionPut extends CommonPut {
  readonly exec?: ExecPut;
  readonly delAnnotations?: readonly string[];
  readonly limits?: LimitsPut;
}

export type ExecPut = CodePut | SequenceExec;

export interface CodePut {
  /** A real kind, whatever alias was sent. */
  readonly kind: string;
  readonly main?: string;
  /** As sent: source text, or an archive in base64. */
  readonly code: string;
}

export interface LimitsPut {
  readonly timeout?: number | null | undefined;
  readonly memory?: number | null | undefined;
  readonly logs?: number | null | undefined;
  readonly concurrency?: number | null | undefined;
  readonly instances?: number | null | undefined;
}

// A kind of OpenWhisk that Skein does not run yet.
const KIND_TO_COME = "blackbox";

const limit = (name: string) =>
  z
    .number({ error: `${name} limit malformed` })
    .int({ error: `${name} limit must be whole number` })
    .nullish();

/** What a PUT may send; what of `exec` belongs together depends on its kind. */
export const actionPutSchema = z.object(
  {
    exec: z
      .object(
        {
          kind: z.string({ error: "'kind' must be a string defined in 'exec'" }),
          code: z.unknown().optional(),
          main: z.unknown().optional(),
          components: z.unknown().optional(),
        },
        { error: "Object expected in field 'exec'" },
      )
      .nullish(),
    delAnnotations: z
      .array(z.string(), { error: "delAnnotations malformed: an array of strings is expected" })
      .nullish(),
    limits: z
      .object(
        {
          timeout: limit("time"),
          memory: limit("memory"),
          logs: limit("log"),
          concurrency: limit("concurrency"),
          instances: limit("instance concurrency"),
        },
        { error: "limits malformed: an object is expected" },
      )
      .nullish(),
    ...commonFields,
  },
  { error: "Object expected" },
);

/**
 * Reads the body of a PUT on an action; `own` is what `_` stands for in a component's name.
 *
 * @throws `request/malformed`
 */
export function parseActionPut(
  body: JsonValue,
  { runtimes, own }: { readonly runtimes: Runtimes; readonly own: Namespace },
): ActionPut {
  const { exec, delAnnotations, limits, ...common } = parsePut(body, actionPutSchema);
  return {
    ...(exec ? { exec: execOf(exec, runtimes, own) } : {}),
    ...commonPutOf(common),
    ...(delAnnotations ? { delAnnotations } : {}),
    ...(limits ? { limits } : {}),
  };
}

interface SentExec {
  readonly kind: string;
  readonly code?: unknown;
  readonly main?: unknown;
  readonly components?: unknown;
}

function execOf(exec: SentExec, runtimes: Runtimes, own: Namespace): ExecPut {
  const name = exec.kind.trim().toLowerCase();
  if (name === "sequence") return sequenceOf(exec.components, own);
  if (name === KIND_TO_COME) {
    throw new PlatformError("request/malformed", `Actions of kind '${name}' are not supported yet.`);
  }
  const runtime = runtimes.resolve(name);
  if (runtime === undefined) {
    const valid = runtimes.names().map((known) => `'${known}'`);
    throw malformedPut(
      `The specified runtime '${name}' is not supported by this platform. Valid values are: ${valid.join(", ")}.`,
    );
  }
  if (typeof exec.code !== "string") {
    throw malformedPut(`'code' must be a string defined in 'exec' for '${name}' actions`);
  }
  const main = exec.main ?? undefined;
  if (main !== undefined && typeof main !== "string") {
    throw malformedPut(`if defined, 'main' be a string in 'exec' for '${name}' actions`);
  }
  if (main === undefined && runtime.requireMain) {
    throw malformedPut(`'main' must be a string defined in 'exec' for '${name}' actions`);
  }
  if (runtime.deprecated) throw deprecated(runtime.kind);
  return { kind: runtime.kind, code: exec.code, ...(main === undefined ? {} : { main }) };
}

function sequenceOf(components: unknown, own: Namespace): SequenceExec {
  if (!Array.isArray(components)) throw malformedPut("'components' must be defined for sequence kind");
  if (components.length === 0) throw new PlatformError("request/malformed", "No component specified for the sequence.");
  return {
    kind: "sequence",
    components: components.map((name: unknown) => {
      if (typeof name !== "string") throw malformedPut("'components' must be an array of strings");
      const ref = parseRef(name, own);
      if (ref === undefined) throw malformedPut(`'${name}' is not the name of an action`);
      return ref;
    }),
  };
}

/** Refuses to update or invoke what can only be read and deleted. */
export function deprecated(kind: string): PlatformError<"request/malformed"> {
  return new PlatformError(
    "request/malformed",
    `The '${kind}' runtime is no longer supported. You may read and delete but not update or invoke this action.`,
  );
}
