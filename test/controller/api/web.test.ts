import assert from "node:assert/strict";
import { test } from "node:test";
import { PlatformError } from "../../../src/kernel/errors.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { type CallOptions, GUEST, type Harness, OTHER, type Reply, recordOf, source, startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";
const WEB = "/api/v1/web";
const VERBS = ["GET", "DELETE", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"] as const;
const MISSING = "The requested resource does not exist.";
const DEFAULT_ALLOW = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent";

type Annotations = Readonly<Record<string, JsonValue>>;

/** Deploys an action of guest's, exported unless the annotations say otherwise. */
async function deploy(api: Harness, name: string, annotations: Annotations = {}, more: object = {}): Promise<void> {
  const all = Object.entries({ "web-export": true, ...annotations }).map(([key, value]) => ({ key, value }));
  const put = await api.call("PUT", `${TREE}/actions/${name}`, { json: { ...source(), annotations: all, ...more } });
  assert.equal(put.status, 200, put.text);
}

/** What anybody gets. */
function ask(api: Harness, method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  return api.call(method, `${WEB}/${path}`, { auth: null, ...options });
}

/** Has every call end with this result. */
function answerWith(api: Harness, result: JsonValue, statusCode: 0 | 1 | 2 | 3 = 0): void {
  api.invocations.answer = (request) => ({ kind: "done", record: recordOf(request, { result, statusCode }) });
}

test("a web action answers anybody, by every verb, with what its result says", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  answerWith(api, { statusCode: 201, headers: { "x-mine": "1" }, body: "<p>hi" });
  for (const method of VERBS) {
    const reply = await ask(api, method, "guest/default/a");
    if (method === "OPTIONS") {
      assert.deepEqual([reply.status, reply.text], [200, ""]);
      continue;
    }
    assert.equal(reply.status, 201, method);
    assert.equal(reply.text, method === "HEAD" ? "" : "<p>hi");
    assert.equal(reply.headers["content-type"], "text/html; charset=UTF-8");
    assert.equal(reply.headers["content-length"], "5");
    assert.equal(reply.headers["x-mine"], "1");
    assert.match(String(reply.headers["x-openwhisk-activation-id"]), /^[0-9a-f]{32}$/);
    assert.equal(api.invocations.calls.at(-1)?.payload["__ow_method"], method.toLowerCase());
  }
  assert.equal(api.invocations.calls.length, VERBS.length - 1);
});

test("it runs as its owner, blocking for as long as the platform waits", async () => {
  await using api = await startApi();
  await deploy(api, "a", {}, { parameters: [{ key: "p", value: 1 }] });
  await ask(api, "GET", "guest/default/a.json/rest?x=1", { auth: OTHER, headers: { "x-request-id": "mine" } });
  const [call] = api.invocations.calls;
  assert.ok(call !== undefined);
  assert.equal(call.identity.namespace, "guest");
  assert.equal(call.identity.authKey, GUEST);
  assert.equal(call.waitMs, 60_000);
  assert.equal(call.transactionId, "mine");
  assert.deepEqual(call.action.parameters, [{ key: "p", value: 1 }]);
  const { __ow_headers, ...rest } = call.payload;
  assert.deepEqual(rest, { __ow_method: "get", __ow_path: "/rest", __ow_user: "other", x: "1" });
  assert.ok(!("authorization" in Object(__ow_headers)), "a key of the platform is not handed on");
  assert.equal(Object(__ow_headers)["x-request-id"], "mine");
});

test("who is nobody to the platform is nobody to the action, and his credentials are his own affair", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  for (const authorization of ["Bearer x", `Basic ${Buffer.from("a:b").toString("base64")}`, "Basic !"]) {
    const reply = await ask(api, "GET", "guest/default/a.json", { headers: { authorization } });
    assert.equal(reply.status, 200);
    const payload = api.invocations.calls.at(-1)?.payload;
    assert.equal(payload?.["__ow_user"], undefined);
    assert.equal(Object(payload?.["__ow_headers"])["authorization"], authorization);
  }
});

