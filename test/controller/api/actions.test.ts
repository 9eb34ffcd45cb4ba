import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/kernel/clock.ts";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import { type CallOptions, source, startApi } from "./harness.ts";

const ACTIONS = "/api/v1/namespaces/_/actions";
const JSON_TYPE = { "content-type": "application/json" };

test("a new action comes back whole, with its defaults", async () => {
  await using api = await startApi();
  const put = await api.call("PUT", `${ACTIONS}/hello`, { json: source("function main() {}") });
  assert.equal(put.status, 200);
  const { updated, ...rest } = put.body;
  assert.ok(Math.abs(updated - Date.now()) < 10_000);
  assert.deepEqual(rest, {
    namespace: "guest",
    name: "hello",
    version: "0.0.1",
    publish: false,
    exec: { kind: "nodejs:24", code: "function main() {}", binary: false },
    annotations: [
      { key: "provide-api-key", value: false },
      { key: "exec", value: "nodejs:24" },
    ],
    parameters: [],
    limits: { timeout: 60_000, memory: 256, logs: 10, concurrency: 1 },
  });
  const get = await api.call("GET", `${ACTIONS}/hello`);
  assert.deepEqual(get.body, put.body);
});

test("an update bumps the patch, replaces parameters, merges annotations and limits, and keeps what it does not name", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, {
    json: {
      ...source("one"),
      parameters: [{ key: "p", value: 1 }],
      annotations: [
        { key: "old", value: "kept" },
        { key: "gone", value: true },
      ],
      limits: { timeout: 1000, memory: 128 },
      publish: true,
    },
  });
  const update = await api.call("PUT", `${ACTIONS}/a?overwrite=true`, {
    json: {
      parameters: [{ key: "q", value: { x: [2] }, init: true }],
      annotations: [
        { key: "new", value: 1 },
        { key: "exec", value: "a lie" },
      ],
      delAnnotations: ["gone", "never was"],
      limits: { memory: 256 },
    },
  });
  assert.equal(update.status, 200);
  assert.equal(update.body.version, "0.0.2");
  assert.equal(update.body.publish, true);
  assert.equal(update.body.exec.code, "one");
  assert.deepEqual(update.body.parameters, [{ key: "q", value: { x: [2] }, init: true }]);
  assert.deepEqual(update.body.limits, { timeout: 1000, memory: 256, logs: 10, concurrency: 1 });
  assert.deepEqual(update.body.annotations, [
    { key: "old", value: "kept" },
    { key: "provide-api-key", value: false },
    { key: "exec", value: "nodejs:24" },
    { key: "new", value: 1 },
  ]);
  const versioned = await api.call("PUT", `${ACTIONS}/a?overwrite=yes`, { json: { version: "2.3.4", publish: false } });
  assert.equal(versioned.body.version, "2.3.4");
  assert.equal(versioned.body.publish, false);
});

test("provide-api-key stays as the creator says", async () => {
  await using api = await startApi();
  const put = await api.call("PUT", `${ACTIONS}/a`, {
    json: { ...source(), annotations: [{ key: "provide-api-key", value: true }] },
  });
  assert.deepEqual(put.body.annotations[0], { key: "provide-api-key", value: true });
});

test("kinds are trimmed, lower-cased and resolved; unknown ones are refused with the valid ones", async () => {
  await using api = await startApi();
  for (const kind of [" NodeJS:default ", "nodejs:20", "nodejs:24"]) {
    const put = await api.call("PUT", `${ACTIONS}/k?overwrite=true`, { json: { exec: { kind, code: "" } } });
    assert.equal(put.body.exec.kind, "nodejs:24", kind);
  }
  const refusals: readonly [object, RegExp][] = [
    [
      { kind: "cobol:1", code: "" },
      /The specified runtime 'cobol:1' is not supported.*Valid values are: .*'nodejs:24'/s,
    ],
    [{ code: "" }, /'kind' must be a string defined in 'exec'/],
    [{ kind: "nodejs:24" }, /'code' must be a string defined in 'exec' for 'nodejs:24' actions/],
    [{ kind: "nodejs:24", code: "", main: 1 }, /if defined, 'main' be a string in 'exec'/],
    [{ kind: "java:8", code: "" }, /'main' must be a string defined in 'exec' for 'java:8' actions/],
    [{ kind: "nodejs:0.10", code: "" }, /The 'nodejs:0.10' runtime is no longer supported/],
    [{ kind: "sequence", components: [] }, /No component specified for the sequence/],
    [{ kind: "sequence" }, /'components' must be defined for sequence kind/],
    [{ kind: "blackbox", image: "x" }, /'blackbox' are not supported yet/],
  ];
  for (const [exec, text] of refusals) {
    const put = await api.call("PUT", `${ACTIONS}/k?overwrite=true`, { json: { exec } });
    assert.equal(put.status, 400);
    assert.match(put.body.error, text);
  }
});

