import { z } from "zod";
import type { KeyValue } from "../../kernel/action.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { Namespace } from "../../kernel/ids.ts";
import type { JsonValue } from "../../kernel/json.ts";
import type { SequenceExec } from "./action.ts";
import { parseRef } from "./ref.ts";
import type { Runtimes } from "./runtimes.ts";

/** What a PUT asks for; whatever is missing stays as it is, or gets its default. */
export interface ActionPut {
  readonly exec?: ExecPut;
  readonly parameters?: readonly KeyValue[];
  readonly annotations?: readonly KeyValue[];
  readonly delAnnotations?: readonly string[];
  readonly limits?: LimitsPut;
  readonly version?: string;
  readonly publish?: boolean;
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
}

const SEMVER = /^\d{1,9}\.\d{1,9}\.\d{1,9}$/;
// A kind of OpenWhisk that Skein does not run yet.
const KIND_TO_COME = "blackbox";

// OpenWhisk reads null as absent, wherever a field is optional.
const limit = (name: string) =>
  z
    .number({ error: `${name} limit malformed` })
    .int({ error: `${name} limit must be whole number` })
    .nullish();

const keyValues = z
  .array(
    z.object({
      key: z.string(),
      value: z.custom<JsonValue>((value) => value !== undefined),
      init: z.boolean().nullish(),
    }),
  )
  .nullish();

const putSchema = z.object(
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
    parameters: keyValues,
    annotations: keyValues,
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
          instances: z.null({ error: "The limit 'instances' is not supported yet." }).optional(),
        },
        { error: "limits malformed: an object is expected" },
      )
      .nullish(),
    version: z
      .string({ error: "version malformed: a string is expected" })
      .refine((version) => SEMVER.test(version) && version !== "0.0.0", {
        error: (issue) => `bad semantic version ${String(issue.input)}`,
      })
      .nullish(),
    publish: z.boolean({ error: "publish malformed: a boolean is expected" }).nullish(),
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
  const parsed = putSchema.safeParse(body);
  if (!parsed.success) throw malformed(faultOf(parsed.error));
  const { exec, parameters, annotations, delAnnotations, limits, version, publish } = parsed.data;
  return {
    ...(exec ? { exec: execOf(exec, runtimes, own) } : {}),
    ...(parameters ? { parameters: plain(parameters) } : {}),
    ...(annotations ? { annotations: plain(annotations) } : {}),
    ...(delAnnotations ? { delAnnotations } : {}),
    ...(limits ? { limits } : {}),
    ...(version ? { version } : {}),
    ...(publish === null || publish === undefined ? {} : { publish }),
  };
}

/** The first fault in words; those of key-value lists are all the same one. */
function faultOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const field = issue?.path[0];
  if (field === "parameters" || field === "annotations") {
    return `${field} malformed: an array of objects with 'key' and 'value' is expected`;
  }
  return issue?.message ?? "Object expected";
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
    throw malformed(
      `The specified runtime '${name}' is not supported by this platform. Valid values are: ${valid.join(", ")}.`,
    );
  }
  if (typeof exec.code !== "string") {
    throw malformed(`'code' must be a string defined in 'exec' for '${name}' actions`);
  }
  const main = exec.main ?? undefined;
  if (main !== undefined && typeof main !== "string") {
    throw malformed(`if defined, 'main' be a string in 'exec' for '${name}' actions`);
  }
  if (main === undefined && runtime.requireMain) {
    throw malformed(`'main' must be a string defined in 'exec' for '${name}' actions`);
  }
  if (runtime.deprecated) throw deprecated(runtime.kind);
  return { kind: runtime.kind, code: exec.code, ...(main === undefined ? {} : { main }) };
}

function sequenceOf(components: unknown, own: Namespace): SequenceExec {
  if (!Array.isArray(components)) throw malformed("'components' must be defined for sequence kind");
  if (components.length === 0) throw new PlatformError("request/malformed", "No component specified for the sequence.");
  return {
    kind: "sequence",
    components: components.map((name: unknown) => {
      if (typeof name !== "string") throw malformed("'components' must be an array of strings");
      const ref = parseRef(name, own);
      if (ref === undefined) throw malformed(`'${name}' is not the name of an action`);
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

function malformed(detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The request content was malformed:\n${detail}`);
}

/** Keys once each, the last value of each; `init` only where it is true. */
function plain(
  pairs: readonly { readonly key: string; readonly value: JsonValue; readonly init?: boolean | null | undefined }[],
): readonly KeyValue[] {
  const byKey = new Map<string, KeyValue>();
  for (const { key, value, init } of pairs) byKey.set(key, { key, value, ...(init === true ? { init } : {}) });
  return [...byKey.values()];
}
