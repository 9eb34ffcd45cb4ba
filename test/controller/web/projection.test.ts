import assert from "node:assert/strict";
import { test } from "node:test";
import type { Extension } from "../../../src/controller/web/address.ts";
import { project, requireAcceptable } from "../../../src/controller/web/projection.ts";
import { Status, type StatusCode } from "../../../src/kernel/activation.ts";
import { isPlatformError } from "../../../src/kernel/errors.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";

/** `status type headers body` of an answer, or the refusal's text. */
function shown(extension: Extension, result: JsonValue, statusCode: StatusCode = Status.success): string {
  try {
    const { status, type, headers, body } = project({ statusCode, result }, extension);
    const text = typeof body === "string" ? body : `<${body.toString("hex")}>`;
    return [status, type?.text ?? "-", headers.join(" "), text].join(" | ");
  } catch (error) {
    assert.ok(isPlatformError(error), String(error));
    return `${error.kind.status} ${error.message}`;
  }
}

const HTTP = "400 Response is not valid 'message/http'.";
const MISMATCH = "400 Response type in header did not match generated content type.";
const UNKNOWN = "400 Response did not specify a known content-type.";
const MISSING = "404 Response does not include requested property.";

test(".http reads statusCode, headers and body", () => {
  const table: readonly [JsonValue, string][] = [
    [{ body: "hi" }, "200 | text/html; charset=UTF-8 |  | hi"],
    [{ body: { a: 1 } }, '200 | application/json |  | {"a":1}'],
    [{ body: [1, 2] }, "200 | application/json |  | [1,2]"],
    [{ body: 3 }, "200 | application/json |  | 3"],
    [{ body: false }, "200 | application/json |  | false"],
    [{ statusCode: 201, body: "hi" }, "201 | text/html; charset=UTF-8 |  | hi"],
    [{ statusCode: "404", body: "no" }, "404 | text/html; charset=UTF-8 |  | no"],
    [{ statusCode: 444, body: "no" }, "444 | text/html; charset=UTF-8 |  | no"],
    [{ statusCode: 302, headers: { location: "/x" } }, "302 | - | location /x | "],
    // Nothing in the body is no content, and has no type.
    [{}, "204 | - |  | "],
    [{ body: "" }, "204 | - |  | "],
    [{ body: null }, "204 | - |  | "],
    [{ statusCode: 200 }, "200 | - |  | "],
    [{ headers: { "Content-Type": "application/json", a: "b" } }, "204 | - | a b | "],
    // What is no HTTP answer.
    ["text", HTTP],
    [[1], HTTP],
    [null, HTTP],
    [{ statusCode: "two hundred" }, HTTP],
    [{ statusCode: 200.5 }, HTTP],
    [{ statusCode: true }, HTTP],
    [{ statusCode: null }, HTTP],
    [{ statusCode: "" }, HTTP],
    [{ statusCode: 100 }, HTTP],
    [{ statusCode: 1000 }, HTTP],
    [{ statusCode: -1 }, HTTP],
    [{ headers: "x" }, HTTP],
    [{ headers: null }, HTTP],
    [{ headers: ["a"] }, HTTP],
    [{ headers: { a: null } }, HTTP],
    [{ headers: { a: { b: 1 } } }, HTTP],
    [{ headers: { a: ["b", null] } }, HTTP],
  ];
  for (const [result, expected] of table) assert.equal(shown("http", result), expected, JSON.stringify(result));
});

test("headers are texts, numbers, flags, or lists of them; what HTTP forbids is no answer", () => {
  const table: readonly [JsonValue, string][] = [
    [{ A: "x", b: 1, c: true }, "204 | - | A x b 1 c true | "],
    [{ "Set-Cookie": ["a=b", "c=d; Path = /"] }, "204 | - | Set-Cookie a=b Set-Cookie c=d; Path = / | "],
    [{ a: [["1", 2], [true]] }, "204 | - | a 1 a 2 a true | "],
    [{ a: [] }, "204 | - |  | "],
    [{ "bad name": "x" }, HTTP],
    [{ "": "x" }, HTTP],
    [{ a: "x\r\nset-cookie: y" }, HTTP],
    [{ a: "x\0" }, HTTP],
    [{ a: "\u{1f600}" }, HTTP],
    // What is about the connection, or names the request, is the platform's.
    [
      {
        Connection: "close",
        "Content-Length": 7,
        "Transfer-Encoding": "chunked",
        Trailer: "x",
        Upgrade: "h2c",
        "X-Request-Id": "mine",
        "X-OpenWhisk-Activation-Id": "mine",
        kept: "yes",
      },
      "204 | - | kept yes | ",
    ],
  ];
  for (const [headers, expected] of table) assert.equal(shown("http", { headers }), expected, JSON.stringify(headers));
});

