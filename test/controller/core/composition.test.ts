import assert from "node:assert/strict";
import { test } from "node:test";
import { Composition } from "../../../src/controller/core/composition.ts";
import type { Payload } from "../../../src/controller/core/composition-state.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/kernel/json.ts";
import { type Made, World } from "./composition-world.ts";

const add: Made = { code: (args) => ({ n: numberOf(args) + 1 }), ms: 7 };
const echo: Made = { code: (args) => args };
const fail: Made = { code: () => ({ error: "no" }), memoryMb: 512, ms: 3 };

/** OpenWhisk's minimal conductor: what it is given says what to do. */
const conductor: Made = {
  conductor: (args) => {
    if (args["error"] !== undefined) return args;
    const { action, state, params, ...rest } = args;
    return {
      ...(action === undefined ? {} : { action }),
      ...(state === undefined ? {} : { state }),
      params: { ...rest, ...(params as JsonObject | undefined) },
    };
  },
};
const echoConductor: Made = { conductor: (args) => args };
const step: Made = {
  code: (args) => (isJsonObject(args) && "n" in args ? { n: numberOf(args) + 1 } : { error: "missing parameter" }),
  memoryMb: 257,
};

function numberOf(args: Payload): number {
  const n = isJsonObject(args) ? args["n"] : 0;
  return typeof n === "number" ? n : 0;
}

function resultOf(actions: Record<string, Made>, name: string, payload: JsonObject = {}): JsonValue {
  return new World(actions).invoke(name, payload).response.result;
}

test("a sequence hands each result to the next, and sums up its components", () => {
  const world = new World({ add, big: { ...echo, memoryMb: 512, ms: 20 }, s: { sequence: ["add", "big", "add"] } });
  const told = world.invoke("s", { n: 1 });
  assert.deepEqual(told.response, { statusCode: 0, result: { n: 3 } });
  assert.deepEqual(
    told.logs,
    world.told.slice(0, 3).map(({ id }) => id),
  );
  assert.equal(told.durationMs, 7 + 20 + 7);
  assert.equal(told.memoryMb, 512);
  assert.equal(told.cause, undefined);
  assert(world.told.slice(0, 3).every(({ cause }) => cause === told.id));
});

test("an error stops a sequence and is its response; one in the initial payload does not", () => {
  const world = new World({ add, fail, s: { sequence: ["add", "fail", "add"] } });
  const told = world.invoke("s");
  assert.deepEqual(told.response, { statusCode: 1, result: { error: "no" } });
  assert.deepEqual(world.runs, ["add", "fail"]);
  assert.equal(told.logs.length, 2);
  const second = new World({ add, clean: { code: () => ({ n: 5 }) }, s: { sequence: ["clean", "add"] } });
  assert.deepEqual(second.invoke("s", { error: "already there" }).response.result, { n: 6 });
  assert.deepEqual(second.told[0]?.payload, { error: "already there" });
});

test("arrays flow between components, and what is neither object nor array becomes an empty object", () => {
  const list: Made = { code: () => [1, 2] };
  const count: Made = { code: (args) => ({ n: Array.isArray(args) ? args.length : -1 }) };
  assert.deepEqual(resultOf({ list, count, s: { sequence: ["list", "count"] } }, "s"), { n: 2 });
  assert.deepEqual(resultOf({ list, s: { sequence: ["list"] } }, "s"), [1, 2]);
  assert.deepEqual(resultOf({ list, echo, conductor, s: { sequence: ["list", "conductor"] } }, "s"), {});
});

test("a component that is missing, or not allowed any more, is an application error in its turn", () => {
  const world = new World({ add, s: { sequence: ["add", "gone", "add"] } });
  const told = world.invoke("s");
  assert.deepEqual(told.response, { statusCode: 1, result: { error: "Sequence component does not exist." } });
  assert.equal(told.logs.length, 1);
  const forbidding = new World({ add, s: { sequence: ["add", "theirs"] } }, ["theirs"]);
  assert.deepEqual(forbidding.invoke("s").response, { statusCode: 1, result: { error: "not yours" } });
});

test("a nested sequence is one log entry, with a record of its own under its cause", () => {
  const world = new World({ add, inner: { sequence: ["add", "add"] }, s: { sequence: ["add", "inner", "add"] } });
  const told = world.invoke("s");
  assert.deepEqual(told.response.result, { n: 4 });
  const inner = world.told.find(({ name }) => name === "inner");
  assert(inner !== undefined);
  assert.equal(inner.cause, told.id);
  assert.equal(inner.durationMs, 14);
  assert.equal(told.durationMs, 28);
  assert.equal(told.logs[1], inner.id);
  assert.deepEqual(
    world.told.filter(({ cause }) => cause === inner.id).map(({ id }) => id),
    inner.logs,
  );
});