test("code is binary by the strict base64 rule, and comes back as it went in", async () => {
  await using api = await startApi();
  const cases: readonly [string, boolean, string?][] = [
    ["", false],
    ["RHViZWU=", true],
    ["abcd", true],
    ["abc", false],
    ["=abc", false],
    ["function main() { return { text: 'ü → 🦢' } }\n", false],
    ["  RHViZWU=\n", true, "RHViZWU="],
  ];
  for (const [code, binary, returned] of cases) {
    await api.call("PUT", `${ACTIONS}/b?overwrite=true`, {
      json: { exec: { kind: "nodejs:24", code, binary: !binary } },
    });
    const get = await api.call("GET", `${ACTIONS}/b`);
    assert.deepEqual(get.body.exec, { kind: "nodejs:24", code: returned ?? code, binary });
    const bare = await api.call("GET", `${ACTIONS}/b?code=false`);
    assert.deepEqual(bare.body.exec, { kind: "nodejs:24", binary });
  }
});

test("an archive that leaves its folder is refused; bytes that are no archive are not our business", async () => {
  await using api = await startApi();
  const put = (bytes: Buffer) =>
    api.call("PUT", `${ACTIONS}/z?overwrite=true`, {
      json: { exec: { kind: "nodejs:24", code: bytes.toString("base64") } },
    });
  const { default: yazl } = await import("yazl");
  const zip = async (add: (file: InstanceType<typeof yazl.ZipFile>) => void): Promise<Buffer> => {
    const file = new yazl.ZipFile();
    add(file);
    file.end();
    const chunks: Buffer[] = [];
    for await (const chunk of file.outputStream) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  };
  const good = await zip((file) => file.addBuffer(Buffer.from("x"), "index.js"));
  assert.equal((await put(good)).status, 200);
  // The library will not write a bad path, so one of the same length is put in afterwards.
  const escaping = await zip((file) => file.addBuffer(Buffer.from("x"), "aa/evil.js"));
  for (let at = escaping.indexOf("aa/"); at >= 0; at = escaping.indexOf("aa/")) escaping.write("../", at, "latin1");
  const refused = await put(escaping);
  assert.equal(refused.status, 400);
  assert.equal(refused.headers["x-skein-error"], "archive/invalid");
  const linked = await zip((file) => {
    file.addBuffer(Buffer.from("/etc"), "out", { mode: 0o120777 });
    file.addBuffer(Buffer.from("x"), "out/passwd");
  });
  assert.equal((await put(linked)).headers["x-skein-error"], "archive/invalid");
  assert.equal((await put(good.subarray(0, good.length - 9))).status, 200);
  assert.equal((await put(Buffer.from("PK\u0003\u0004 nothing"))).status, 200);
});

