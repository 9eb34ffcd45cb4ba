import { z } from "zod";
import { asId, type CodeDigest } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Action } from "./action.ts";
import type { EntityForm } from "./catalog.ts";
import { bodyOf, storedKeyValues, storedOf, storedRef } from "./document.ts";
import { keyValuesBytes } from "./key-values.ts";

/** The form actions are stored in; a change of the form adds a number, and a reader for each number stays. 2 added sequences. */
const FORMAT = 2;
const ENTRY_BYTES = 1024;

const sequenceSchema = z.object({ kind: z.literal("sequence"), components: z.array(storedRef).min(1) });

const codeSchema = z.object({
  kind: z.string(),
  main: z.string().exactOptional(),
  binary: z.boolean(),
  code: z.string().transform((digest) => asId<CodeDigest>(digest)),
  codeBytes: z.number(),
});

const schema = z.object({
  format: z.union([z.literal(1), z.literal(FORMAT)]),
  version: z.string(),
  publish: z.boolean(),
  parameters: storedKeyValues,
  annotations: storedKeyValues,
  limits: z.object({
    timeoutMs: z.number(),
    memoryMb: z.number(),
    logsMb: z.number(),
    concurrency: z.number(),
    instances: z.number().exactOptional(),
  }),
  exec: z.union([sequenceSchema, codeSchema]),
});

/** How actions are kept. */
export const actionForm: EntityForm<Action> = {
  kind: "action",
  toDocument: (action) => {
    const { namespace, path, updated, version, publish, parameters, annotations, limits, exec } = action;
    const body = { format: FORMAT, version, publish, parameters, annotations, limits, exec };
    return {
      kind: "action",
      namespace,
      path,
      updated,
      // These are plain data throughout, but interfaces have no index signature.
      body: body as unknown as JsonObject,
      attachments: "code" in exec ? [exec.code] : [],
    };
  },
  fromDocument: (entity) => {
    const { format: _, ...content } = bodyOf(entity, schema);
    return { ...storedOf(entity), ...content };
  },
  // Code is not held here.
  weigh: (action) =>
    ENTRY_BYTES +
    keyValuesBytes(action.parameters) +
    keyValuesBytes(action.annotations) +
    ("components" in action.exec ? 128 * action.exec.components.length : 0),
};