test("the limit of 50 counts atomic actions as they run, through nested sequences", () => {
  const many = (count: number): Made => ({ sequence: Array.from({ length: count }, () => "add") });
  const fits = new World({ add, half: many(25), s: { sequence: ["half", "half"] } });
  assert.deepEqual(fits.invoke("s").response.result, { n: 50 });
  const grown = new World({ add, half: many(25), s: { sequence: ["half", "half", "add"] } });
  const told = grown.invoke("s");
  assert.deepEqual(told.response, { statusCode: 1, result: { error: "Too many actions in the sequence." } });
  assert.equal(grown.runs.length, 50);
  assert.equal(told.logs.length, 2);
  const inside = new World({ add, most: many(49), two: many(2), s: { sequence: ["most", "two"] } });
  assert.deepEqual(inside.invoke("s").response.result, { error: "Too many actions in the sequence." });
  assert.equal(inside.runs.length, 50);
});

test("sequences that come to name each other end, and say that they are too long", () => {
  const world = new World({ a: { sequence: ["b"] }, b: { sequence: ["a"] } });
  assert.deepEqual(world.invoke("a").response, {
    statusCode: 1,
    result: { error: "Too many actions in the sequence." },
  });
  assert.equal(world.told.length, 20);
  const round: Made = { conductor: ({ error }) => (error === undefined ? { action: "round" } : { error }) };
  assert.deepEqual(resultOf({ round }, "round"), { error: "Too many actions in the composition." });
});

// OpenWhisk's WskConductorTests, case by case; the number is that of log entries.
const CONDUCTED: readonly (readonly [string, string, JsonObject, JsonObject, number])[] = [
  ["no continuation", "echo", { payload: "x", state: "y" }, { payload: "x", state: "y" }, 1],
  ["an error result", "echo", { error: "x" }, { error: "x" }, 1],
  ["params unwrapped", "echo", { params: { payload: "x" }, result: "x", state: "x" }, { payload: "x" }, 1],
  [
    "an invalid name",
    "echo",
    { payload: "x", action: "invalid#Action" },
    { error: 'Failed to parse action name from json value "invalid#Action" during composition.' },
    2,
  ],
  [
    "no name at all",
    "echo",
    { action: { a: 1 } },
    { error: 'Failed to parse action name from json value {"a":1} during composition.' },
    2,
  ],
  [
    "null for a name",
    "echo",
    { action: null },
    { error: "Failed to parse action name from json value null during composition." },
    2,
  ],
  [
    "an undefined action",
    "echo",
    { payload: "x", action: "missing" },
    { error: "Failed to resolve action with name 'guest/missing' during composition." },
    2,
  ],
  [
    "a forbidden action",
    "echo",
    { action: "forbidden" },
    { error: "Failed entitlement check for action with name 'guest/forbidden' during composition." },
    2,
  ],
  ["one step", "conductor", { action: "step", n: 1 }, { n: 2 }, 3],
  ["a step that fails", "conductor", { action: "step" }, { error: "missing parameter" }, 3],
  ["state forwarded", "conductor", { action: "step", state: { witness: 42 }, n: 1 }, { n: 2, witness: 42 }, 3],
  ["two steps by state", "conductor", { action: "step", state: { action: "step" }, n: 1 }, { n: 3 }, 5],
  ["a nested conductor", "conductor", { action: "conductor", params: { action: "step" }, n: 1 }, { n: 2 }, 3],
  [
    "a nested step, then an outer one",
    "conductor",
    { action: "conductor", state: { action: "step" }, params: { action: "step" }, n: 1 },
    { n: 3 },
    5,
  ],
  [
    "two levels, three steps",
    "conductor",
    {
      action: "conductor",
      state: { action: "step" },
      params: { action: "conductor", state: { action: "step" }, params: { action: "step" } },
      n: 1,
    },
    { n: 4 },
    5,
  ],
  ["a sequence as a step", "conductor", { action: "twice", n: 1 }, { n: 3 }, 3],
];

for (const [what, name, payload, result, logs] of CONDUCTED) {
  test(`a conductor with ${what}`, () => {
    const actions = { echo: echoConductor, conductor, step, twice: { sequence: ["step", "step"] } };
    const world = new World(actions, ["forbidden"]);
    const told = world.invoke(name, payload);
    assert.deepEqual(told.response, { statusCode: "error" in result ? 1 : 0, result });
    assert.equal(told.logs.length, logs);
    const own = world.told.filter(({ cause }) => cause === told.id);
    assert.deepEqual(
      own.map(({ id }) => id),
      told.logs,
    );
    assert.equal(
      told.durationMs,
      own.reduce((sum, { durationMs }) => sum + durationMs, 0),
    );
    assert.equal(told.memoryMb, Math.max(...own.map(({ memoryMb }) => memoryMb)));
  });
}

