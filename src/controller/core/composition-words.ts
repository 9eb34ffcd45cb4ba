/** What compositions say of themselves; the words are OpenWhisk's. */

export const SEQUENCE_TOO_LONG = "Too many actions in the sequence.";
export const SEQUENCE_COMPONENT_MISSING = "Sequence component does not exist.";
export const SEQUENCE_EMPTY = "No component specified for the sequence.";
export const SEQUENCE_CYCLIC = "Sequence may not refer to itself.";
export const SEQUENCE_FAILED = "Sequence failed.";
export const COMPOSITION_TOO_LONG = "Too many actions in the composition.";
export const COMPOSITION_FAILED = "Activation failure during composition.";

/** What a conductor is told of a component that cannot be run. `name` is JSON text where it is not even a name. */
export function unfoundByConductor(why: "invalid" | "missing" | "forbidden", name: string): string {
  const what = {
    invalid: `Failed to parse action name from json value ${name}`,
    missing: `Failed to resolve action with name '${name}'`,
    forbidden: `Failed entitlement check for action with name '${name}'`,
  }[why];
  return `${what} during composition.`;
}
