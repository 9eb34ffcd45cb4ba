import { createHash, timingSafeEqual } from "node:crypto";
import type { JsonValue } from "../../kernel/json.ts";
import type { EffectiveAction } from "../entities/action.ts";

/** What an action's annotations say about its life as a web action. Those of its package or of a binding mean nothing here. */
export interface WebAction {
  /** `web-export`: it is one. */
  readonly exported: boolean;
  /** `raw-http`: query and body come to it unread. */
  readonly raw: boolean;
  /** `web-custom-options`: CORS is its own business, and so is OPTIONS. */
  readonly customOptions: boolean;
  /** `require-whisk-auth`: whom it serves. */
  readonly guard: Guard;
  /** Parameters that no request may set: those that have a value, where the action is `final`. */
  readonly finalNames: ReadonlySet<string>;
}

/** `secret` must be shown in `x-require-whisk-auth`; `closed` is an annotation that means nothing and so opens nothing. */
export type Guard =
  | { readonly kind: "open" }
  | { readonly kind: "caller" }
  | { readonly kind: "secret"; readonly digest: Buffer }
  | { readonly kind: "closed" };

const known = new WeakMap<EffectiveAction, WebAction>();

/** Read once per revision of an action. */
export function webActionOf(action: EffectiveAction): WebAction {
  const held = known.get(action);
  if (held !== undefined) return held;
  const annotation = (key: string): JsonValue | undefined => action.annotations.find((one) => one.key === key)?.value;
  const valued = action.parameters.filter(({ value }) => value !== null).map(({ key }) => key);
  const read: WebAction = {
    // A text "true" is not true, in OpenWhisk too: what opens an action to the world should be said plainly.
    exported: annotation("web-export") === true,
    raw: annotation("raw-http") === true,
    customOptions: annotation("web-custom-options") === true,
    guard: guardOf(annotation("require-whisk-auth")),
    finalNames: new Set(annotation("final") ? valued : []),
  };
  known.set(action, read);
  return read;
}

/** Whether this caller may have the action run. Takes the same time for every wrong secret. */
export function admits(
  guard: Guard,
  request: { readonly isKnown: boolean; readonly secret: string | readonly string[] | undefined },
): boolean {
  if (guard.kind === "secret") {
    return typeof request.secret === "string" && timingSafeEqual(guard.digest, digestOf(request.secret));
  }
  return guard.kind === "open" || (guard.kind === "caller" && request.isKnown);
}

function guardOf(value: JsonValue | undefined): Guard {
  if (value === undefined || value === false) return { kind: "open" };
  if (value === true) return { kind: "caller" };
  if (typeof value === "string" || typeof value === "number")
    return { kind: "secret", digest: digestOf(String(value)) };
  return { kind: "closed" };
}

/** Digests of texts of any length have one length, and can be compared in constant time. Node gives headers as Latin-1. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
