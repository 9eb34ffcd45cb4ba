import assert from "node:assert/strict";
import { Composition } from "../../../src/controller/core/composition.ts";
import type {
  CompositionEffect,
  CompositionEvent,
  CompositionState,
  Composed,
  Ended,
  Entry,
  Payload,
} from "../../../src/controller/core/composition-state.ts";
import type { ActivationResponse } from "../../../src/kernel/activation.ts";
import { type ActivationId, asId } from "../../../src/kernel/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/kernel/json.ts";

/** What an action of the world is. A function throws an Error for a response that is the platform's fault. */
export type Made =
  | { readonly code: (args: Payload) => JsonValue; readonly memoryMb?: number; readonly ms?: number }
  | { readonly conductor: (args: JsonObject) => JsonValue; readonly memoryMb?: number; readonly ms?: number }
  | { readonly sequence: readonly string[] };

export interface Told {
  readonly id: ActivationId;
  readonly cause: ActivationId | undefined;
  readonly name: string;
  readonly payload: Payload | undefined;
  readonly response: ActivationResponse;
  readonly logs: readonly ActivationId[];
  readonly durationMs: number;
  readonly memoryMb: number;
}

/** A namespace of actions and a platform that does at once whatever the machine wants, and writes down what it did. */
export class World {
  readonly actions: Readonly<Record<string, Made>>;
  /** Every activation, in the order in which they ended. */
  readonly told: Told[] = [];
  /** Names that may be seen but not used. */
  readonly forbidden: ReadonlySet<string>;
  /** Snapshots at each step: whoever restores one must come to the same end. */
  readonly snapshots: CompositionState[] = [];
  readonly runs: string[] = [];
  readonly #takesSnapshots: boolean;
  #ids = 0;
  #found: string | undefined;

  constructor(
    actions: Readonly<Record<string, Made>>,
    forbidden: readonly string[] = [],
    { snapshots }: { readonly snapshots: boolean } = { snapshots: true },
  ) {
    this.#takesSnapshots = snapshots;
    this.actions = actions;
    this.forbidden = new Set(forbidden);
  }

  /** Runs it to its end, over a restored snapshot at every step; the outermost's ending. */
  invoke(name: string, payload: JsonObject = {}): Told {
    const begun = Composition.begin(this.#entryOf(name), payload);
    let { composition, effects } = begun;
    for (let steps = 0; steps < 100_000; steps += 1) {
      let event: CompositionEvent | undefined;
      for (const effect of effects) {
        assert.equal(event, undefined, "an effect that waits for an answer is the last");
        const outcome = this.#do(effect);
        if (outcome === "over") return this.told.at(-1)!;
        event = outcome;
      }
      assert.notEqual(event, undefined, "something is always to be done");
      if (!this.#takesSnapshots) {
        effects = composition.on(event!);
        continue;
      }
      const state = JSON.parse(JSON.stringify(composition.snapshot())) as CompositionState;
      this.snapshots.push(state);
      composition = Composition.restore(state);
      effects = composition.on(event!);
    }
    throw new Error("it never ended");
  }

  #do(effect: CompositionEffect): CompositionEvent | "over" | undefined {
    if (effect.kind === "find") return this.#find(typeof effect.name === "string" ? effect.name : effect.name.path);
    if (effect.kind === "run") return this.#run(this.#found!, effect.payload, effect.cause);
    if (effect.kind === "conduct") return this.#run(effect.call["name"] as string, effect.payload, effect.cause);
    this.#tell(effect.ended);
    return effect.kind === "end" ? "over" : undefined;
  }

  #find(name: string): CompositionEvent {
    if (name.includes("#")) return { kind: "unfound", why: "invalid", name: JSON.stringify(name), text: "" };
    if (this.forbidden.has(name))
      return { kind: "unfound", why: "forbidden", name: `guest/${name}`, text: "not yours" };
    const made = this.actions[name];
    if (made === undefined) return { kind: "unfound", why: "missing", name: `guest/${name}`, text: "" };
    if (!("code" in made)) return { kind: "found-composition", entry: this.#entryOf(name) };
    this.#found = name;
    return { kind: "found-code" };
  }

  #run(name: string, payload: Payload, cause: ActivationId): CompositionEvent {
    const made = this.actions[name]!;
    assert(!("sequence" in made), "a sequence runs nowhere");
    const result = "code" in made ? made.code(payload) : made.conductor(payload as JsonObject);
    const id = this.#id();
    const isError = isJsonObject(result) && Object.hasOwn(result, "error");
    const response: ActivationResponse = { statusCode: isError ? 1 : 0, result };
    const [durationMs, memoryMb] = [made.ms ?? 10, made.memoryMb ?? 256];
    this.runs.push(name);
    this.told.push({ id, cause, name, payload, response, logs: [], durationMs, memoryMb });
    return { kind: "ended", end: { id, response, durationMs, memoryMb } };
  }

  #tell({ frame, response, cause }: Ended): void {
    const { id, logs, durationMs, memoryMb } = frame;
    const name = frame.composed.action.path;
    this.told.push({ id, cause, name, payload: undefined, response, logs, durationMs, memoryMb });
  }

  #entryOf(name: string): Entry {
    const made = this.actions[name];
    const id = this.#id();
    assert(made !== undefined && !("code" in made), `${name} is composed`);
    const composed = composedOf(name, "conductor" in made ? (made.memoryMb ?? 256) : 256);
    if ("conductor" in made) return { kind: "conductor", id, composed, startAt: 1, call: { name } };
    const components = made.sequence.map((path) => ({ namespace: asId<never>("guest"), path: asId<never>(path) }));
    return { kind: "sequence", id, composed, startAt: 1, components };
  }

  #id(): ActivationId {
    this.#ids += 1;
    return asId(this.#ids.toString(16).padStart(32, "0"));
  }
}

function composedOf(path: string, memoryMb: number): Composed {
  return {
    action: { namespace: asId("guest"), path: asId(path), version: "0.0.1", revision: asId("1") },
    limits: { timeoutMs: 60_000, memoryMb, logsMb: 10, concurrency: 1 },
    annotations: [],
  };
}