test("limits are bounded on both sides, with OpenWhisk's words", async () => {
  await using api = await startApi();
  const refusals: readonly [object, string][] = [
    [{ timeout: 99 }, "duration 99 milliseconds below allowed threshold of 100 milliseconds"],
    [{ timeout: 300_001 }, "duration 300001 milliseconds exceeds allowed threshold of 300000 milliseconds"],
    [{ memory: 127 }, "memory size 127 MB below allowed threshold of 128 MB"],
    [{ memory: 513 }, "memory size 513 MB exceeds allowed threshold of 512 MB"],
    [{ logs: -1 }, "log size -1 MB below allowed threshold of 0 MB"],
    [{ logs: 11 }, "log size 11 MB exceeds allowed threshold of 10 MB"],
    [{ concurrency: 0 }, "concurrency 0 below allowed threshold of 1"],
    [{ concurrency: 201 }, "concurrency 201 exceeds allowed threshold of 200"],
    [{ instances: -1 }, "instance concurrency -1 below allowed threshold of 0"],
    [{ instances: 1001 }, "instance concurrency 1001 exceeds allowed threshold of 1000"],
    [{ memory: 128.5 }, "The request content was malformed:\nmemory limit must be whole number"],
    [{ timeout: "1s" }, "The request content was malformed:\ntime limit malformed"],
  ];
  for (const [limits, text] of refusals) {
    const put = await api.call("PUT", `${ACTIONS}/l`, { json: { ...source(), limits }, swagger: false });
    assert.equal(put.status, 400);
    assert.equal(put.body.error, text);
  }
  const edge = { timeout: 300_000, memory: 512, logs: 0, concurrency: 200 };
  const put = await api.call("PUT", `${ACTIONS}/l`, { json: { ...source(), limits: edge } });
  assert.deepEqual(put.body.limits, edge);
  const update = async (limits: object) =>
    (await api.call("PUT", `${ACTIONS}/l?overwrite=true`, { json: { limits } })).body.limits;
  assert.deepEqual(await update({ instances: 1000 }), { ...edge, instances: 1000 });
  assert.deepEqual(await update({ instances: 0 }), { ...edge, instances: 0 });
  assert.deepEqual(await update({ memory: 128 }), { ...edge, memory: 128, instances: 0 });
  const brief = (await api.call("GET", ACTIONS)).body[0];
  assert.deepEqual(brief.limits, { ...edge, memory: 128, instances: 0 });
});

test("code, parameters and annotations are bounded, each with the true sizes", async () => {
  await using api = await startApi({ options: { limits: { action: { codeBytesMax: 10, parameterBytesMax: 20 } } } });
  const code = await api.call("PUT", `${ACTIONS}/s`, { json: source("01234567890") });
  assert.equal(code.status, 413);
  assert.equal(code.body.error, "exec larger than allowed: 11 > 10 bytes.");
  const parameters = await api.call("PUT", `${ACTIONS}/s`, {
    json: { ...source(""), parameters: [{ key: "key", value: "0123456789abcdef" }] },
  });
  assert.equal(parameters.status, 413);
  assert.equal(parameters.body.error, "parameters larger than allowed: 21 > 20 bytes.");
  // What the platform adds is not the caller's to pay for.
  assert.equal((await api.call("PUT", `${ACTIONS}/s`, { json: source("") })).status, 200);
  const annotate = (key: string) =>
    api.call("PUT", `${ACTIONS}/s?overwrite=true`, { json: { annotations: [{ key, value: "01234567" }] } });
  assert.equal((await annotate("0123456789")).status, 200);
  const annotations = await annotate("9876543210a");
  assert.equal(annotations.body.error, "annotations larger than allowed: 21 > 20 bytes.");
  const together = await annotate("9876543210");
  assert.equal(together.body.error, "annotations larger than allowed: 40 > 20 bytes.");
});

test("what stands in the way of a write is a conflict, told apart", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  const again = await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  assert.equal(again.status, 409);
  assert.equal(again.body.error, "resource already exists");
  assert.equal(again.headers["x-skein-error"], "entity/conflict");
  const trigger = { namespace: asId<Namespace>("guest"), path: asId<EntityPath>("t") };
  await api.stores.artifacts.put({ ...trigger, kind: "trigger", updated: 1, body: {}, attachments: [] }, "absent");
  for (const method of ["PUT", "GET", "DELETE", "POST"]) {
    const reply = await api.call(method, `${ACTIONS}/t?overwrite=true`, method === "PUT" ? { json: source() } : {});
    assert.equal(reply.status, 409, method);
    assert.equal(reply.body.error, "Resource by this name exists but is not in this collection.");
  }
});

test("of writers that meet, each is told what happened to its own write", async () => {
  await using api = await startApi();
  const creations = await Promise.all(
    Array.from({ length: 8 }, (_, i) => api.call("PUT", `${ACTIONS}/race`, { json: source(`${i}`) })),
  );
  assert.equal(creations.filter((reply) => reply.status === 200).length, 1);
  for (const reply of creations) {
    if (reply.status !== 200) assert.equal(reply.body.error, "resource already exists");
  }
  const updates = await Promise.all(
    Array.from({ length: 8 }, (_, i) => api.call("PUT", `${ACTIONS}/race?overwrite=true`, { json: source(`u${i}`) })),
  );
  const won = updates.filter((reply) => reply.status === 200);
  for (const reply of updates) {
    if (reply.status !== 200) assert.equal(reply.body.error, "Concurrent modification to resource detected.");
  }
  const get = await api.call("GET", `${ACTIONS}/race`);
  assert.equal(get.body.version, `0.0.${won.length + 1}`);
});

