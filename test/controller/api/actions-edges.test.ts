import assert from "node:assert/strict";
import { test } from "node:test";
import { OTHER, source, startApi } from "./harness.ts";

const PACKAGES = "/api/v1/namespaces/_/packages";
const ACTIONS = "/api/v1/namespaces/_/actions";
const MIB = 1_048_576;

test("names of packages and of actions may have all that OpenWhisk allows, up to 256 characters", async () => {
  await using api = await startApi();
  const longest = "n".repeat(256);
  const names = ["x", "_", "0", "a b", "A.b", "a@b", "a&b-c", "a..", "a@", longest];
  for (const name of names) {
    const url = encodeURIComponent(name);
    assert.equal((await api.call("PUT", `${PACKAGES}/${url}`, { json: {} })).body.name, name);
    const put = await api.call("PUT", `${ACTIONS}/${url}/${url}`, { json: source(name) });
    assert.deepEqual([put.status, put.body.namespace, put.body.name], [200, `guest/${name}`, name]);
    assert.equal((await api.call("GET", `${ACTIONS}/${url}/${url}`)).body.exec.code, name);
    assert.equal((await api.call("GET", `${ACTIONS}/${url}/`)).body.length, 1);
    assert.equal((await api.call("GET", `${PACKAGES}/${url}`)).body.actions[0].name, name);
    assert.equal((await api.call("POST", `${ACTIONS}/${url}/${url}?blocking=true`)).status, 200);
  }
  assert.equal((await api.call("GET", `${PACKAGES}?count=true`)).body.packages, names.length);
  for (const bad of [" a", "a ", "@a", "-a", ".a", "&", "a$", "a/b", "é", "🦢", "a\tb", "a\nb"]) {
    const url = encodeURIComponent(bad);
    for (const path of [`${PACKAGES}/${url}`, `${ACTIONS}/x/${url}`, `${ACTIONS}/${url}/x`]) {
      const put = await api.call("PUT", path, { json: path.startsWith(PACKAGES) ? {} : source() });
      assert.deepEqual(
        [put.status, put.body.error],
        [400, "The name of the entity contains illegal characters."],
        path,
      );
    }
  }
  for (const path of [`${PACKAGES}/${longest}n`, `${ACTIONS}/x/${longest}n`, `${ACTIONS}/${longest}n/x`]) {
    const put = await api.call("PUT", path, { json: source() });
    assert.deepEqual([put.status, put.body.error], [400, "Name segement longer than allowed: 257 > 256."]);
  }
});

test("parameters and annotations of an action have a bound, to the byte", async () => {
  await using api = await startApi();
  for (const field of ["parameters", "annotations"]) {
    const url = `${ACTIONS}/${field}`;
    // Of the key one byte counts, of the value the quotes too.
    const fill = (bytes: number) => ({ ...source(""), [field]: [{ key: "k", value: "v".repeat(bytes - 3) }] });
    const over = await api.call("PUT", url, { json: fill(MIB + 1) });
    assert.deepEqual([over.status, over.body.error], [413, `${field} larger than allowed: ${MIB + 1} > ${MIB} bytes.`]);
    assert.equal((await api.call("GET", url)).status, 404, "nothing was changed");
    for (const bytes of [MIB - 1, MIB]) {
      const put = await api.call("PUT", `${url}?overwrite=true`, { json: fill(bytes) });
      assert.deepEqual([put.status, put.body[field][0].value.length], [200, bytes - 3]);
    }
    const wide = { ...source(""), [field]: [{ key: "ü", value: "🦢".repeat(MIB / 4) }] };
    const counted = await api.call("PUT", `${url}?overwrite=true`, { json: wide });
    assert.equal(
      counted.body.error,
      `${field} larger than allowed: ${MIB + 4} > ${MIB} bytes.`,
      "bytes, not characters",
    );
  }
});

