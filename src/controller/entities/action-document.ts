import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import { type CodeDigest, asId } from "../../kernel/ids.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import type { Entity, EntityWrite } from "../../store/ports.ts";
import type { Action } from "./action.ts";

/** The form actions are stored in; a change of the form adds a number, and a reader for each number stays. */
const FORMAT = 1;

const keyValues = z.array(
  z.object({
    key: z.string(),
    value: z.custom<JsonValue>((value) => value !== undefined),
    init: z.boolean().exactOptional(),
  }),
);

const documentSchema = z.object({
  format: z.literal(FORMAT),
  version: z.string(),
  publish: z.boolean(),
  parameters: keyValues,
  annotations: keyValues,
  limits: z.object({
    timeoutMs: z.number(),
    memoryMb: z.number(),
    logsMb: z.number(),
    concurrency: z.number(),
  }),
  exec: z.object({
    kind: z.string(),
    main: z.string().exactOptional(),
    binary: z.boolean(),
    code: z.string().transform((digest) => asId<CodeDigest>(digest)),
    codeBytes: z.number(),
  }),
});

/** An action as it is written to the store. */
export function toDocument(action: Omit<Action, "revision">): EntityWrite {
  const { namespace, path, updated, version, publish, parameters, annotations, limits, exec } = action;
  const body = { format: FORMAT, version, publish, parameters, annotations, limits, exec };
  return {
    kind: "action",
    namespace,
    path,
    updated,
    // These are plain data throughout, but interfaces have no index signature.
    body: body as unknown as JsonObject,
    attachments: [exec.code],
  };
}

/**
 * An action as it is read from the store.
 *
 * @throws `store/corrupted`
 */
export function fromDocument(entity: Entity): Action {
  const parsed = documentSchema.safeParse(entity.body);
  if (!parsed.success) {
    throw new PlatformError("store/corrupted", "Resource is corrupted and cannot be read.", {
      details: { namespace: entity.namespace, path: entity.path },
      cause: parsed.error,
    });
  }
  const { format: _, ...content } = parsed.data;
  return {
    namespace: entity.namespace,
    path: entity.path,
    revision: entity.revision,
    updated: entity.updated,
    ...content,
  };
}
