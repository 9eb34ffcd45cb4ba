import { z } from "zod";
import type { KeyValue } from "../../kernel/action.ts";
import { PlatformError } from "../../kernel/errors.ts";
import { asId, entityNameFault, type Namespace } from "../../kernel/ids.ts";
import type { JsonValue } from "../../kernel/json.ts";
import type { Content } from "./catalog.ts";
import { withoutKeys } from "./key-values.ts";
import type { Package } from "./package.ts";
import { commonContentOf, commonFields, type CommonPut, commonPutOf, malformedPut, parsePut } from "./put-fields.ts";
import type { EntityRef } from "./ref.ts";

/** What a PUT asks for; whatever is missing stays as it is, or gets its default. */
export interface PackagePut extends CommonPut {
  /** Makes it a binding of this package. */
  readonly binding?: EntityRef;
}

/** The annotation that says what a binding is of, for clients that see annotations only. Ours: what clients send of it is dropped. */
const BINDING = "binding";

const part = (name: string) => z.string({ error: `${name} malformed: a string is expected` }).optional();
const sentBinding = z.object({ namespace: part("namespace"), name: part("name") }, { error: "Object expected" });

/** What a PUT may send. */
export const packagePutSchema = z.object(
  {
    ...commonFields,
    binding: sentBinding.nullish(),
  },
  { error: "Object expected" },
);

/** Reads the body of a PUT on a package; `own` is what `_` stands for. @throws `request/malformed` */
export function parsePackagePut(body: JsonValue, own: Namespace): PackagePut {
  const { binding, ...common } = parsePut(body, packagePutSchema);
  const target = binding ? bindingOf(binding, own) : undefined;
  return { ...commonPutOf(common), ...(target ? { binding: target } : {}) };
}

/** `{}` is how a package that is no binding is shown, and may be sent back. */
function bindingOf({ namespace, name }: z.infer<typeof sentBinding>, own: Namespace): EntityRef | undefined {
  if (namespace === undefined && name === undefined) return undefined;
  const [where, what] = [nameOf(namespace, "namespace"), nameOf(name, "name")];
  return { namespace: where === "_" ? own : asId(where), path: asId(what) };
}

function nameOf(value: string | undefined, field: "namespace" | "name"): string {
  if (value === undefined) throw malformedPut(`Object is missing required member '${field}'`);
  const fault = entityNameFault(value);
  if (fault !== undefined) throw malformedPut(fault);
  return value;
}

/**
 * What a package holds after a PUT.
 *
 * @throws `entity/conflict` for a package that would become a binding, `request/too-large`
 */
export function packageContentOf(old: Package | undefined, put: PackagePut, bytesMax: number): Content<Package> {
  if (put.binding !== undefined && old !== undefined && old.binding === undefined) {
    throw new PlatformError("entity/conflict", "Resource is a package and cannot be converted into a binding.");
  }
  const binding = put.binding ?? old?.binding;
  const { annotations, ...common } = commonContentOf(old, put, bytesMax);
  return {
    ...common,
    annotations: [...withoutKeys(annotations, [BINDING]), ...(binding ? [bindingAnnotation(binding)] : [])],
    ...(binding ? { binding } : {}),
  };
}

function bindingAnnotation({ namespace, path }: EntityRef): KeyValue {
  return { key: BINDING, value: { namespace, name: path } };
}