test("whatever is missing is missing alike: namespace, package, action, export, extension, name", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  await deploy(api, "private", { "web-export": false });
  await deploy(api, "texted", { "web-export": "true" });
  await api.call("PUT", `${TREE}/packages/p`, { json: {} });
  await api.call("PUT", `${TREE}/triggers/t`, { json: {} });
  const paths = [
    "nobody/default/a",
    "guest/none/a",
    "guest/p/a",
    "guest/default/none",
    "guest/default/private",
    "guest/default/private.json",
    "guest/default/texted",
    "guest/default/a.xyz",
    "guest/default/a.jsonx/b",
    "guest/default/t",
    "guest/default/p",
    "guest/a/a",
    "guest/a",
    "guest/default/",
    "guest/",
    "guest",
    "",
    "guest/default/%24",
    `guest/default/${"x".repeat(300)}`,
    "whisk.system/default/a",
  ];
  for (const path of paths) {
    for (const method of VERBS) {
      for (const auth of [null, GUEST]) {
        const reply = await ask(api, method, path, { auth });
        assert.equal(reply.status, 404, `${method} ${path}`);
        assert.equal(reply.headers["access-control-allow-origin"], "*");
        if (method === "HEAD") continue;
        assert.deepEqual(reply.body, { error: MISSING, code: reply.headers["x-request-id"] });
      }
    }
  }
  assert.equal(api.invocations.calls.length, 0);
});

test("packages and bindings, private ones too, lead to web actions; annotations are the action's alone", async () => {
  await using api = await startApi();
  await api.call("PUT", `${TREE}/packages/p`, {
    json: {
      parameters: [
        { key: "from", value: "package" },
        { key: "kept", value: 1 },
      ],
    },
  });
  await deploy(api, "p/a");
  const bound = { binding: { namespace: "guest", name: "p" }, parameters: [{ key: "from", value: "binding" }] };
  await api.call("PUT", `${TREE}/packages/b`, {
    json: { ...bound, annotations: [{ key: "web-export", value: false }] },
  });
  await api.call("PUT", `${TREE}/packages/open`, { json: { publish: true } });
  await deploy(api, "open/a");
  await api.call("PUT", `${TREE}/packages/theirs`, {
    json: { binding: { namespace: "guest", name: "open" } },
    auth: OTHER,
  });
  for (const [path, from, owner] of [
    ["guest/p/a", "package", "guest"],
    ["guest/b/a", "binding", "guest"],
    ["other/theirs/a", undefined, "other"],
  ] as const) {
    assert.equal((await ask(api, "GET", `${path}.json`)).status, 200, path);
    const call = api.invocations.calls.at(-1);
    assert.equal(call?.action.parameters.find(({ key }) => key === "from")?.value, from);
    assert.equal(call?.identity.namespace, owner);
  }
});

test("require-whisk-auth keeps strangers out, and they cost the owner nothing", async () => {
  await using api = await startApi({ options: { limits: { invocationsPerMinute: 3 } } });
  await deploy(api, "known", { "require-whisk-auth": true });
  await deploy(api, "secret", { "require-whisk-auth": "s3cret" });
  await deploy(api, "number", { "require-whisk-auth": 42 });
  const secret = (value: string) => ({ headers: { "x-require-whisk-auth": value } });
  const strangers: readonly [string, CallOptions][] = [
    ["known", {}],
    ["known", secret("s3cret")],
    ["known", { headers: { authorization: "Basic x" } }],
    ["secret", {}],
    ["secret", secret("s3cre")],
    ["secret", secret("s3cret-bad")],
    ["secret", { auth: GUEST }],
    ["number", secret("41")],
  ];
  for (const [name, options] of strangers) {
    const reply = await ask(api, "GET", `guest/default/${name}.json`, options);
    assert.equal(reply.status, 401, name);
    assert.equal(reply.body.error, "The resource requires authentication, which was not supplied with the request");
    assert.equal(reply.headers["x-skein-error"], "auth/invalid");
    assert.equal("www-authenticate" in reply.headers, name === "known", "a browser asks only for what would help");
    assert.equal(reply.headers["access-control-allow-origin"], "*");
  }
  assert.equal(api.invocations.calls.length, 0);
  for (const [name, options] of [
    ["known", { auth: OTHER }],
    ["secret", secret("s3cret")],
    ["number", secret("42")],
  ] as const) {
    assert.equal((await ask(api, "GET", `guest/default/${name}.json`, options)).status, 200, name);
  }
  // What may be asked without credentials is, everywhere.
  assert.equal((await ask(api, "OPTIONS", "guest/default/known.json")).status, 200);
});

