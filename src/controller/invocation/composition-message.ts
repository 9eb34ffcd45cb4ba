import type { ActivationMessage, ActivationRecord, CompositionMessage } from "../../kernel/activation.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { CompositionEvent, CompositionState, Ended } from "../core/composition-state.ts";

/** The form compositions are journaled in; a change of the form adds a number, and a reader for each number stays. */
const FORMAT = 1;

/** The activation that a composition is at: one of its components, or its conductor. */
export interface Current {
  readonly message: ActivationMessage;
  /** It may have entered a container. */
  begun: boolean;
  /** How much of this the journal says. */
  durable: "no" | "due" | "begun";
}

/** The composition as it stands, for the journal. */
export function composedMessage(
  message: CompositionMessage,
  state: CompositionState,
  current: Current | undefined,
): CompositionMessage {
  const at = current === undefined ? undefined : { message: current.message, begun: current.begun };
  // Plain data throughout, but interfaces have no index signature.
  const composition = { format: FORMAT, state, ...(at === undefined ? {} : { current: at }) } as unknown as JsonObject;
  return { ...message, composition };
}

/** What a former process left of it. @throws `store/corrupted` for a form that this version does not know */
export function readComposed({ activationId, composition }: CompositionMessage): {
  readonly state: CompositionState;
  readonly current: Current | undefined;
} {
  if (composition["format"] !== FORMAT) {
    throw new PlatformError(
      "store/corrupted",
      `composition ${activationId} is kept in a form this version cannot read`,
    );
  }
  const { state, current } = composition as unknown as {
    readonly state: CompositionState;
    readonly current?: { readonly message: ActivationMessage; readonly begun: boolean };
  };
  if (current === undefined) return { state, current };
  return { state, current: { ...current, durable: current.begun ? "begun" : "due" } };
}

/** What the machine needs to know of a component's end. */
export function endedOf(record: ActivationRecord, message: ActivationMessage): CompositionEvent {
  const { activationId: id, response, duration = 0 } = record;
  return { kind: "ended", end: { id, response, durationMs: duration, memoryMb: message.limits.memoryMb } };
}

/** What a nested one goes by where records are kept: its own name, its caller's all the rest. */
export function nestedMessage({ frame }: Ended, message: CompositionMessage): CompositionMessage {
  const { action, annotations } = frame.composed;
  return { ...message, activationId: frame.id, action, recordAnnotations: annotations };
}
