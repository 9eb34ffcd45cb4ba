import assert from "node:assert/strict";
import { test } from "node:test";
import { parseWebAddress } from "../../../src/controller/web/address.ts";

const at = (target: string) => {
  const found = parseWebAddress(`/api/v1/web/${target}`);
  return found === undefined
    ? undefined
    : [found.ref.namespace, found.ref.path, found.extension, found.rest, found.query].join(" | ");
};

test("a path names namespace, package, action, extension, and what is behind them", () => {
  const table: readonly [string, string][] = [
    ["guest/default/a", "guest | a | http |  | "],
    ["guest/pkg/a", "guest | pkg/a | http |  | "],
    ["guest/pkg/a.http", "guest | pkg/a | http |  | "],
    ["guest/pkg/a.json", "guest | pkg/a | json |  | "],
    ["guest/pkg/a.html", "guest | pkg/a | html |  | "],
    ["guest/pkg/a.svg", "guest | pkg/a | svg |  | "],
    ["guest/pkg/a.text", "guest | pkg/a | text |  | "],
    // A known extension is always taken off, any other belongs to the name.
    ["guest/default/a.json.http", "guest | a.json | http |  | "],
    ["guest/default/a.xyz", "guest | a.xyz | http |  | "],
    ["guest/default/a.JSON", "guest | a.JSON | http |  | "],
    // The rest keeps its slashes and its percent signs.
    ["guest/default/a/", "guest | a | http | / | "],
    ["guest/default/a.json/b/c", "guest | a | json | /b/c | "],
    ["guest/default/a//b//", "guest | a | http | //b// | "],
    ["guest/default/a/b%20c%2Fd.html", "guest | a | http | /b%20c%2Fd.html | "],
    // So does the query.
    ["guest/default/a?x=1&x=2&y=%20+", "guest | a | http |  | x=1&x=2&y=%20+"],
    ["guest/default/a/b?c/d?e", "guest | a | http | /b | c/d?e"],
    ["guest/default/a?", "guest | a | http |  | "],
    // Names may hold what paths must escape.
    ["my%20space/p%40q/an%20action.text", "my space | p@q/an action | text |  | "],
    ["guest/p%2Fq/a", ""],
  ];
  for (const [target, expected] of table) assert.equal(at(target) ?? "", expected, target);
});

test("what names no action is no address", () => {
  for (const target of [
    "",
    "guest",
    "guest/",
    "guest/pkg",
    "guest/pkg/",
    "//a",
    "guest//a",
    "guest/pkg/.json",
    "guest/pkg/%zz",
  ])
    assert.equal(at(target), undefined, target);
  assert.equal(at(`guest/default/${"a".repeat(257)}`), undefined);
  assert.equal(at("guest/default/$a"), undefined);
  assert.equal(parseWebAddress("/api/v1/namespaces/guest/actions/a"), undefined);
});