test("a namespace with bounds of its own is held to them, and others are not", async () => {
  await using api = await startApi();
  const guest = await api.stores.subjects.get("guest");
  assert.ok(guest !== undefined);
  const limits = { maxActionMemory: 128, maxActionTimeout: 1000, maxParameterSize: 10, concurrentInvocations: 3 };
  const namespaces = guest.namespaces.map((namespace) => ({ ...namespace, limits }));
  await api.stores.subjects.put({ ...guest, namespaces }, guest.revision);
  const parameters = [{ key: "k", value: "123456789" }];
  const refusals: readonly [string, object, number, string][] = [
    ["actions/a", { limits: { memory: 129 } }, 400, "memory size 129 MB exceeds allowed threshold of 128 MB"],
    [
      "actions/a",
      { limits: { timeout: 1001 } },
      400,
      "duration 1001 milliseconds exceeds allowed threshold of 1000 milliseconds",
    ],
    ["actions/a", { limits: { instances: 4 } }, 400, "instance concurrency 4 exceeds allowed threshold of 3"],
    ["actions/a", { parameters }, 413, "parameters larger than allowed: 12 > 10 bytes."],
    ["packages/p", { parameters }, 413, "parameters larger than allowed: 12 > 10 bytes."],
    ["packages/p", { annotations: parameters }, 413, "annotations larger than allowed: 12 > 10 bytes."],
  ];
  const body = (path: string, more: object) => ({ ...(path.startsWith("actions") ? source() : {}), ...more });
  for (const [path, more, status, text] of refusals) {
    const url = `/api/v1/namespaces/_/${path}`;
    const put = await api.call("PUT", url, { json: body(path, more) });
    assert.deepEqual([put.status, put.body.error], [status, text], path);
    const other = await api.call("PUT", `${url}?overwrite=true`, { json: body(path, more), auth: OTHER });
    assert.equal(other.status, 200, path);
  }
  // What nobody asked for is within them as well.
  const put = await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  assert.deepEqual(put.body.limits, { timeout: 1000, memory: 128, logs: 10, concurrency: 1 });
});

test("a refusal of size comes before one of existence", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  const json = { parameters: [{ key: "k", value: "v".repeat(MIB) }] };
  assert.equal((await api.call("PUT", `${ACTIONS}/a`, { json: { ...source(), ...json } })).status, 413);
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  assert.equal((await api.call("PUT", `${PACKAGES}/p`, { json })).status, 413);
});

test("code may have 48 MiB and not a byte more", async () => {
  await using api = await startApi();
  const code = " ".repeat(48 * MIB);
  const put = await api.call("PUT", `${ACTIONS}/a`, { json: source(code) });
  assert.deepEqual([put.status, put.body.exec.code.length], [200, code.length]);
  const over = await api.call("PUT", `${ACTIONS}/b`, { json: source(`${code} `) });
  assert.deepEqual(
    [over.status, over.body.error],
    [413, `exec larger than allowed: ${48 * MIB + 1} > ${48 * MIB} bytes.`],
  );
  assert.equal((await api.call("GET", `${ACTIONS}/b`)).status, 404);
});

test("four thousand parameters are kept in their order, each key once", async () => {
  await using api = await startApi();
  const parameters = Array.from({ length: 4000 }, (_, i) => ({
    key: `key ${i}`,
    value: { i, text: "ü → 🦢", nil: null },
  }));
  const twice = [{ key: "key 7", value: "overwritten below" }, ...parameters];
  const put = await api.call("PUT", `${ACTIONS}/many`, { json: { ...source(), parameters: twice } });
  assert.equal(put.body.parameters.length, 4000);
  const get = await api.call("GET", `${ACTIONS}/many`);
  assert.deepEqual(
    new Map(get.body.parameters.map((pair: { key: string; value: unknown }) => [pair.key, pair.value])),
    new Map(parameters.map(({ key, value }) => [key, value])),
  );
  await api.call("POST", `${ACTIONS}/many?blocking=true`);
  assert.equal(api.invocations.calls[0]?.action.parameters.length, 4000);
});