test("without custom options the platform says what other origins may do, on answers and refusals alike", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  for (const method of VERBS) {
    for (const path of ["guest/default/a.json", "guest/default/none"]) {
      const plain = await ask(api, method, path);
      assert.equal(plain.headers["access-control-allow-origin"], "*");
      assert.equal(plain.headers["access-control-allow-methods"], "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH");
      assert.equal(plain.headers["access-control-allow-headers"], DEFAULT_ALLOW);
      const asked = await ask(api, method, path, { headers: { "access-control-request-headers": "x-custom-header" } });
      assert.equal(asked.headers["access-control-allow-headers"], "x-custom-header");
    }
  }
});

test("what an action says itself of other origins counts instead, header by header", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  answerWith(api, { headers: { "Access-Control-Allow-Origin": "https://mine.example" }, body: "x" });
  const response = await fetch(`${api.url}${WEB}/guest/default/a`);
  assert.equal(response.headers.get("access-control-allow-origin"), "https://mine.example");
  assert.equal(response.headers.get("access-control-allow-methods"), "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH");
});

test("with custom options all of it is the action's, and OPTIONS reaches it even where others must show a key", async () => {
  await using api = await startApi();
  await deploy(api, "a", { "web-custom-options": true, "require-whisk-auth": true });
  answerWith(api, { headers: { "Access-Control-Allow-Methods": "OPTIONS, GET, PATCH" } });
  const options = await ask(api, "OPTIONS", "guest/default/a", {
    headers: { "access-control-request-headers": "x-custom-header" },
  });
  assert.equal(options.status, 204);
  assert.equal(options.headers["access-control-allow-methods"], "OPTIONS, GET, PATCH");
  assert.equal(options.headers["access-control-allow-origin"], undefined);
  assert.equal(options.headers["access-control-allow-headers"], undefined);
  assert.equal(api.invocations.calls.length, 1);
  const get = await ask(api, "GET", "guest/default/a");
  assert.equal(get.status, 401);
  assert.equal(get.headers["access-control-allow-origin"], undefined);
});

test("headers of many values stay many, and an answer without content has neither type nor length", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  answerWith(api, { headers: { "Set-Cookie": ["a=b", "c=d; Path = /"], "content-type": "text/plain" } });
  const empty = await ask(api, "GET", "guest/default/a", { headers: { accept: "application/json" } });
  assert.equal(empty.status, 204);
  assert.deepEqual(empty.headers["set-cookie"], ["a=b", "c=d; Path = /"]);
  assert.equal(empty.headers["content-type"], undefined);
  assert.equal(empty.headers["content-length"], undefined);
  answerWith(api, { statusCode: 302, headers: { location: "https://example.com/" } });
  const redirect = await ask(api, "GET", "guest/default/a");
  assert.equal(redirect.status, 302);
  assert.equal(redirect.headers["location"], "https://example.com/");
  assert.equal(redirect.headers["content-length"], "0");
  answerWith(api, { statusCode: 304, headers: { etag: '"1"' } });
  const same = await ask(api, "GET", "guest/default/a");
  assert.deepEqual([same.status, same.headers["etag"], same.headers["content-length"]], [304, '"1"', undefined]);
});

