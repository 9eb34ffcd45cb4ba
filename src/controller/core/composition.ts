/**
 * Sequences and conductors: which component is next, with which payload, and when it is over.
 *
 * Intuition: a stack of frames, one for each sequence or conductor inside of another. The top one says what it wants run; the answer
 * goes back to it; when it is over, its own response is the answer for the frame below. One component runs at any time.
 * Source: OpenWhisk's SequenceActions and PrimitiveActions (invokeSequence, invokeConductor) and docs/conductors.md; texts and counts
 * are theirs. Changed: the stack is data, so that it survives its process; nesting is bounded; components are found when their turn
 * comes, not all at the start, so that a call after an acknowledged update never runs the old revision.
 * Bounds: components, calls of conductors, nesting and all runs by composition-state.ts; what a frame holds by the results of actions.
 */
import { type ActivationResponse, Status } from "../../kernel/activation.ts";
import { assert } from "../../kernel/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../kernel/json.ts";
import {
  type AnyFrame,
  type ComponentEnd,
  COMPONENTS_MAX,
  type CompositionEffect,
  type CompositionEvent,
  type CompositionState,
  type ConductorFrame,
  CONDUCTORS_MAX,
  type Doing,
  type Entry,
  NESTING_MAX,
  type Payload,
  RUNS_MAX,
  type SequenceFrame,
} from "./composition-state.ts";
import * as words from "./composition-words.ts";

/** One composition from its start to its end. Give every effect's outcome back with {@link on}, one at a time. */
export class Composition {
  readonly #frames: AnyFrame[];
  #doing: Doing;
  #runs: number;
  #effects: CompositionEffect[] = [];

  private constructor(state: CompositionState) {
    this.#frames = [...state.frames];
    this.#doing = state.doing;
    this.#runs = state.runs;
  }

  /** Begins the outermost one. An `error` in its payload is a payload like any other. */
  static begin(entry: Entry, payload: JsonObject): { composition: Composition; effects: readonly CompositionEffect[] } {
    const composition = new Composition({ frames: [], doing: { kind: "running" }, runs: 0 });
    composition.#push(entry, payload);
    return { composition, effects: composition.#takeEffects() };
  }

  /** Goes on from what {@link snapshot} gave. */
  static restore(state: CompositionState): Composition {
    return new Composition(state);
  }

  snapshot(): CompositionState {
    return { frames: [...this.#frames], doing: this.#doing, runs: this.#runs };
  }

  /** What is to be done now, where that is known from the state alone: to look for the next component. */
  pending(): readonly CompositionEffect[] {
    return this.#doing.kind === "finding" ? [{ kind: "find", name: this.#doing.name }] : [];
  }

  on(event: CompositionEvent): readonly CompositionEffect[] {
    assert(this.#doing.kind !== "over", `${event.kind} came after the end`);
    switch (event.kind) {
      case "found-code":
        this.#onFoundCode();
        break;
      case "found-composition":
        this.#onFoundComposition(event.entry);
        break;
      case "unfound":
        this.#onUnfound(event);
        break;
      case "ended":
        assert(this.#doing.kind === "running", "an activation ended that was not begun");
        this.#onEnd(event.end);
        break;
      case "failed":
        this.#onFailed(event.why);
        break;
      case "stopped":
        this.#stop(whiskError(event.why));
        break;
    }
    this.#check();
    return this.#takeEffects();
  }

  #onFoundCode(): void {
    const payload = this.#takeFound();
    const frame = this.#top();
    this.#runs += 1;
    if (frame.kind === "sequence") this.#replace({ ...frame, atomic: frame.atomic + 1 });
    else this.#replace({ ...frame, turn: "component", components: frame.components + 1 });
    this.#effects.push({ kind: "run", payload, cause: frame.id });
  }

  #onFoundComposition(entry: Entry): void {
    const payload = this.#takeFound();
    const frame = this.#top();
    if (this.#frames.length >= NESTING_MAX) {
      if (frame.kind === "sequence") this.#finish(applicationError(words.SEQUENCE_TOO_LONG));
      else this.#conduct(frame, { error: words.COMPOSITION_TOO_LONG });
      return;
    }
    if (frame.kind === "conductor") {
      // A sequence is one component, whatever it runs; what a nested conductor runs is counted one by one.
      const components = frame.components + (entry.kind === "sequence" ? 1 : 0);
      this.#replace({ ...frame, turn: "component", components });
    } else if (entry.kind === "conductor") {
      this.#replace({ ...frame, atomic: frame.atomic + 1 });
    }
    this.#push(entry, payload);
  }

  #onUnfound({ why, name, text }: CompositionEvent & { kind: "unfound" }): void {
    this.#takeFound();
    const frame = this.#top();
    if (frame.kind === "conductor") return this.#conduct(frame, { error: words.unfoundByConductor(why, name) });
    return this.#finish(applicationError(why === "forbidden" ? text : words.SEQUENCE_COMPONENT_MISSING));
  }

  #onFailed(why: string): void {
    const failure = this.#top().kind === "sequence" ? words.SEQUENCE_FAILED : words.COMPOSITION_FAILED;
    this.#doing = { kind: "running" };
    this.#finish(whiskError(`${failure} ${why}`));
  }

  /** A component of the top frame, or its conductor, has ended. */
  #onEnd(end: ComponentEnd): void {
    const frame = withEnd(this.#top(), end);
    this.#replace(frame);
    if (frame.kind === "sequence") this.#advance(frame, end.response);
    else if (frame.turn === "component") this.#conduct(frame, objectOf(end.response.result));
    else this.#onConducted(frame, end.response);
  }

  #advance(frame: SequenceFrame, response: ActivationResponse): void {
    const { result } = response;
    const isError = response.statusCode !== Status.success || (isJsonObject(result) && Object.hasOwn(result, "error"));
    if (isError || frame.begun === frame.components.length) return this.#finish(response);
    return this.#next(frame, isJsonObject(result) || Array.isArray(result) ? (result as Payload) : {});
  }