test("params and state that are no objects are put into one", () => {
  const world = new World({
    echo,
    c: {
      conductor: (args) => ("value" in args ? { params: args } : { action: "echo", params: 42, state: [1] }),
    },
  });
  assert.deepEqual(world.invoke("c").response.result, { value: 42, state: [1] });
});

/** Runs `action` `n` times and gives back how often it was called itself, or what it was told. */
function loop(action: string, n: number): Made {
  return {
    conductor: ({ error, i = 0 }) => {
      if (error !== undefined) return { error };
      return Number(i) < n ? { action, params: {}, state: { i: Number(i) + 1 } } : { params: { rounds: i } };
    },
  };
}

test("a composition has 50 components and 101 calls of its conductor, shared with what it nests", () => {
  const world = new World({ nop: { code: () => ({}) }, c: loop("nop", 50) });
  const told = world.invoke("c");
  assert.deepEqual(told.response.result, { rounds: 50 });
  assert.equal(told.logs.length, 101);
  const over = new World({ nop: { code: () => ({}) }, c: loop("nop", 51) });
  const toldOver = over.invoke("c");
  assert.deepEqual(toldOver.response, { statusCode: 1, result: { error: "Too many actions in the composition." } });
  assert.equal(toldOver.logs.length, 102, "the conductor was told, and gave up");
  const nested = new World({ nop: { code: () => ({}) }, inner: loop("nop", 5), c: loop("inner", 10) });
  assert.deepEqual(nested.invoke("c").response.result, { rounds: 10 });
  assert.equal(nested.runs.length, 50 + 10 * 6 + 11);
  const deaf: Made = { conductor: () => ({ action: "none" }) };
  const stubborn = new World({ deaf });
  assert.deepEqual(stubborn.invoke("deaf").response.result, { error: "Too many actions in the composition." });
  assert.equal(stubborn.runs.length, 101, "one that never hears is stopped");
});

test("a conductor inside of a sequence counts as one action, and begins with a budget of its own", () => {
  const actions = {
    nop: { code: () => ({}) },
    c: loop("nop", 50),
    s: { sequence: Array.from({ length: 50 }, () => "c") },
  };
  const world = new World(actions);
  assert.deepEqual(world.invoke("s").response.result, { rounds: 50 });
  assert.equal(world.runs.length, 50 * 101);
});

test("what multiplies by nesting in turns is stopped after 10,000 runs, and every record of it says so", () => {
  const bomb: Made = {
    conductor: ({ error }) => (error === undefined ? { action: "s" } : { action: "s", params: {} }),
  };
  const actions = { bomb, s: { sequence: ["bomb", "bomb"] } };
  const world = new World(actions, [], { snapshots: false });
  const told = world.invoke("bomb");
  assert.deepEqual(told.response.result, { error: "Too many actions in the composition." });
  assert.equal(world.runs.length, 10_000);
});

test("a composition that is stopped ends all that it has begun, each with a record", () => {
  const name = (path: string) => ({ namespace: asId<never>("guest"), path: asId<never>(path) });
  const composed = {
    action: { namespace: asId<never>("guest"), path: asId<never>("s"), version: "0.0.1", revision: asId<never>("1") },
    limits: { timeoutMs: 1, memoryMb: 128, logsMb: 0, concurrency: 1 },
    annotations: [],
  };
  const entry = { kind: "sequence", composed, startAt: 1 } as const;
  const outer = { ...entry, id: asId<never>("1"), components: [name("a")] };
  const { composition } = Composition.begin(outer, {});
  composition.on({ kind: "found-composition", entry: { ...outer, id: asId("2") } });
  const effects = composition.on({ kind: "stopped", why: "gone" });
  assert.deepEqual(
    effects.map((effect) =>
      effect.kind === "record" || effect.kind === "end"
        ? [effect.kind, effect.ended.frame.id, effect.ended.frame.logs, effect.ended.response]
        : effect.kind,
    ),
    [
      ["record", "2", [], { statusCode: 3, result: { error: "gone" } }],
      ["end", "1", ["2"], { statusCode: 3, result: { error: "gone" } }],
    ],
  );
  assert.throws(() => composition.on({ kind: "found-code" }), /after the end/);
});