test("a body that is not what it should be is refused by name", async () => {
  await using api = await startApi();
  const refusals: readonly [CallOptions, number, RegExp][] = [
    [{ json: {} }, 400, /^exec undefined$/],
    [{ json: [] }, 400, /^The request content was malformed:\nObject expected/],
    [{ json: { exec: "" } }, 400, /Object expected in field 'exec'/],
    [{ json: { ...source(), parameters: { a: "b" } } }, 400, /parameters malformed/],
    [{ json: { ...source(), parameters: [{ key: "a" }] } }, 400, /parameters malformed/],
    [{ json: { ...source(), annotations: [1] } }, 400, /annotations malformed/],
    [{ json: { ...source(), version: "1" } }, 400, /bad semantic version 1/],
    [{ json: { ...source(), publish: "yes" } }, 400, /publish malformed/],
    [{ json: { ...source(), delAnnotations: "x" } }, 400, /delAnnotations malformed/],
    [{ json: { ...source(), limits: { instances: 1.5 } } }, 400, /instance concurrency limit must be whole number/],
    [{ raw: "{", headers: JSON_TYPE }, 400, /^The request content was malformed:\n/],
    [{ raw: "", headers: JSON_TYPE }, 400, /^The request content was malformed:\n/],
    [{ raw: `{"exec":${"[".repeat(1500)}`, headers: JSON_TYPE }, 400, /nested more deeply/],
    [{ raw: "", headers: { "content-type": "text/plain" } }, 415, /Content-Type is not supported/],
    [{ raw: "{}", headers: { "content-type": "application/x-json" } }, 415, /Content-Type is not supported/],
    [{}, 400, /Request entity expected/],
  ];
  for (const [options, status, text] of refusals) {
    const put = await api.call("PUT", `${ACTIONS}/bad`, { ...options, swagger: false });
    assert.equal(put.status, status, JSON.stringify(options));
    assert.match(put.body.error, text);
  }
  assert.equal((await api.call("GET", ACTIONS)).body.length, 0);
  const charset = { "content-type": "Application/JSON; charset=utf-8" };
  const put = await api.call("PUT", `${ACTIONS}/good`, { raw: JSON.stringify(source()), headers: charset });
  assert.equal(put.status, 200);
});

test("deleting gives the action back, once", async () => {
  await using api = await startApi();
  const put = await api.call("PUT", `${ACTIONS}/d`, { json: source("bye") });
  const first = await api.call("DELETE", `${ACTIONS}/d`);
  assert.equal(first.status, 200);
  assert.deepEqual(first.body, put.body);
  const second = await api.call("DELETE", `${ACTIONS}/d`);
  assert.equal(second.status, 404);
  assert.equal(second.body.error, "The requested resource does not exist.");
});

test("lists are newest first, brief, paged and counted", async () => {
  let wall = 1_700_000_000_000;
  const clock = { now: () => systemClock.now(), wallMs: () => (wall += 10) };
  await using api = await startApi({ clock });
  for (const name of ["a", "b", "c d", "D"])
    await api.call("PUT", `${ACTIONS}/${encodeURIComponent(name)}`, { json: source() });
  const names = async (query: string) =>
    ((await api.call("GET", `${ACTIONS}${query}`)).body as { name: string }[]).map((item) => item.name);
  assert.deepEqual(await names(""), ["D", "c d", "b", "a"]);
  assert.deepEqual(await names("/"), ["D", "c d", "b", "a"]);
  assert.deepEqual(await names("?skip=1&limit=2"), ["c d", "b"]);
  assert.deepEqual(await names("?limit=0"), ["D", "c d", "b", "a"]);
  const item = (await api.call("GET", `${ACTIONS}?limit=1`)).body[0];
  assert.deepEqual(item.exec, { binary: false });
  assert.deepEqual(Object.keys(item).sort(), [
    "annotations",
    "exec",
    "limits",
    "name",
    "namespace",
    "publish",
    "updated",
    "version",
  ]);
  assert.deepEqual((await api.call("GET", `${ACTIONS}?count=true&skip=3`)).body, { actions: 1 });
  assert.deepEqual((await api.call("GET", `${ACTIONS}?count=true&skip=9`)).body, { actions: 0 });
});

