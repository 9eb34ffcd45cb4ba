import { z } from "zod";
import type { KeyValue } from "../../kernel/action.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { EntityForm, Stored } from "./catalog.ts";
import { bodyOf, storedKeyValues, storedOf, storedRef } from "./document.ts";
import { keyValuesBytes } from "./key-values.ts";
import type { EntityRef } from "./ref.ts";

/** A package: a folder of actions with parameters for all of them. Or a binding: another package under a name of one's own. */
export interface Package extends Stored {
  readonly version: string;
  readonly publish: boolean;
  readonly parameters: readonly KeyValue[];
  readonly annotations: readonly KeyValue[];
  /** The package that this one is a binding of. */
  readonly binding?: EntityRef;
}

const FORMAT = 1;
const ENTRY_BYTES = 512;

const schema = z.object({
  format: z.literal(FORMAT),
  version: z.string(),
  publish: z.boolean(),
  parameters: storedKeyValues,
  annotations: storedKeyValues,
  binding: storedRef.exactOptional(),
});

/** How packages are kept. */
export const packageForm: EntityForm<Package> = {
  kind: "package",
  toDocument: ({ namespace, path, updated, version, publish, parameters, annotations, binding }) => {
    const body = { format: FORMAT, version, publish, parameters, annotations, ...(binding ? { binding } : {}) };
    return { kind: "package", namespace, path, updated, body: body as unknown as JsonObject, attachments: [] };
  },
  fromDocument: (entity) => {
    const { format: _, ...content } = bodyOf(entity, schema);
    return { ...storedOf(entity), ...content };
  },
  weigh: ({ parameters, annotations }) => ENTRY_BYTES + keyValuesBytes(parameters) + keyValuesBytes(annotations),
};
