import assert from "node:assert/strict";
import { test } from "node:test";
import { isJsonType, mediaTypeText, parseMediaType } from "../../../src/controller/web/media-type.ts";

const read = (text: string) => {
  const type = parseMediaType(text);
  return type === undefined ? undefined : [type.form, mediaTypeText(type)];
};

test("a media type is text, or UTF-8 by definition, or bytes", () => {
  const table: readonly [string, string, string][] = [
    ["text/html", "text", "text/html; charset=UTF-8"],
    ["TEXT/Plain", "text", "text/plain; charset=UTF-8"],
    ["text/javascript", "text", "text/javascript; charset=UTF-8"],
    ["application/xml", "text", "application/xml; charset=UTF-8"],
    ["application/javascript", "text", "application/javascript; charset=UTF-8"],
    ["application/json", "utf8", "application/json"],
    ["application/problem+json", "utf8", "application/problem+json"],
    ["text/event-stream", "utf8", "text/event-stream"],
    ["application/x-www-form-urlencoded", "utf8", "application/x-www-form-urlencoded"],
    ["application/octet-stream", "binary", "application/octet-stream"],
    ["application/pdf; charset=utf-8", "binary", "application/pdf"],
    ["image/png", "binary", "image/png"],
    ["image/svg+xml", "binary", "image/svg+xml"],
    ["multipart/form-data; boundary=x", "binary", "multipart/form-data; boundary=x"],
    ["application/hal+json", "binary", "application/hal+json"],
    ["application/x-mine", "binary", "application/x-mine"],
    // A charset makes text of what nobody knows.
    ["application/x-mine; charset=utf-8", "text", "application/x-mine; charset=UTF-8"],
    ["application/vnd.ms-excel; charset=utf-8", "binary", "application/vnd.ms-excel"],
  ];
  for (const [text, form, label] of table) assert.deepEqual(read(text), [form, label], text);
});

test("what is sent as UTF-8 is labelled so, whatever was asked for; other parameters stay", () => {
  assert.deepEqual(read("text/html; charset=iso-8859-1"), ["text", "text/html; charset=UTF-8"]);
  assert.deepEqual(read("application/json;charset=utf-8"), ["utf8", "application/json"]);
  assert.deepEqual(read('text/plain; format=flowed; x="a; b" ;charset="utf-8"'), [
    "text",
    'text/plain; format=flowed; x="a; b"; charset=UTF-8',
  ]);
});

test("what is no media type is none, in no time", () => {
  for (const text of [
    "",
    "xyzbar",
    "xyz:bar",
    "text",
    "text/",
    "/html",
    "*/*",
    "text/*",
    "a b/c",
    "text/html; x",
    "a/b/c",
  ])
    assert.equal(parseMediaType(text), undefined, text);
  const started = performance.now();
  assert.equal(parseMediaType(`text/html${"; ".repeat(100_000)}x`), undefined);
  assert.equal(parseMediaType(`text/html;${" ".repeat(100_000)}x`), undefined);
  assert.ok(performance.now() - started < 1000);
});

test("JSON is JSON by its name or its suffix", () => {
  for (const [text, isJson] of [
    ["application/json", true],
    ["application/json; charset=utf-8", true],
    ["application/hal+json", true],
    ["image/svg+xml", false],
    ["text/html", false],
    ["application/jsonp", false],
  ] as const) {
    const type = parseMediaType(text);
    assert.ok(type !== undefined);
    assert.equal(isJsonType(type), isJson, text);
  }
});

test("more types than are remembered are all read right", () => {
  for (let n = 0; n < 1000; n += 1) assert.equal(read(`text/x-${n}`)?.[1], `text/x-${n}; charset=UTF-8`);
  assert.equal(read("text/x-0")?.[1], "text/x-0; charset=UTF-8");
});