test("a copy carries code, parameters and annotations, and what is new wins", async () => {
  await using api = await startApi();
  await api.call("PUT", `${PACKAGES}/p`, { json: { parameters: [{ key: "inherited", value: 0 }] } });
  await api.call("PUT", `${ACTIONS}/p/original`, {
    json: {
      ...source("original code"),
      parameters: [
        { key: "kept", value: 1 },
        { key: "changed", value: 1 },
      ],
      annotations: [
        { key: "kept", value: true },
        { key: "changed", value: true },
      ],
      limits: { memory: 512, timeout: 1000 },
    },
  });
  // As clients copy: what was read, with what they add laid over it, is sent under another name.
  const original = (await api.call("GET", `${ACTIONS}/p/original`)).body;
  const over = (pairs: { key: string }[], pair: { key: string; value: unknown }) => [
    ...pairs.filter(({ key }) => key !== pair.key),
    pair,
  ];
  const copy = await api.call("PUT", `${ACTIONS}/copy`, {
    json: {
      ...original,
      parameters: over(original.parameters, { key: "changed", value: 2 }),
      annotations: over(original.annotations, { key: "changed", value: false }),
      version: "0.0.1",
    },
  });
  assert.equal(copy.status, 200);
  assert.deepEqual([copy.body.namespace, copy.body.name], ["guest", "copy"]);
  assert.deepEqual(copy.body.exec, original.exec);
  assert.deepEqual(copy.body.limits, original.limits);
  assert.deepEqual(copy.body.parameters, [
    { key: "inherited", value: 0 },
    { key: "kept", value: 1 },
    { key: "changed", value: 2 },
  ]);
  assert.deepEqual(valueOf(copy.body.annotations, "kept"), true);
  assert.deepEqual(valueOf(copy.body.annotations, "changed"), false);
  // The copy is a thing of its own.
  await api.call("DELETE", `${PACKAGES}/p?force=true`);
  assert.equal((await api.call("GET", `${ACTIONS}/copy`)).body.exec.code, "original code");
  assert.equal((await api.call("POST", `${ACTIONS}/copy?blocking=true`)).status, 200);
});

test("a sequence keeps its components' names where only something else of it is changed", async () => {
  await using api = await startApi();
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  await api.call("PUT", `${ACTIONS}/s`, { json: { exec: { kind: "sequence", components: ["/_/a"] } } });
  const named = [{ key: "_actions", value: ["/guest/a"] }];
  const update = (json: object) => api.call("PUT", `${ACTIONS}/s?overwrite=true`, { json });
  assert.deepEqual((await update({ parameters: [{ key: "x", value: 1 }] })).body.parameters, named);
  assert.deepEqual((await update({ publish: true })).body.parameters, named);
  assert.deepEqual((await update(source())).body.parameters, [], "and leaves nothing of them to what follows it");
});

test("lists of a namespace name the package of what is inside one", async () => {
  await using api = await startApi();
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  await api.call("PUT", `${ACTIONS}/top`, { json: source() });
  await api.call("PUT", `${ACTIONS}/p/inside`, { json: source() });
  const list = (await api.call("GET", ACTIONS)).body as { namespace: string; name: string }[];
  assert.deepEqual(
    new Set(list.map(({ namespace, name }) => `${namespace}/${name}`)),
    new Set(["guest/top", "guest/p/inside"]),
  );
  assert.deepEqual((await api.call("GET", `${ACTIONS}?count=true`)).body, { actions: 2 });
  for (const path of [`${ACTIONS}/p`, `${ACTIONS}/p?code=false`]) {
    const get = await api.call("GET", path);
    assert.deepEqual(
      [get.status, get.body.error],
      [409, "Resource by this name exists but is not in this collection."],
      path,
    );
  }
  assert.equal((await api.call("POST", `${ACTIONS}/p`)).status, 409);
  assert.equal((await api.call("DELETE", `${ACTIONS}/p`)).status, 409);
  assert.equal((await api.call("PUT", `${ACTIONS}/p?overwrite=true`, { json: source() })).status, 409);
  const notPackage = await api.call("PUT", `${ACTIONS}/top/a`, { json: source() });
  assert.equal(notPackage.status, 409);
  assert.equal((await api.call("GET", "/api/v1/namespaces/guest/actions", { auth: OTHER })).status, 403);
});

function valueOf(pairs: readonly { key: string; value: unknown }[], key: string): unknown {
  return pairs.find((pair) => pair.key === key)?.value;
}