test("the content type says what a string is: text, or base64 of bytes", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const hex = (text: string) => `<${Buffer.from(text).toString("hex")}>`;
  const table: readonly [string, JsonValue, string][] = [
    ["text/plain", "hi", "200 | text/plain; charset=UTF-8 |  | hi"],
    ["text/plain", base64("hi!"), `200 | text/plain; charset=UTF-8 |  | ${base64("hi!")}`],
    ["image/png", base64("\x89PNG"), `200 | image/png |  | ${hex("\x89PNG")}`],
    ["image/png", "aGk", `200 | image/png |  | ${hex("hi")}`],
    ["application/octet-stream", base64("x"), `200 | application/octet-stream |  | ${hex("x")}`],
    ["image/svg+xml", base64("<svg/>"), `200 | image/svg+xml |  | ${hex("<svg/>")}`],
    ["image/png", "not base64", MISMATCH],
    ["image/png", "aGkxx", MISMATCH],
    ["image/png", "aG=k", MISMATCH],
    ["image/svg+xml", "<svg/>", MISMATCH],
    ["image/png", { a: 1 }, MISMATCH],
    ["text/html", { a: 1 }, MISMATCH],
    ["xyzbar", { a: 1 }, MISMATCH],
    ["xyzbar", "hi", UNKNOWN],
    // JSON: a value, its text, or the base64 of its text.
    ["application/json", { a: 1 }, '200 | application/json |  | {"a":1}'],
    ["application/json", '{"a":1}', '200 | application/json |  | {"a":1}'],
    ["application/json", base64('{"a":1}'), `200 | application/json |  | ${hex('{"a":1}')}`],
    ["application/json", "hello world", "200 | application/json |  | hello world"],
    ["application/json; charset=utf-8", { a: 1 }, '200 | application/json |  | {"a":1}'],
    ["application/json-patch+json", base64("[]"), `200 | application/json-patch+json |  | ${hex("[]")}`],
    ["application/hal+json", { a: [1, 2] }, '200 | application/hal+json |  | {\n  "a": [1, 2]\n}'],
    ["application/hal+json", '{"a":1}', '200 | application/hal+json |  | {"a":1}'],
    // Text that OpenWhisk takes for bytes: in base64, as there, or as it is.
    ["text/javascript", "let a = 1;", "200 | text/javascript; charset=UTF-8 |  | let a = 1;"],
    ["text/javascript", base64("let a;"), `200 | text/javascript; charset=UTF-8 |  | ${hex("let a;")}`],
  ];
  for (const [type, body, expected] of table) {
    assert.equal(
      shown("http", { headers: { "Content-Type": type }, body }),
      expected,
      `${type} ${JSON.stringify(body)}`,
    );
  }
});

