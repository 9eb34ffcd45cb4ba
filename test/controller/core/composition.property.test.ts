import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { COMPONENTS_MAX, CONDUCTORS_MAX, NESTING_MAX } from "../../../src/controller/core/composition-state.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { type Made, type Told, World } from "./composition-world.ts";

// The long run: SKEIN_RANDOM_RUNS=20000 node --test test/controller/core/composition.property.test.ts
const RUNS = Number(process.env["SKEIN_RANDOM_RUNS"] ?? 300);
const CODE = ["a", "b", "c", "d", "e", "gone", "theirs", "bad#name"];
// Each may name those after it; what names itself in the end is a test of its own.
const COMPOSED = ["s1", "c1", "s2", "c2", "s3"];
const namesAfter = (own: string) => fc.constantFrom(...CODE, ...CODE, ...COMPOSED.slice(COMPOSED.indexOf(own) + 1));

const code: fc.Arbitrary<Made> = fc.record({
  code: fc.constantFrom(
    () => ({}),
    (args: unknown) => args as JsonObject,
    () => [1, { two: 2 }],
    () => ({ error: "fails" }),
    () => ({ n: 1, state: "not mine" }),
  ),
  memoryMb: fc.constantFrom(128, 256, 512),
  ms: fc.nat(100),
});

const sequence = (own: string): fc.Arbitrary<Made> =>
  fc.record({ sequence: fc.array(namesAfter(own), { minLength: 1, maxLength: 6 }) });

/** A conductor that follows a list, and gives up on an error or goes on in spite of it. */
const conductor = (own: string): fc.Arbitrary<Made> =>
  fc
    .record({
      plan: fc.oneof(
        { weight: 5, arbitrary: fc.array(namesAfter(own), { maxLength: 6 }) },
        { weight: 1, arbitrary: fc.array(fc.constantFrom(...CODE), { minLength: 45, maxLength: 60 }) },
      ),
      givesUp: fc.boolean(),
      memoryMb: fc.constantFrom(128, 512),
      ms: fc.nat(9),
    })
    .map(({ plan, givesUp, memoryMb, ms }) => ({
      conductor: (args) => {
        const at = typeof args["at"] === "number" ? args["at"] : 0;
        if (givesUp && args["error"] !== undefined) return { error: "gave up" };
        const action = plan[at];
        return action === undefined ? { params: { done: at } } : { action, params: { x: at }, state: { at: at + 1 } };
      },
      memoryMb,
      ms,
    }));

const actions: fc.Arbitrary<Record<string, Made>> = fc.record({
  a: code,
  b: code,
  c: code,
  d: code,
  e: code,
  s1: sequence("s1"),
  s2: sequence("s2"),
  s3: sequence("s3"),
  c1: conductor("c1"),
  c2: conductor("c2"),
});

function worldOf(made: Record<string, Made>): World {
  return new World(made, ["theirs"]);
}

function childrenOf(world: World, parent: Told): readonly Told[] {
  return world.told.filter(({ cause }) => cause === parent.id);
}

test("every composition ends, in bounds, and each record is the sum of those that it caused", () => {
  const property = fc.property(actions, fc.constantFrom("s1", "c1"), (made, start) => {
    const world = worldOf(made);
    const told = world.invoke(start, { error: "of the payload" });
    assert.equal(told.cause, undefined);
    assert.equal(new Set(world.told.map(({ id }) => id)).size, world.told.length, "ids are used once");
    for (const one of world.told) {
      const made = world.actions[one.name]!;
      if ("code" in made) continue;
      // A conductor's own runs bear its name, too.
      if ("conductor" in made && one.payload !== undefined) continue;
      const children = childrenOf(world, one);
      assert.deepEqual(
        children.map(({ id }) => id),
        one.logs,
      );
      assert.equal(
        one.durationMs,
        children.reduce((sum, { durationMs }) => sum + durationMs, 0),
      );
      const own = "conductor" in made ? (made.memoryMb ?? 256) : 0;
      assert.equal(one.memoryMb, Math.max(own, ...children.map(({ memoryMb }) => memoryMb)));
      if ("sequence" in made) {
        assert(one.logs.length <= COMPONENTS_MAX);
        // Whatever failed is the last that ran, and so is the answer (unless the platform stopped it for its length).
        assert(children.slice(0, -1).every(({ response }) => response.statusCode === 0));
      } else {
        assert(children.filter(({ name: child }) => child === one.name).length <= CONDUCTORS_MAX);
        // A conductor has the last word, unless what it nests has used up the calls they share.
        const isTooLong = isDeepStrictEqual(one.response.result, { error: "Too many actions in the composition." });
        assert(children.at(-1)?.name === one.name || isTooLong);
      }
    }
    assert(world.snapshots.every(({ frames }) => frames.length >= 1 && frames.length <= NESTING_MAX));
  });
  fc.assert(property, { numRuns: RUNS });
});

test("the same composition comes to the same end from every snapshot of it", () => {
  const property = fc.property(actions, (made) => {
    const world = worldOf(made);
    // `World.invoke` restores each step from its snapshot's JSON; a second run is the control.
    const [first, second] = [world.invoke("c1"), world.invoke("c1")];
    assert.deepEqual(second.response, first.response);
    assert.equal(second.durationMs, first.durationMs);
    assert.equal(second.logs.length, first.logs.length);
  });
  fc.assert(property, { numRuns: 100 });
});

/** What a sequence of plain actions comes to, in three lines of its own. */
function modelOf(world: World, names: readonly string[], payload: JsonObject): unknown {
  let value: unknown = payload;
  for (const one of names) {
    const made = world.actions[one];
    if (world.forbidden.has(one)) return { error: "not yours" };
    if (made === undefined || !("code" in made)) return { error: "Sequence component does not exist." };
    value = made.code(value as JsonObject);
    if (typeof value === "object" && value !== null && "error" in value) return value;
  }
  return value;
}

test("a sequence of plain actions comes to what applying them in turn comes to", () => {
  const plain = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "gone", "theirs"), { minLength: 1, maxLength: 50 });
  const property = fc.property(
    actions,
    plain,
    fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true }),
    (made, names, payload) => {
      const own = worldOf({ ...made, s: { sequence: names } });
      assert.deepEqual(own.invoke("s", payload).response.result, modelOf(own, names, payload));
    },
  );
  fc.assert(property, { numRuns: RUNS });
});
