import { z } from "zod";
import type { KeyValue } from "../../kernel/action.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { JsonValue } from "../../kernel/json.ts";
import { keyValuesBytes } from "./key-values.ts";

// What the PUTs of every kind of entity have in common. OpenWhisk reads null as absent, wherever a field is optional.

const SEMVER = /^\d{1,9}\.\d{1,9}\.\d{1,9}$/;

const keyValues = z
  .array(
    z.object({
      key: z.string(),
      value: z.custom<JsonValue>((value) => value !== undefined),
      init: z.boolean().nullish(),
    }),
  )
  .nullish();

/** Fields that entities have, whatever their kind; rules have no parameters. */
export const commonFields = {
  parameters: keyValues,
  annotations: keyValues,
  version: z
    .string({ error: "version malformed: a string is expected" })
    .refine((version) => SEMVER.test(version) && version !== "0.0.0", {
      error: (issue) => `bad semantic version ${String(issue.input)}`,
    })
    .nullish(),
  publish: z.boolean({ error: "publish malformed: a boolean is expected" }).nullish(),
};

/** Reads a body by its schema. @throws `request/malformed` */
export function parsePut<Parsed>(body: JsonValue, schema: z.ZodType<Parsed>): Parsed {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw malformedPut(faultOf(parsed.error));
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

/** A body that says what it should not. */
export function malformedPut(detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The request content was malformed:\n${detail}`);
}

/** What a body may say of any entity. */
export interface CommonPut {
  readonly parameters?: readonly KeyValue[];
  readonly annotations?: readonly KeyValue[];
  readonly version?: string;
  readonly publish?: boolean;
}

type SentKeyValues = z.infer<typeof keyValues>;

/** The same as a body brings it. */
interface SentCommon {
  readonly parameters?: SentKeyValues;
  readonly annotations?: SentKeyValues;
  readonly version?: string | null | undefined;
  readonly publish?: boolean | null | undefined;
}

/** Those fields, without what was null. */
export function commonPutOf({ parameters, annotations, version, publish }: SentCommon): CommonPut {
  return {
    ...(parameters ? { parameters: plain(parameters) } : {}),
    ...(annotations ? { annotations: plain(annotations) } : {}),
    ...(version ? { version } : {}),
    ...(publish === null || publish === undefined ? {} : { publish }),
  };
}

/** What every entity holds of these fields. */
type CommonContent = Required<CommonPut>;

/**
 * What an entity holds after a PUT: what is missing stays as it was, or gets its default; parameters and annotations are replaced whole.
 * (Actions merge their annotations.)
 *
 * @throws `request/too-large`
 */
export function commonContentOf(old: CommonContent | undefined, put: CommonPut, bytesMax: number): CommonContent {
  requireKeyValueSizes(put, bytesMax);
  return {
    version: put.version ?? (old === undefined ? FIRST_VERSION : nextPatch(old.version)),
    publish: put.publish ?? old?.publish ?? false,
    parameters: put.parameters ?? old?.parameters ?? [],
    annotations: put.annotations ?? old?.annotations ?? [],
  };
}

/** Keys once each, the last value of each; `init` only where it is true. */
function plain(pairs: NonNullable<SentKeyValues>): readonly KeyValue[] {
  const byKey = new Map<string, KeyValue>();
  for (const { key, value, init } of pairs) byKey.set(key, { key, value, ...(init === true ? { init } : {}) });
  return [...byKey.values()];
}

/** The version of a first write without one. */
export const FIRST_VERSION = "0.0.1";

/** The version after `version`, when an update names none. */
export function nextPatch(version: string): string {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  return `${major}.${minor}.${Number(patch) + 1}`;
}

/** Bounds the parameters and the annotations, each by itself. @throws `request/too-large` */
export function requireKeyValueSizes(
  { parameters, annotations }: Pick<CommonPut, "parameters" | "annotations">,
  bytesMax: number,
): void {
  if (parameters !== undefined) requireSize("parameters", keyValuesBytes(parameters), bytesMax);
  if (annotations !== undefined) requireSize("annotations", keyValuesBytes(annotations), bytesMax);
}

/** @throws `request/too-large`, in OpenWhisk's words */
export function requireSize(field: string, bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new PlatformError("request/too-large", `${field} larger than allowed: ${bytes} > ${bytesMax} bytes.`);
}