test("query values are refused with their names and values", async () => {
  await using api = await startApi();
  const refusals: readonly [string, string][] = [
    ["limit=201", "The value '201' is not in the range of 0 to 200 for actions."],
    ["limit=-1", "The value '-1' is not in the range of 0 to 200 for actions."],
    ["limit=x", "The value 'x' is not an integer for actions."],
    ["limit=1.5", "The value '1.5' is not an integer for actions."],
    ["skip=-1", "The value '-1' is not greater than or equal to 0 for actions."],
    ["skip=99999999999", "The value '99999999999' is not an integer for actions."],
    ["count=maybe", "'maybe' is not a valid Boolean value"],
  ];
  for (const [query, text] of refusals) {
    const list = await api.call("GET", `${ACTIONS}?${query}`);
    assert.equal(list.status, 400, query);
    assert.equal(list.body.error, `The query parameter '${query.split("=")[0]}' was malformed:\n${text}`);
  }
});

test("names keep their case and their inner spaces, and have bounds", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/Foo`, { json: source("F") });
  await api.call("PUT", `${ACTIONS}/foo`, { json: source("f") });
  await api.call("PUT", `${ACTIONS}/a%20b%20@&-.c`, { json: source("s") });
  assert.equal((await api.call("GET", `${ACTIONS}/Foo`)).body.exec.code, "F");
  assert.equal((await api.call("GET", `${ACTIONS}/a%20b%20%40%26-.c`)).body.name, "a b @&-.c");
  for (const bad of ["-a", "a%20", "a%2Fb", "a$", "%20", "%C3%BC"]) {
    const get = await api.call("GET", `${ACTIONS}/${bad}`);
    assert.equal(get.status, 400, bad);
    assert.equal(get.body.error, "The name of the entity contains illegal characters.");
  }
  const long = await api.call("GET", `${ACTIONS}/${"a".repeat(257)}`);
  assert.equal(long.body.error, "Name segement longer than allowed: 257 > 256.");
  const longNamespace = await api.call("GET", `/api/v1/namespaces/${"a".repeat(257)}/actions/a`);
  assert.equal(longNamespace.body.error, "Namespace longer than allowed: 257 > 256.");
});

test("a packaged action needs its package", async () => {
  await using api = await startApi();
  for (const method of ["PUT", "GET", "DELETE", "POST"]) {
    const reply = await api.call(method, `${ACTIONS}/pkg/a`, method === "PUT" ? { json: source() } : {});
    assert.equal(reply.status, 404, method);
    assert.equal(reply.body.error, "The requested resource does not exist.");
  }
  assert.equal((await api.call("GET", `${ACTIONS}/pkg/`)).status, 404);
  await api.call("PUT", "/api/v1/namespaces/_/packages/pkg", { json: {} });
  const put = await api.call("PUT", `${ACTIONS}/pkg/a`, { json: source() });
  assert.equal(put.body.namespace, "guest/pkg");
  assert.equal(put.body.name, "a");
  assert.equal((await api.call("GET", `${ACTIONS}/pkg/`)).body.length, 1);
  assert.equal((await api.call("POST", `${ACTIONS}/pkg/a?blocking=true`)).status, 200);
  assert.equal((await api.call("GET", `${ACTIONS}/pkg`)).status, 409);
  assert.equal((await api.call("GET", `${ACTIONS}/a/b/c`)).status, 404);
});

test("a document that cannot be read is told as such, hides no other, and can be deleted", async () => {
  await using api = await startApi();
  await api.stores.artifacts.put(
    { namespace: asId("guest"), path: asId("old"), kind: "action", updated: 1, body: { format: 99 }, attachments: [] },
    "absent",
  );
  const get = await api.call("GET", `${ACTIONS}/old`);
  assert.equal(get.status, 500);
  assert.equal(get.body.error, "Resource is corrupted and cannot be read.");
  assert.equal(get.headers["x-skein-error"], "store/corrupted");
  await api.call("PUT", `${ACTIONS}/fine`, { json: source() });
  assert.deepEqual(
    ((await api.call("GET", ACTIONS)).body as { name: string }[]).map(({ name }) => name),
    ["fine"],
  );
  assert.equal((await api.call("DELETE", `${ACTIONS}/old`)).status, 200);
  assert.equal((await api.call("GET", `${ACTIONS}/old`)).status, 404);
});
