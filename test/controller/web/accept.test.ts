import assert from "node:assert/strict";
import { test } from "node:test";
import { accepts } from "../../../src/controller/web/accept.ts";

test("an accept header takes what its most specific range takes", () => {
  const table: readonly [string | undefined, string, boolean][] = [
    [undefined, "text/html", true],
    ["*/*", "text/html", true],
    ["*", "text/html", true],
    ["text/html", "text/html", true],
    ["TEXT/HTML", "text/html", true],
    ["text/*", "text/html", true],
    ["text/*;q=0.3, text/html;level=1", "text/html", true],
    ["application/json", "text/html", false],
    ["application/json, text/plain", "text/html", false],
    ["text/html;q=0", "text/html", false],
    ["text/html;q=0, */*", "text/html", false],
    ["text/*;q=0, */*", "text/html", false],
    ["text/*;q=0, text/html", "text/html", true],
    ["*/*;q=0", "text/html", false],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "image/png", true],
    // What cannot be read says nothing.
    ["", "text/html", true],
    ["nonsense", "text/html", true],
    ["nonsense, application/json", "text/html", false],
    ["text/html;q=x", "text/html", true],
  ];
  for (const [header, type, expected] of table) assert.equal(accepts(header, type), expected, `${header} for ${type}`);
});
