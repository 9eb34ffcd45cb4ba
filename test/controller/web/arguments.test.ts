import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import { argumentsOf, type WebRequest } from "../../../src/controller/web/arguments.ts";
import { isPlatformError } from "../../../src/kernel/errors.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";

const NONE: ReadonlySet<string> = new Set();
const FORM = "application/x-www-form-urlencoded";

function given(
  part: Partial<WebRequest>,
  action: { raw?: boolean; finalNames?: ReadonlySet<string> } = {},
): JsonObject {
  const request = { method: "POST", headers: {}, rest: "", query: "", body: Buffer.alloc(0), ...part };
  return argumentsOf(request, { raw: action.raw ?? false, finalNames: action.finalNames ?? NONE });
}

/** What is given beside the facts of the request. */
function fields(
  type: string | undefined,
  body: string | Buffer,
  more: { query?: string; raw?: boolean } = {},
): JsonObject {
  const headers: IncomingHttpHeaders = type === undefined ? {} : { "content-type": type };
  const { __ow_method, __ow_headers, __ow_path, ...rest } = given(
    { headers, body: Buffer.from(body), query: more.query ?? "" },
    { raw: more.raw ?? false },
  );
  assert.deepEqual([__ow_method, __ow_headers, __ow_path], ["post", headers, ""]);
  return rest;
}

const refused = (run: () => unknown, text: RegExp): void =>
  assert.throws(run, (error) => isPlatformError(error, "request/malformed") && text.test(error.message));
const NOT_ALLOWED = /^Request defines parameters that are not allowed \(e\.g\., reserved properties\)\.$/;

test("an action learns the verb, the headers, the path, and the caller whom the platform knows", () => {
  const headers = {
    host: "h",
    cookie: "a=b",
    "set-cookie": ["x", "y"],
    "content-length": "0",
    "transfer-encoding": "chunked",
  };
  assert.deepEqual(given({ method: "PATCH", headers, rest: "/a/b" }), {
    __ow_method: "patch",
    __ow_headers: { host: "h", cookie: "a=b", "set-cookie": "x, y" },
    __ow_path: "/a/b",
  });
  assert.equal(given({ user: "guest" })["__ow_user"], "guest");
});

test("credentials of strangers are the action's to read, a key of the platform is not", () => {
  const headers = { authorization: "Basic x", "x-require-whisk-auth": "s" };
  assert.deepEqual(given({ headers })["__ow_headers"], headers);
  assert.deepEqual(given({ headers, user: "guest" })["__ow_headers"], { "x-require-whisk-auth": "s" });
});

test("fields of query and body become arguments; the body's win, and the last of one name", () => {
  assert.deepEqual(fields(undefined, "", { query: "a=b&c=d&a=e&f&=g&h=%20%2B+" }), {
    a: "e",
    c: "d",
    f: "",
    "": "g",
    h: " + ",
  });
  assert.deepEqual(fields("application/json", '{"a":[1],"b":true}', { query: "a=q&c=q" }), { a: [1], b: true, c: "q" });
  assert.deepEqual(fields("application/vnd.mine+json; charset=utf-8", '{"a":1}'), { a: 1 });
  assert.deepEqual(fields(FORM, "a=1&b=x+y%21&a=2", { query: "b=q&c=q" }), { a: "2", b: "x y!", c: "q" });
  assert.deepEqual(fields(`${FORM}; charset=utf-8`, "name=%C3%A9"), { name: "é" });
});

test("a body without fields is __ow_body: JSON as it is, text as text, the rest in base64", () => {
  for (const value of [[1, "a"], "text", 7, true, null] as const) {
    assert.deepEqual(fields("application/json", JSON.stringify(value)), { __ow_body: value });
  }
  assert.deepEqual(fields("text/plain", "1,2,3"), { __ow_body: "1,2,3" });
  assert.deepEqual(fields("text/html; charset=utf-8", "<p>é"), { __ow_body: "<p>é" });
  assert.deepEqual(fields("application/xml", "<a/>"), { __ow_body: "<a/>" });
  const bytes = Buffer.from([0, 255, 128, 10]);
  for (const type of [
    "application/octet-stream",
    "image/png",
    "multipart/form-data; boundary=x",
    undefined,
    "no type",
  ]) {
    assert.deepEqual(fields(type, bytes), { __ow_body: "AP+ACg==" });
  }
});

test("an empty body gives nothing, unless it is an empty text", () => {
  for (const type of ["application/json", FORM, "image/png", undefined]) assert.deepEqual(fields(type, ""), {});
  assert.deepEqual(fields("text/plain", ""), { __ow_body: "" });
  assert.deepEqual(fields("application/json", "{}"), {});
});

test("a raw action gets query and body as they came: text as text, JSON and bytes in base64", () => {
  const raw = true;
  const query = "a=b&a=%20c&__ow_method=x";
  assert.deepEqual(fields(undefined, "", { raw, query }), { __ow_query: query, __ow_body: "" });
  assert.deepEqual(fields("application/json", '{"__ow_path":1}', { raw }), {
    __ow_query: "",
    __ow_body: Buffer.from('{"__ow_path":1}').toString("base64"),
  });
  assert.deepEqual(fields("application/json", "{", { raw })["__ow_body"], "ew==");
  assert.deepEqual(fields(FORM, "a=1&b=2", { raw })["__ow_body"], "a=1&b=2");
  assert.deepEqual(fields("text/plain", "1,2", { raw })["__ow_body"], "1,2");
  assert.deepEqual(fields("image/png", "x", { raw })["__ow_body"], "eA==");
  assert.deepEqual(fields(undefined, "x", { raw })["__ow_body"], "eA==");
});

test("what is not the caller's to set is refused, wherever it is set", () => {
  const finalNames = new Set(["mine"]);
  for (const name of ["__ow_method", "__ow_headers", "__ow_path", "__ow_user", "__ow_query", "__ow_body", "mine"]) {
    const json = { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify({ [name]: 1 })) };
    const form = { headers: { "content-type": FORM }, body: Buffer.from(`${name}=1`) };
    for (const request of [{ query: `a=1&${name}=1` }, json, form]) {
      refused(() => given(request, { finalNames }), NOT_ALLOWED);
      assert.equal(typeof given(request, { finalNames, raw: true })["__ow_body"], "string");
    }
  }
  assert.equal(given({ query: "yours=1&__ow_other=2" }, { finalNames })["yours"], "1");
});

test("JSON that is none is refused; a name of the language is a name like any other", () => {
  const json = (text: string) => () => fields("application/json", text);
  refused(json("{"), /^The request content was malformed:\n/);
  refused(json(" "), /^The request content was malformed:\n/);
  refused(json(`{"a":${"[".repeat(2000)}${"]".repeat(2000)}}`), /nested more deeply/);
  const args = fields("application/json", '{"__proto__":{"x":1},"constructor":2}', { query: "toString=q" });
  assert.deepEqual(Object.keys(args).sort(), ["__proto__", "constructor", "toString"]);
  assert.equal(Object.getPrototypeOf(args), Object.prototype);
  assert.equal((args as Record<string, unknown>)["x"], undefined);
});
