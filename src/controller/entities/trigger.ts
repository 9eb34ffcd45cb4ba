import { z } from "zod";
import type { KeyValue } from "../../kernel/action.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { EntityForm, Stored } from "./catalog.ts";
import { bodyOf, storedKeyValues, storedOf } from "./document.ts";
import { keyValuesBytes } from "./key-values.ts";

/** A trigger: a name for events; rules say what each of them starts. */
export interface Trigger extends Stored {
  readonly version: string;
  readonly publish: boolean;
  readonly parameters: readonly KeyValue[];
  readonly annotations: readonly KeyValue[];
  /**
   * Random, given at creation and kept by updates. A rule remembers the incarnation it was linked to, so that one made for a
   * trigger that was deleted does not spring to life with the next of the same name (as in OpenWhisk, where links die with the trigger).
   */
  readonly incarnation: string;
}

const FORMAT = 1;
const ENTRY_BYTES = 512;

const schema = z.object({
  format: z.literal(FORMAT),
  version: z.string(),
  publish: z.boolean(),
  parameters: storedKeyValues,
  annotations: storedKeyValues,
  incarnation: z.string(),
});

/** How triggers are kept. */
export const triggerForm: EntityForm<Trigger> = {
  kind: "trigger",
  toDocument: ({ namespace, path, updated, version, publish, parameters, annotations, incarnation }) => {
    const body = { format: FORMAT, version, publish, parameters, annotations, incarnation };
    return { kind: "trigger", namespace, path, updated, body: body as unknown as JsonObject, attachments: [] };
  },
  fromDocument: (entity) => {
    const { format: _, ...content } = bodyOf(entity, schema);
    return { ...storedOf(entity), ...content };
  },
  weigh: ({ parameters, annotations }) => ENTRY_BYTES + keyValuesBytes(parameters) + keyValuesBytes(annotations),
};