test("the other extensions take one thing of a result, and give it one type", () => {
  const table: readonly [Extension, JsonValue, string][] = [
    ["json", { a: 1 }, '200 | application/json |  | {"a":1}'],
    ["json", [1], "200 | application/json |  | [1]"],
    ["json", { statusCode: 404, body: "x" }, '200 | application/json |  | {"statusCode":404,"body":"x"}'],
    ["json", "x", "400 Response is not valid 'application/json'."],
    ["json", 1, "400 Response is not valid 'application/json'."],
    ["json", null, "400 Response is not valid 'application/json'."],
    ["html", { html: "<p>" }, "200 | text/html; charset=UTF-8 |  | <p>"],
    ["html", { body: "<b>", html: "<p>" }, "200 | text/html; charset=UTF-8 |  | <b>"],
    ["html", "<i>", "200 | text/html; charset=UTF-8 |  | <i>"],
    ["html", { html: "" }, "200 | text/html; charset=UTF-8 |  | "],
    ["html", { html: 1 }, "400 Response is not valid 'text/html'."],
    ["html", { body: null, html: "<p>" }, "400 Response is not valid 'text/html'."],
    ["html", {}, "400 Response is not valid 'text/html'."],
    ["html", ["<p>"], "400 Response is not valid 'text/html'."],
    ["svg", { svg: "<svg/>" }, "200 | image/svg+xml |  | <svg/>"],
    ["svg", { body: "<svg/>" }, "200 | image/svg+xml |  | <svg/>"],
    ["svg", { svg: {} }, "400 Response is not valid 'image/svg+xml'."],
    ["text", { text: "t" }, "200 | text/plain; charset=UTF-8 |  | t"],
    ["text", { body: "b", text: "t" }, "200 | text/plain; charset=UTF-8 |  | b"],
    ["text", { body: 1 }, "200 | text/plain; charset=UTF-8 |  | 1"],
    ["text", { body: true }, "200 | text/plain; charset=UTF-8 |  | true"],
    ["text", { body: null, text: "t" }, "200 | text/plain; charset=UTF-8 |  | null"],
    ["text", { body: { a: "A", b: {} } }, '200 | text/plain; charset=UTF-8 |  | {\n  "a": "A",\n  "b": {\n\n  }\n}'],
    ["text", { body: ["a", [1, { b: 2 }]] }, '200 | text/plain; charset=UTF-8 |  | ["a", [1, {\n  "b": 2\n}]]'],
    ["text", ["a"], '200 | text/plain; charset=UTF-8 |  | ["a"]'],
    ["text", { a: 1 }, MISSING],
  ];
  for (const [extension, result, expected] of table) {
    assert.equal(shown(extension, result), expected, `${extension} ${JSON.stringify(result)}`);
  }
});

test("an application error is shown by the same rules; of other failures only that there was one", () => {
  const error = Status.applicationError;
  assert.equal(
    shown("http", { error: { statusCode: 403, body: "no" } }, error),
    "403 | text/html; charset=UTF-8 |  | no",
  );
  assert.equal(shown("http", { error: "plain" }, error), HTTP);
  assert.equal(shown("json", { error: { a: 1 } }, error), '200 | application/json |  | {"a":1}');
  assert.equal(shown("json", { error: "plain" }, error), "400 Response is not valid 'application/json'.");
  assert.equal(shown("text", { error: "plain" }, error), "200 | text/plain; charset=UTF-8 |  | plain");
  assert.equal(shown("json", { other: 1 }, error), MISSING);
  assert.equal(shown("json", [1], error), MISSING);
  for (const status of [Status.developerError, Status.whiskError]) {
    for (const extension of ["http", "json", "html", "svg", "text"] as const) {
      assert.equal(
        shown(extension, { error: { body: "secret" }, body: "secret" }, status),
        "400 There was an error processing your request.",
      );
    }
  }
});

test("an answer of a type that the caller does not take is refused by its name; what is empty or an error is not", () => {
  const refusal = (result: JsonValue, accept: string): string | undefined => {
    try {
      requireAcceptable(project({ statusCode: Status.success, result }, "http"), accept);
      return undefined;
    } catch (error) {
      assert.ok(isPlatformError(error, "request/not-acceptable"));
      return error.message;
    }
  };
  const text = "Resource representation is only available with these types:\ntext/html; charset=UTF-8";
  assert.equal(refusal({ body: "Plain text" }, "application/json"), text);
  assert.equal(refusal({ statusCode: 302, body: "moved" }, "application/json"), text);
  assert.equal(refusal({ body: "Plain text" }, "text/*"), undefined);
  assert.equal(refusal({ statusCode: 204 }, "application/json"), undefined);
  assert.equal(refusal({}, "application/json"), undefined);
  assert.equal(refusal({ statusCode: 404, body: "no" }, "application/json"), undefined);
});

test("deep and wide results are printed within bounds", () => {
  let deep: JsonValue = 1;
  for (let n = 0; n < 2000; n += 1) deep = n % 2 === 0 ? { a: deep, b: [1] } : [deep];
  const text = shown("text", { body: deep });
  assert.ok(text.length < 2_000_000, `${text.length}`);
  assert.equal(JSON.stringify(JSON.parse(text.slice(text.lastIndexOf(" |  | ") + 6))), JSON.stringify(deep));
});
