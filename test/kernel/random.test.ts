import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";

const draw = (seed: string, n = 8): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => random.next());
};

test("the same seed gives the same numbers, another seed others", () => {
  assert.deepEqual(draw("a"), draw("a"));
  assert.notDeepEqual(draw("a"), draw("b"));
});

test("numbers are in [0, 1), whole ones in [0, below), and all of those turn up", () => {
  assert.ok(draw("range", 10_000).every((x) => x >= 0 && x < 1));
  const random = seededRandom("dice");
  const seen = new Set(Array.from({ length: 1000 }, () => random.int(6)));
  assert.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5],
  );
});

test("a stream depends on its name only, not on what was drawn before", () => {
  const random = seededRandom("root");
  const first = random.stream("jitter").next();
  random.next();
  assert.equal(random.stream("jitter").next(), first);
  assert.notEqual(random.stream("choice").next(), first);
});
