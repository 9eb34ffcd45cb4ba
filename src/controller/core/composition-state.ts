/**
 * What a composition has come to, as plain data: it is journaled as it is, and a successor goes on from it. The machine is in
 * composition.ts; docs/protocols/composition.md has the table and the invariants.
 */
import type { ActionLimits, ActionRef, KeyValue } from "../../kernel/action.ts";
import type { ActivationResponse } from "../../kernel/activation.ts";
import type { ActivationId, EntityPath, Namespace } from "../../kernel/ids.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";

/** Atomic actions of one sequence, nested sequences included; and components of one composition of conductors. OpenWhisk's 50. */
export const COMPONENTS_MAX = 50;
/** Calls of conductors in one composition: one before each component, one after it, and the last (OpenWhisk's 2n + 1). */
export const CONDUCTORS_MAX = 2 * COMPONENTS_MAX + 1;
/**
 * Sequences and conductors inside of one another. OpenWhisk has no such bound, as it counts only what runs, and so never ends where
 * two sequences come to name each other. Chosen: far beyond what people nest; with a state of 1 MiB each, a journal entry of 20 MiB.
 */
export const NESTING_MAX = 20;

/**
 * Runs in one composition altogether. OpenWhisk has no such bound: a sequence inside of a conductor begins to count anew, and so does
 * a conductor inside of a sequence, which multiplies with each turn. Chosen: a sequence of 50 conductors of 50 components makes 7,550.
 */
export const RUNS_MAX = 10_000;

/** An action by its name. */
export interface ComponentName {
  readonly namespace: Namespace;
  readonly path: EntityPath;
}

/** A sequence or a conductor as it was when its activation began: what its record will say of it. */
export interface Composed {
  readonly action: ActionRef;
  readonly limits: ActionLimits;
  /** Annotations of the action that go into the record: the binding it was reached through. */
  readonly annotations: readonly KeyValue[];
}

/** What begins: the outermost one, or one that is a component itself. */
export type Entry = { readonly id: ActivationId; readonly composed: Composed; readonly startAt: number } & (
  | { readonly kind: "sequence"; readonly components: readonly ComponentName[] }
  /** `call` is how the shell calls this conductor, pinned to the revision that began; it means nothing here. */
  | { readonly kind: "conductor"; readonly call: JsonObject }
);

interface Frame {
  readonly id: ActivationId;
  readonly composed: Composed;
  /** Epoch milliseconds. */
  readonly startAt: number;
  /** Activations that were its own components, in their order; what a nested one ran is in the nested one's. */
  readonly logs: readonly ActivationId[];
  /** Milliseconds that its components took together. */
  readonly durationMs: number;
  /** The largest of its components (and of the conductor); 0 while a sequence has run none. */
  readonly memoryMb: number;
}

export interface SequenceFrame extends Frame {
  readonly kind: "sequence";
  readonly components: readonly ComponentName[];
  /** How many of them have been begun: the next one's index. */
  readonly begun: number;
  /** Atomic actions begun since the outermost of directly nested sequences began. */
  readonly atomic: number;
}

export interface ConductorFrame extends Frame {
  readonly kind: "conductor";
  readonly call: JsonObject;
  /** Whose answer comes next. */
  readonly turn: "conductor" | "component";
  /** What the conductor asked to be given back with the next payload. */
  readonly state?: JsonObject;
  /** Calls of conductors, and of components, since the outermost of directly nested conductors began. */
  readonly conductors: number;
  readonly components: number;
}

export type AnyFrame = SequenceFrame | ConductorFrame;

/** What goes into an action: an object that is laid over its parameters, or an array that takes the place of all. */
export type Payload = JsonObject | readonly JsonValue[];

/** What the composition waits for. */
export type Doing =
  /** The shell looks for the next component: by the name that a sequence holds, or by what a conductor said. */
  | { readonly kind: "finding"; readonly name: ComponentName | string; readonly payload: Payload }
  /** One activation runs: a component, or the conductor itself. */
  | { readonly kind: "running" }
  | { readonly kind: "over" };

export interface CompositionState {
  /** The outermost first; the last one is at work. Empty once it is over. */
  readonly frames: readonly AnyFrame[];
  readonly doing: Doing;
  /** Runs begun, of components and of conductors. */
  readonly runs: number;
}

/** How an activation of a component went, as far as what encloses it cares. */
export interface ComponentEnd {
  readonly id: ActivationId;
  readonly response: ActivationResponse;
  readonly durationMs: number;
  readonly memoryMb: number;
}

/** A sequence or conductor that is over. */
export interface Ended {
  readonly frame: AnyFrame;
  readonly response: ActivationResponse;
  /** The activation of what encloses it; none for the outermost. */
  readonly cause?: ActivationId;
}

export type CompositionEvent =
  /** The component is code: a container can run it. */
  | { readonly kind: "found-code" }
  /** The component is a sequence or a conductor. */
  | { readonly kind: "found-composition"; readonly entry: Entry }
  /** There is no such component for this caller. `name` is what to call it in texts. */
  | {
      readonly kind: "unfound";
      readonly why: "invalid" | "missing" | "forbidden";
      readonly name: string;
      readonly text: string;
    }
  /** What ran has ended. */
  | { readonly kind: "ended"; readonly end: ComponentEnd }
  /** The platform could not go on here, through no fault of the composition's. */
  | { readonly kind: "failed"; readonly why: string }
  /** Nothing may go on at all: its caller is gone. */
  | { readonly kind: "stopped"; readonly why: string };

export type CompositionEffect =
  /** Look for this component, under the caller's rights. */
  | { readonly kind: "find"; readonly name: ComponentName | string }
  /** Run the component just found; `cause` is the activation that encloses it. */
  | { readonly kind: "run"; readonly payload: Payload; readonly cause: ActivationId }
  /** Run the conductor again. */
  | { readonly kind: "conduct"; readonly call: JsonObject; readonly payload: Payload; readonly cause: ActivationId }
  /** A nested one is over: its record is to be kept before anything that follows. */
  | { readonly kind: "record"; readonly ended: Ended }
  /** All is over. */
  | { readonly kind: "end"; readonly ended: Ended };
