import assert from "node:assert/strict";
import { test } from "node:test";
import { Line, Link } from "../../../src/invoker/core/line.ts";

const links = (text: string): Link<string>[] => text.split("").map((letter) => new Link(letter));

test("members leave from the front, the middle and the end", () => {
  const line = new Line<string>();
  const [a, b, c, d] = links("abcd") as [Link<string>, Link<string>, Link<string>, Link<string>];
  for (const link of [a, b, c, d]) line.push(link);
  line.remove(b);
  assert.deepEqual([...line], ["a", "c", "d"]);
  line.remove(a);
  line.remove(d);
  assert.deepEqual([line.first, line.last, line.size], ["c", "c", 1]);
  line.remove(c);
  assert.deepEqual([line.first, line.last, line.size], [undefined, undefined, 0]);
});

test("one put at the front is first", () => {
  const line = new Line<string>();
  for (const link of links("ab")) line.unshift(link);
  assert.deepEqual([...line], ["b", "a"]);
});

test("a link is in one line at a time", () => {
  const one = new Line<string>();
  const other = new Line<string>();
  const [a] = links("a") as [Link<string>];
  one.push(a);
  assert.throws(() => other.push(a), /in a line already/);
  a.moveTo(other);
  assert.deepEqual([one.size, other.size], [0, 1]);
  a.moveTo(undefined);
  assert.equal(other.size, 0);
  assert.throws(() => other.remove(a), /not in this line/);
});