test("bytes go in and out as base64 of themselves", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  api.invocations.answer = (request) => ({
    kind: "done",
    record: recordOf(request, {
      result: { headers: { "content-type": "image/png" }, body: request.payload["__ow_body"] ?? null },
    }),
  });
  const response = await fetch(`${api.url}${WEB}/guest/default/a`, {
    method: "POST",
    headers: { "content-type": "image/png" },
    body: bytes,
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "image/png");
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes);
});

test("a body counts whatever the verb is, and whatever its type is called", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  for (const method of ["GET", "DELETE", "POST", "PUT", "PATCH"]) {
    const reply = await ask(api, method, "guest/default/a.json?q=1", { json: { n: 1 } });
    assert.deepEqual([reply.body.n, reply.body.q], [1, "1"], method);
  }
  const odd = await ask(api, "POST", "guest/default/a.json", { raw: "x", headers: { "content-type": "no type" } });
  assert.equal(odd.body.__ow_body, "eA==");
  const chunked = await ask(api, "POST", "guest/default/a.json", {
    raw: '{"n":2}',
    headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
  });
  assert.equal(chunked.body.n, 2);
});

test("bodies and URIs have bounds", async () => {
  await using api = await startApi({ options: { invocation: { payloadBytesMax: 1000 } } });
  await deploy(api, "a");
  const raw = (bytes: number, headers: Readonly<Record<string, string>> = {}) =>
    ask(api, "POST", "guest/default/a.json", {
      raw: "x".repeat(bytes),
      headers: { "content-type": "text/plain", ...headers },
    });
  assert.equal((await raw(1000)).status, 200);
  const large = await raw(1001);
  assert.equal(large.status, 413);
  assert.equal(large.body.error, "Request larger than allowed: 1001 > 1000 bytes.");
  assert.equal((await raw(100_000, { "transfer-encoding": "chunked" })).status, 413);
  assert.equal((await ask(api, "GET", `guest/default/a.json?${"x".repeat(8200)}`)).status, 414);
  assert.equal((await ask(api, "OPTIONS", `guest/default/a.json?${"x".repeat(8200)}`)).status, 414);
  assert.equal(api.invocations.calls.length, 1);
});

test("requests that set what is not theirs, or JSON that is none, are refused before anything runs", async () => {
  await using api = await startApi();
  await deploy(
    api,
    "a",
    { final: true },
    {
      parameters: [
        { key: "mine", value: 1 },
        { key: "open", value: null },
      ],
    },
  );
  await deploy(api, "raw", { final: true, "raw-http": true }, { parameters: [{ key: "mine", value: 1 }] });
  const text = "Request defines parameters that are not allowed (e.g., reserved properties).";
  for (const [path, options] of [
    ["a.json?mine=2", {}],
    ["a.json?__ow_user=x", {}],
    ["a.json", { json: { mine: 2 } }],
    ["a.json", { json: { __ow_body: 2 } }],
  ] as const) {
    const reply = await ask(api, "POST", `guest/default/${path}`, options);
    assert.deepEqual([reply.status, reply.body.error], [400, text], path);
  }
  const broken = await ask(api, "POST", "guest/default/a.json", {
    raw: "{",
    headers: { "content-type": "application/json" },
  });
  assert.equal(broken.status, 400);
  assert.match(broken.body.error, /^The request content was malformed:\n/);
  assert.equal(api.invocations.calls.length, 0);
  assert.equal(
    (await ask(api, "POST", "guest/default/raw.json?mine=2&__ow_user=x", { json: { mine: 2 } })).status,
    200,
  );
  assert.equal((await ask(api, "POST", "guest/default/a.json?open=2&other=3")).status, 200);
});

