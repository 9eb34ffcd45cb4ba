import { z } from "zod";
import type { Schema } from "./description-answers.ts";

/**
 * A schema that checks bodies, in the words of Swagger 2.0. That has neither unions nor null: a union is told by its members under
 * `x-any-of`, and null, which OpenWhisk reads as absent, as `x-nullable`.
 */
export function schemaOfBody(schema: z.ZodType): Schema {
  const { $schema: _, ...written } = z.toJSONSchema(schema, { target: "draft-4", io: "input", unrepresentable: "any" });
  return plain(written) as Schema;
}

function plain(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plain);
  if (typeof node !== "object" || node === null) return node;
  // JSON's names are texts: Swagger has no word for saying so.
  const { anyOf, type, propertyNames: _, ...rest } = node as Readonly<Record<string, unknown>>;
  const others = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, plain(value)]));
  if (Array.isArray(anyOf)) return { ...others, ...unionOf(anyOf.map((member) => plain(member) as Schema)) };
  if (!Array.isArray(type)) return type === undefined ? others : { ...others, type };
  const types = type.filter((name) => name !== "null");
  const nullable = types.length < type.length ? { "x-nullable": true } : {};
  return { ...others, ...(types.length === 1 ? { type: types[0] } : {}), ...nullable };
}

function unionOf(members: readonly Schema[]): Schema {
  const others = members.filter(({ type }) => type !== "null");
  const nullable = others.length < members.length ? { "x-nullable": true } : {};
  const [only] = others;
  return others.length === 1 && only !== undefined ? { ...only, ...nullable } : { "x-any-of": others, ...nullable };
}
