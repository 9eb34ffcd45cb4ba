declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** 32 lower-case hex digits. Ours start with 12 digits of epoch milliseconds, so that a store's index grows at its end. */
export type ActivationId = Branded<"ActivationId">;
/** What a request is called in logs, in the answer's `x-request-id` and as `code` in an error body. */
export type TransactionId = Branded<"TransactionId">;
/** One start of one process. Random, never reused, never an address. */
export type Incarnation = Branded<"Incarnation">;
/** One container of one invoker. */
export type ContainerId = Branded<"ContainerId">;
/** A namespace's name, e.g. `guest`. */
export type Namespace = Branded<"Namespace">;
/** An entity's place inside its namespace: `name` or `package/name`. */
export type EntityPath = Branded<"EntityPath">;
/** `sha256-` and 64 hex digits: the content of an action's code, and its address in the attachment store. */
export type CodeDigest = Branded<"CodeDigest">;
/** A stored document's version, opaque; equal revisions mean equal documents. */
export type Revision = Branded<"Revision">;

const ENTITY_NAME_LENGTH_MAX = 256;
// OpenWhisk's EntityName: one word character, or a word character, then these, not ending in a space.
const ENTITY_NAME = /^\w(?:[\w@ .&-]*[\w@.&-])?$/;
const ACTIVATION_ID = /^[0-9a-f]{32}$/;

/** Why a text is not an entity name, or undefined when it is one. The words are OpenWhisk's (its spelling too). */
export function entityNameFault(text: string): string | undefined {
  if (text.length > ENTITY_NAME_LENGTH_MAX) {
    return `Name segement longer than allowed: ${text.length} > ${ENTITY_NAME_LENGTH_MAX}.`;
  }
  return ENTITY_NAME.test(text) ? undefined : "The name of the entity contains illegal characters.";
}

/** True for 32 lower-case hex digits. */
export function isActivationId(text: string): text is ActivationId {
  return ACTIVATION_ID.test(text);
}

/** A new activation id: epoch milliseconds, then 80 random bits given as 20 hex digits. */
export function activationIdOf(wallMs: number, random20Hex: string): ActivationId {
  return (wallMs.toString(16).padStart(12, "0") + random20Hex) as ActivationId;
}

/** Vouches that a text from a trusted place (a store, a parsed request) is the id it is used as. */
export function asId<Id extends Branded<string>>(text: string): Id {
  return text as Id;
}
