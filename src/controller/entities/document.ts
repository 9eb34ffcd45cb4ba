import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import { asId, type EntityPath, type Namespace } from "../../kernel/ids.ts";
import type { JsonValue } from "../../kernel/json.ts";
import type { Entity } from "../../store/ports.ts";
import type { Stored } from "./catalog.ts";

/** Parameters and annotations as they are kept. */
export const storedKeyValues = z.array(
  z.object({
    key: z.string(),
    value: z.custom<JsonValue>((value) => value !== undefined),
    init: z.boolean().exactOptional(),
  }),
);

/** The name of another entity as it is kept. */
export const storedRef = z.object({
  namespace: z.string().transform((text) => asId<Namespace>(text)),
  path: z.string().transform((text) => asId<EntityPath>(text)),
});

/** What every entity's document brings besides its body. */
export function storedOf(entity: Entity): Stored {
  const { namespace, path, revision, updated } = entity;
  return { namespace, path, revision, updated };
}

/** The body of a document, checked against its schema. @throws `store/corrupted` */
export function bodyOf<Body>(entity: Entity, schema: z.ZodType<Body>): Body {
  const parsed = schema.safeParse(entity.body);
  if (parsed.success) return parsed.data;
  throw new PlatformError("store/corrupted", "Resource is corrupted and cannot be read.", {
    details: { namespace: entity.namespace, path: entity.path },
    cause: parsed.error,
  });
}