  #next(frame: SequenceFrame, payload: Payload): void {
    const name = frame.components[frame.begun];
    assert(name !== undefined, "a sequence has a component to go on with");
    if (frame.atomic >= COMPONENTS_MAX || this.#runs >= RUNS_MAX)
      return this.#finish(applicationError(words.SEQUENCE_TOO_LONG));
    this.#replace({ ...frame, begun: frame.begun + 1 });
    return this.#find(name, payload);
  }

  /** Calls the conductor with a component's result, or with what kept a component from running. */
  #conduct(frame: ConductorFrame, payload: JsonObject): void {
    const isTooLong = frame.conductors >= CONDUCTORS_MAX || this.#runs >= RUNS_MAX;
    if (isTooLong) return this.#finish(applicationError(words.COMPOSITION_TOO_LONG));
    this.#runs += 1;
    this.#doing = { kind: "running" };
    this.#replace({ ...frame, turn: "conductor", conductors: frame.conductors + 1 });
    const whole = frame.state === undefined ? payload : { ...payload, ...frame.state };
    this.#effects.push({ kind: "conduct", call: frame.call, payload: whole, cause: frame.id });
  }

  /** The conductor has spoken: what to run next, or that this is the result. */
  #onConducted(frame: ConductorFrame, response: ActivationResponse): void {
    const result = objectOf(response.result);
    const params = boxed(result, "params", "value");
    const state = boxed(result, "state", "state");
    const { state: _, ...rest } = frame;
    const next: ConductorFrame = state === undefined ? rest : { ...rest, state };
    this.#replace(next);
    if (!Object.hasOwn(result, "action")) {
      return this.#finish({ statusCode: response.statusCode, result: params ?? result });
    }
    const action: JsonValue = result["action"] ?? null;
    if (typeof action !== "string") {
      return this.#conduct(next, { error: words.unfoundByConductor("invalid", JSON.stringify(action)) });
    }
    if (next.components >= COMPONENTS_MAX || this.#runs >= RUNS_MAX)
      return this.#conduct(next, { error: words.COMPOSITION_TOO_LONG });
    return this.#find(action, params ?? {});
  }

  #find(name: SequenceFrame["components"][number] | string, payload: Payload): void {
    this.#doing = { kind: "finding", name, payload };
    this.#effects.push({ kind: "find", name });
  }

  /** The payload of the component that was looked for. */
  #takeFound(): Payload {
    assert(this.#doing.kind === "finding", "a component was found that nobody looked for");
    const { payload } = this.#doing;
    this.#doing = { kind: "running" };
    return payload;
  }

  #push(entry: Entry, payload: Payload): void {
    const below = this.#frames.at(-1);
    const common = { logs: [], durationMs: 0 };
    if (entry.kind === "sequence") {
      const atomic = below?.kind === "sequence" ? below.atomic : 0;
      const frame: SequenceFrame = { ...entry, ...common, memoryMb: 0, begun: 0, atomic };
      this.#frames.push(frame);
      this.#next(frame, payload);
      return;
    }
    const { conductors, components } = below?.kind === "conductor" ? below : { conductors: 0, components: 0 };
    const { memoryMb } = entry.composed.limits;
    const frame: ConductorFrame = { ...entry, ...common, memoryMb, turn: "conductor", conductors, components };
    this.#frames.push(frame);
    // Conductors take objects only; an array has no names to lay over their parameters.
    this.#conduct(frame, objectOf(payload));
  }

  /** Ends the top frame; the one below has its component's answer. */
  #finish(response: ActivationResponse): void {
    const ended = this.#pop(response);
    const below = this.#frames.at(-1);
    if (below === undefined) return;
    // What is counted through directly nested ones of a kind comes back from the nested one.
    if (below.kind === "sequence" && ended.kind === "sequence") this.#replace({ ...below, atomic: ended.atomic });
    if (below.kind === "conductor" && ended.kind === "conductor") {
      this.#replace({ ...below, conductors: ended.conductors, components: ended.components });
    }
    this.#doing = { kind: "running" };
    const { id, durationMs, memoryMb } = ended;
    this.#onEnd({ id, response, durationMs, memoryMb });
  }

  /** Ends every frame with the same response. */
  #stop(response: ActivationResponse): void {
    for (let below = this.#frames.at(-2); this.#frames.length > 0; below = this.#frames.at(-2)) {
      const { id, durationMs, memoryMb } = this.#pop(response);
      if (below !== undefined) this.#replace(withEnd(below, { id, response, durationMs, memoryMb }));
    }
  }

  #pop(response: ActivationResponse): AnyFrame {
    const frame = this.#frames.pop();
    assert(frame !== undefined, "a frame ends once");
    const below = this.#frames.at(-1);
    if (below === undefined) {
      this.#doing = { kind: "over" };
      this.#effects.push({ kind: "end", ended: { frame, response } });
    } else {
      this.#effects.push({ kind: "record", ended: { frame, response, cause: below.id } });
    }
    return frame;
  }

  #top(): AnyFrame {
    const frame = this.#frames.at(-1);
    assert(frame !== undefined, "a composition that goes on has a frame");
    return frame;
  }

  #replace(frame: AnyFrame): void {
    this.#frames[this.#frames.length - 1] = frame;
  }

  #takeEffects(): readonly CompositionEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #check(): void {
    const last = this.#effects.at(-1)?.kind;
    const isOver = this.#doing.kind === "over";
    assert(isOver === (this.#frames.length === 0), "a composition is over when its last frame is");
    assert(this.#frames.length <= NESTING_MAX, "nesting is bounded");
    assert(this.#runs <= RUNS_MAX, "runs are bounded");
    assert(isOver === (last === "end"), "the end is the last effect");
    assert((this.#doing.kind === "finding") === (last === "find"), "what is looked for is the last effect");
  }
}

/** The frame with one more component behind it. */
function withEnd(frame: AnyFrame, end: ComponentEnd): AnyFrame {
  return {
    ...frame,
    logs: [...frame.logs, end.id],
    durationMs: frame.durationMs + end.durationMs,
    memoryMb: Math.max(frame.memoryMb, end.memoryMb),
  };
}

/** A field of a conductor's result; what is no object is put into one. Undefined when the field is not there. */
function boxed(result: JsonObject, field: string, box: string): JsonObject | undefined {
  if (!Object.hasOwn(result, field)) return undefined;
  const value = result[field] ?? null;
  return isJsonObject(value) ? value : { [box]: value };
}

function objectOf(value: JsonValue): JsonObject {
  return isJsonObject(value) ? value : {};
}

function applicationError(error: string): ActivationResponse {
  return { statusCode: Status.applicationError, result: { error } };
}

function whiskError(error: string): ActivationResponse {
  return { statusCode: Status.whiskError, result: { error } };
}