test("an answer that the caller does not take is a 406, after the action ran", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  answerWith(api, { body: "Plain text" });
  const reply = await ask(api, "GET", "guest/default/a", { headers: { accept: "application/json" } });
  assert.equal(reply.status, 406);
  assert.equal(
    reply.body.error,
    "Resource representation is only available with these types:\ntext/html; charset=UTF-8",
  );
  assert.ok(reply.headers["x-openwhisk-activation-id"] !== undefined);
  assert.equal(api.invocations.calls.length, 1);
});

test("application errors are projected; other failures and misfits are told in OpenWhisk's words", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  const ends: readonly [JsonValue, 0 | 1 | 2 | 3, string, number, string][] = [
    [{ error: { statusCode: 418, body: "tea" } }, 1, "a", 418, "tea"],
    [{ error: { a: 1 } }, 1, "a.json", 200, '{"a":1}'],
    [{ error: "x" }, 1, "a", 400, "Response is not valid 'message/http'."],
    [{ error: "x" }, 2, "a.text", 400, "There was an error processing your request."],
    [{ error: "x" }, 3, "a.json", 400, "There was an error processing your request."],
    [{ a: 1 }, 0, "a.text", 404, "Response does not include requested property."],
    [{ a: 1 }, 0, "a.html", 400, "Response is not valid 'text/html'."],
    [
      { headers: { "content-type": "xyzbar" }, body: "x" },
      0,
      "a",
      400,
      "Response did not specify a known content-type.",
    ],
    [{ headers: { a: "b\nc" }, body: "x" }, 0, "a", 400, "Response is not valid 'message/http'."],
  ];
  for (const [result, statusCode, path, status, text] of ends) {
    answerWith(api, result, statusCode);
    const reply = await ask(api, "GET", `guest/default/${path}`);
    assert.equal(reply.status, status, JSON.stringify(result));
    assert.equal(typeof reply.body === "object" && "error" in reply.body ? reply.body.error : reply.text, text);
    assert.ok(reply.headers["x-openwhisk-activation-id"] !== undefined);
    assert.equal(reply.headers["access-control-allow-origin"], "*");
  }
});

test("the owner's limits hold, whoever calls", async () => {
  await using api = await startApi({ options: { limits: { invocationsPerMinute: 2 } } });
  await deploy(api, "a");
  for (const auth of [null, OTHER]) assert.equal((await ask(api, "GET", "guest/default/a.json", { auth })).status, 200);
  const refused = await ask(api, "GET", "guest/default/a.json", { auth: OTHER });
  assert.equal(refused.status, 429);
  assert.equal(refused.body.error, "Too many requests in the last minute (count: 3, allowed: 2).");
  assert.ok(refused.headers["retry-after"] !== undefined);
  // Questions of browsers, and of those who are turned away, do not count; the caller's own limits are untouched.
  assert.equal((await ask(api, "OPTIONS", "guest/default/a.json")).status, 200);
  await api.call("PUT", `${TREE}/actions/theirs`, { json: source(), auth: OTHER });
  assert.equal((await api.call("POST", `${TREE}/actions/theirs`, { auth: OTHER })).status, 202);
});

test("refusals of the platform keep their status and say nothing of themselves", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  api.invocations.answer = () => {
    throw new PlatformError("invoker/buffer-full", "full");
  };
  assert.equal((await ask(api, "GET", "guest/default/a")).status, 503);
  api.invocations.answer = () => {
    throw new Error("secret of the house");
  };
  const surprise = await ask(api, "GET", "guest/default/a");
  assert.equal(surprise.status, 500);
  assert.equal(surprise.body.error, "There was an internal server error.");
});

test("an update of an action, or of its annotations, holds from its acknowledgement on", async () => {
  await using api = await startApi();
  await deploy(api, "a");
  assert.equal((await ask(api, "GET", "guest/default/a.json")).status, 200);
  const closed = { json: { ...source(), annotations: [{ key: "web-export", value: false }] } };
  await api.call("PUT", `${TREE}/actions/a?overwrite=true`, closed);
  assert.equal((await ask(api, "GET", "guest/default/a.json")).status, 404);
});
