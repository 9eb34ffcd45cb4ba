import assert from "node:assert/strict";
import { test } from "node:test";
import { agoText, bytesText, durationText, fieldList, jsonText, table, timeText } from "../../src/cli/output.ts";
import { joinPairs, valueOf } from "../../src/cli/parameters.ts";

test("tables align, and no line ends in spaces", () => {
  assert.equal(
    table(
      ["A", "LONG"],
      [
        ["wide cell", ""],
        ["x", "y"],
      ],
    ),
    "A          LONG\nwide cell\nx          y\n",
  );
  assert.equal(table(["A"], []), "A\n");
  assert.equal(
    fieldList([
      ["a", "1"],
      ["long", "2"],
    ]),
    "a     1\nlong  2\n",
  );
});

test("times and sizes are for people", () => {
  assert.deepEqual(
    [0, 59_000, 60_000, 7_200_000, 86_400_000 * 3].map((ms) => agoText(0, ms)),
    ["0s ago", "59s ago", "1m ago", "2h ago", "3d ago"],
  );
  assert.equal(agoText(1000, 0), "0s ago", "clocks of two machines differ");
  assert.deepEqual([7, 1250, 125_000].map(durationText), ["7 ms", "1.25 s", "2 m 5 s"]);
  assert.deepEqual([12, 4300, 37_748_736].map(bytesText), ["12 B", "4.2 KB", "36.0 MB"]);
  assert.match(timeText(1_700_000_000_000), /^2023-11-1\d \d\d:\d\d:\d\d$/);
  assert.deepEqual([timeText(undefined), durationText(undefined), agoText(undefined, 0)], ["-", "-", "-"]);
});

test("JSON is one line, but for a terminal that is too narrow", () => {
  const value = { a: [1, 2] };
  assert.equal(jsonText(value, { terminal: false, columns: 1 }), '{"a":[1,2]}\n');
  assert.equal(jsonText(value, { terminal: true, columns: 80 }), '{"a":[1,2]}\n');
  assert.equal(jsonText(value, { terminal: true, columns: 5 }).split("\n").length, 7);
});

test("values are JSON where they parse, else text", () => {
  assert.deepEqual(["1", "true", "null", '"1"', '{"a":1}', "[1", "Ada", "", "01"].map(valueOf), [
    1,
    true,
    null,
    "1",
    { a: 1 },
    "[1",
    "Ada",
    "",
    "01",
  ]);
});

test("pairs are joined up to --, whatever the value begins with", () => {
  assert.deepEqual(joinPairs(["invoke", "-p", "a", "--b", "x", "--", "-p", "c"]), [
    "invoke",
    '--param=["a","--b"]',
    "x",
    "--",
    "-p",
    "c",
  ]);
  assert.deepEqual(joinPairs(["--web", "raw", "--web", "f.js"]), ["--web=raw", "--web=true", "f.js"]);
});
