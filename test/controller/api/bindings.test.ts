import assert from "node:assert/strict";
import { test } from "node:test";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import { type Harness, OTHER, type Reply, source, startApi } from "./harness.ts";

const PACKAGES = "/api/v1/namespaces/_/packages";
const ACTIONS = "/api/v1/namespaces/_/actions";

/** `guest` shares `lib` with an action `a` in it; `other` has bound it as `mine`. */
async function startBound(options: object = {}): Promise<Harness> {
  const api = await startApi({ options });
  await api.call("PUT", `${PACKAGES}/lib`, {
    json: {
      publish: true,
      parameters: pairs({ package: "p", binding: "p", action: "p", payload: "p" }),
      annotations: [{ key: "description", value: "a library" }],
    },
  });
  await api.call("PUT", `${ACTIONS}/lib/a`, {
    json: { ...source("library code"), parameters: pairs({ action: "a", payload: "a" }) },
  });
  const put = await bind(api, "mine", { json: { parameters: pairs({ binding: "b", action: "b", payload: "b" }) } });
  assert.equal(put.status, 200);
  return api;
}

function bind(
  api: Harness,
  name: string,
  { json = {}, query = "" }: { json?: object; query?: string },
): Promise<Reply> {
  const binding = { namespace: "guest", name: "lib" };
  return api.call("PUT", `${PACKAGES}/${name}${query}`, { auth: OTHER, json: { binding, ...json } });
}

test("a binding shows what it is of, inherits parameters, and has the provider's actions", async () => {
  await using api = await startBound();
  const annotation = { key: "binding", value: { namespace: "guest", name: "lib" } };
  const get = await api.call("GET", `${PACKAGES}/mine`, { auth: OTHER });
  const { updated: _, ...rest } = get.body;
  assert.deepEqual(rest, {
    namespace: "other",
    name: "mine",
    version: "0.0.1",
    publish: false,
    annotations: [annotation],
    parameters: pairs({ package: "p", binding: "b", action: "b", payload: "b" }),
    binding: { namespace: "guest", name: "lib" },
    actions: [{ name: "a", version: "0.0.1", annotations: pairs({ "provide-api-key": false, exec: "nodejs:24" }) }],
    feeds: [],
  });
  // What a write answers is what the binding holds itself.
  const put = await bind(api, "mine", { query: "?overwrite=true" });
  assert.deepEqual(put.body.parameters, pairs({ binding: "b", action: "b", payload: "b" }));
  assert.equal(put.body.version, "0.0.2");
});

test("an action reached through a binding has parameters of package, binding and action, in this order", async () => {
  await using api = await startBound();
  const get = await api.call("GET", `${ACTIONS}/mine/a`, { auth: OTHER });
  assert.equal(get.body.namespace, "guest/lib");
  assert.equal(get.body.exec.code, "library code");
  assert.deepEqual(get.body.parameters, pairs({ package: "p", binding: "b", action: "a", payload: "a" }));
  const list = await api.call("GET", `${ACTIONS}/mine/`, { auth: OTHER });
  assert.deepEqual([list.body.length, list.body[0].namespace], [1, "guest/lib"]);
  assert.deepEqual((await api.call("GET", `${ACTIONS}/mine/?count=true`, { auth: OTHER })).body, { actions: 1 });
  // Lists of a namespace are of what it holds: nothing of what it bound.
  assert.deepEqual((await api.call("GET", ACTIONS, { auth: OTHER })).body, []);
  await api.call("POST", `${ACTIONS}/mine/a?blocking=true`, { auth: OTHER, json: { payload: "now" } });
  const [call] = api.invocations.calls;
  assert.equal(call?.identity.namespace, "other");
  assert.deepEqual(call?.action.binding, { namespace: "other", path: "mine" });
  assert.equal(call?.action.namespace, "guest");
});

test("nothing is written through a binding", async () => {
  await using api = await startBound();
  for (const method of ["PUT", "DELETE"]) {
    const reply = await api.call(method, `${ACTIONS}/mine/a?overwrite=true`, {
      auth: OTHER,
      ...(method === "PUT" ? { json: source() } : {}),
    });
    assert.equal(reply.status, 400, method);
    assert.equal(reply.body.error, "Operation not permitted on package binding.");
  }
  const gone = await api.call("DELETE", `${PACKAGES}/mine`, { auth: OTHER });
  assert.equal(gone.status, 200, "a binding is never full");
  assert.deepEqual(gone.body.binding, { namespace: "guest", name: "lib" });
  assert.equal((await api.call("GET", `${ACTIONS}/lib/a`)).status, 200);
});

test("the binding annotation is the platform's: kept on bindings, whatever is sent, and on nothing else", async () => {
  await using api = await startBound();
  const kept = { key: "binding", value: { namespace: "guest", name: "lib" } };
  const lie = { key: "binding", value: "a lie" };
  const put = await bind(api, "mine", {
    query: "?overwrite=true",
    json: { annotations: [lie, { key: "x", value: 1 }] },
  });
  assert.deepEqual(put.body.annotations, [{ key: "x", value: 1 }, kept]);
  const update = await api.call("PUT", `${PACKAGES}/mine?overwrite=true`, { auth: OTHER, json: { binding: {} } });
  assert.deepEqual(update.body.annotations, [{ key: "x", value: 1 }, kept]);
  assert.deepEqual(update.body.binding, { namespace: "guest", name: "lib" }, "an empty binding changes nothing");
  const plain = await api.call("PUT", `${PACKAGES}/plain`, { json: { annotations: [lie] } });
  assert.deepEqual(plain.body.annotations, []);
  const created = await bind(api, "fresh", { json: { annotations: [lie] } });
  assert.deepEqual(created.body.annotations, [kept]);
});

test("what cannot be bound is refused before anything else is said", async () => {
  await using api = await startBound();
  await api.call("PUT", `${PACKAGES}/private`, { json: {} });
  await api.call("PUT", `${ACTIONS}/action`, { json: source() });
  await api.call("PUT", `${ACTIONS}/own`, { json: source(), auth: OTHER });
  await api.call("PUT", `${PACKAGES}/full`, { json: {}, auth: OTHER });
  const forbidden = (name: string) => `The supplied authentication is not authorized to access '${name}'.`;
  const refusals: readonly [string, string, string, number, string][] = [
    ["new", "_", "missing", 400, "Binding references a package that does not exist."],
    ["new", "other", "new", 400, "Binding references a package that does not exist."],
    ["new", "_", "own", 409, "Cannot bind to a resource that is not a package."],
    ["new", "_", "mine", 400, "Cannot bind to another package binding."],
    ["mine", "other", "mine", 400, "Cannot bind to another package binding."],
    ["full", "guest", "lib", 409, "Resource is a package and cannot be converted into a binding."],
    ["full", "_", "full", 409, "Resource is a package and cannot be converted into a binding."],
    ["new", "guest", "private", 403, forbidden("guest/private")],
    ["new", "guest", "missing", 403, forbidden("guest/missing")],
    ["new", "guest", "action", 403, forbidden("guest/action")],
    ["new", "nowhere", "missing", 403, forbidden("nowhere/missing")],
    ["full", "guest", "private", 403, forbidden("guest/private")],
  ];
  for (const [name, namespace, target, status, text] of refusals) {
    const json = { binding: { namespace, name: target } };
    const put = await api.call("PUT", `${PACKAGES}/${name}?overwrite=true`, { auth: OTHER, json });
    assert.deepEqual([put.status, put.body.error], [status, text], `${name} -> ${namespace}/${target}`);
  }
  const exists = await bind(api, "mine", {});
  assert.equal(exists.body.error, "resource already exists");
  assert.equal((await api.call("GET", `${PACKAGES}/new`, { auth: OTHER })).status, 404);
  assert.equal((await api.call("GET", `${PACKAGES}/full`, { auth: OTHER })).body.version, "0.0.1");
});

test("a binding may be bound to another package, which is checked like the first", async () => {
  await using api = await startBound();
  await api.call("PUT", `${PACKAGES}/lib2`, { json: { publish: true, parameters: pairs({ second: 2 }) } });
  const move = (name: string) =>
    api.call("PUT", `${PACKAGES}/mine?overwrite=true`, {
      auth: OTHER,
      json: { binding: { namespace: "guest", name } },
    });
  assert.equal((await move("lib3")).status, 403);
  const moved = await move("lib2");
  assert.deepEqual(moved.body.binding, { namespace: "guest", name: "lib2" });
  const get = await api.call("GET", `${PACKAGES}/mine`, { auth: OTHER });
  assert.deepEqual(get.body.parameters[0], { key: "second", value: 2 });
  assert.equal((await api.call("POST", `${ACTIONS}/mine/a`, { auth: OTHER })).status, 404);
});

test("a binding is its owner's alone, published or not", async () => {
  await using api = await startBound();
  await bind(api, "mine", { query: "?overwrite=true", json: { publish: true } });
  for (const [method, path] of [
    ["GET", "packages/mine"],
    ["GET", "actions/mine/"],
    ["GET", "actions/mine/a"],
    ["POST", "actions/mine/a"],
  ] as const) {
    const reply = await api.call(method, `/api/v1/namespaces/other/${path}`);
    assert.equal(reply.status, 403, path);
    assert.equal(reply.body.error, "The supplied authentication is not authorized to access 'other/mine'.");
  }
});

test("a package that is withdrawn or deleted takes its bindings' use with it, at once", async () => {
  await using api = await startBound();
  const uses = async (): Promise<(readonly [number, string | undefined])[]> => {
    const replies = [
      await api.call("GET", `${PACKAGES}/mine`, { auth: OTHER }),
      await api.call("GET", `${ACTIONS}/mine/`, { auth: OTHER }),
      await api.call("GET", `${ACTIONS}/mine/a`, { auth: OTHER }),
      await api.call("POST", `${ACTIONS}/mine/a?blocking=true`, { auth: OTHER }),
    ];
    return replies.map(({ status, body }) => [status, body.error]);
  };
  const all = (status: number, error?: string) => Array.from({ length: 4 }, () => [status, error]);
  const forbidden = "The supplied authentication is not authorized to access 'other/mine'.";
  assert.deepEqual(await uses(), all(200));
  await api.call("PUT", `${PACKAGES}/lib?overwrite=true`, { json: { publish: false } });
  assert.deepEqual(await uses(), all(403, forbidden));
  await api.call("PUT", `${PACKAGES}/lib?overwrite=true`, { json: { publish: true } });
  assert.deepEqual(await uses(), all(200));
  await api.call("DELETE", `${PACKAGES}/lib?force=true`);
  assert.deepEqual(await uses(), all(403, forbidden), "whether it is gone or private is not told");
  assert.equal((await api.call("GET", PACKAGES, { auth: OTHER })).body.length, 1, "the binding itself stays");
  assert.equal((await api.call("DELETE", `${PACKAGES}/mine`, { auth: OTHER })).status, 200);
});

test("a binding of one's own package that is gone says so by the binding's name", async () => {
  await using api = await startApi();
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  await api.call("PUT", `${PACKAGES}/b`, { json: { binding: { namespace: "_", name: "p" } } });
  assert.deepEqual((await api.call("GET", `${PACKAGES}/b`)).body.binding, { namespace: "guest", name: "p" });
  await api.call("DELETE", `${PACKAGES}/p`);
  const get = await api.call("GET", `${PACKAGES}/b`);
  assert.deepEqual([get.status, get.body.error], [404, "The requested resource 'guest/b' does not exist."]);
  const post = await api.call("POST", `${ACTIONS}/b/a`);
  assert.deepEqual([post.status, post.body.error], [404, "The requested resource does not exist."]);
  await api.call("PUT", `${ACTIONS}/p`, { json: source() });
  assert.equal((await api.call("GET", `${PACKAGES}/b`)).status, 409, "an action has the package's name now");
});

test("bindings of bindings, and of themselves, lead nowhere and end", async () => {
  await using api = await startApi();
  for (const name of ["p", "q"]) await api.call("PUT", `${PACKAGES}/${name}`, { json: {} });
  await api.call("PUT", `${ACTIONS}/q/a`, { json: source() });
  await api.call("PUT", `${PACKAGES}/b`, { json: { binding: { namespace: "_", name: "p" } } });
  await api.call("DELETE", `${PACKAGES}/p`);
  // The name that was bound is given to a binding.
  await api.call("PUT", `${PACKAGES}/p`, { json: { binding: { namespace: "_", name: "q" } } });
  for (const path of [`${PACKAGES}/b`, `${ACTIONS}/b/`, `${ACTIONS}/b/a`]) {
    const get = await api.call("GET", path);
    assert.deepEqual([get.status, get.body.error], [400, "Cannot bind to another package binding."], path);
  }
  assert.equal((await api.call("POST", `${ACTIONS}/p/a?blocking=true`)).status, 200);
  await bindToItself(api, "self");
  for (const [method, path] of [
    ["GET", `${PACKAGES}/self`],
    ["GET", `${ACTIONS}/self/a`],
    ["POST", `${ACTIONS}/self/a`],
  ] as const) {
    const reply = await api.call(method, path, { swagger: false });
    assert.equal(reply.status, 422, path);
    assert.equal(reply.body.error, "Package binding 'guest/self' contains a circular reference.");
  }
  assert.equal((await api.call("DELETE", `${PACKAGES}/self`)).status, 200);
});

test("shared packages can be for running only", async () => {
  await using api = await startBound({ limits: { sharedPackagesExecuteOnly: true } });
  const refusals: readonly [string, string][] = [
    ["guest/packages/lib", "GET not permitted for 'lib' since it's a shared package"],
    ["guest/actions/lib/a", "GET not permitted for 'guest/lib' since it's an action in a shared package"],
    ["guest/actions/lib/a?code=false", "GET not permitted for 'guest/lib' since it's an action in a shared package"],
    ["_/packages/mine", "GET not permitted since mine is a binding of a shared package"],
    [
      "_/actions/mine/a",
      "GET not permitted for 'other/mine/a'. Resource does not exist or is an action in a shared package binding.",
    ],
  ];
  for (const [path, text] of refusals) {
    const get = await api.call("GET", `/api/v1/namespaces/${path}`, { auth: OTHER });
    assert.deepEqual([get.status, get.body.error], [403, text], path);
  }
  for (const path of ["guest/actions/lib/a", "_/actions/mine/a"]) {
    const post = await api.call("POST", `/api/v1/namespaces/${path}?blocking=true`, { auth: OTHER });
    assert.equal(post.status, 200, path);
  }
  assert.equal((await api.call("GET", `${ACTIONS}/lib/a`)).status, 200, "the owner reads its own");
  assert.equal((await api.call("GET", `${PACKAGES}/lib`)).status, 200);
  await api.call("PUT", `${PACKAGES}/alias`, { json: { binding: { namespace: "_", name: "lib" } } });
  assert.equal((await api.call("GET", `${PACKAGES}/alias`)).status, 200, "and through its own binding");
  assert.equal((await api.call("GET", `${ACTIONS}/alias/a`)).status, 200);
});

function pairs(values: Readonly<Record<string, unknown>>): readonly { key: string; value: unknown }[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

/** No request can make one; a store may hold one all the same. */
async function bindToItself(api: Harness, name: string): Promise<void> {
  const id = { namespace: asId<Namespace>("guest"), path: asId<EntityPath>(name) };
  const body = { format: 1, version: "0.0.1", publish: false, parameters: [], annotations: [], binding: { ...id } };
  await api.stores.artifacts.put({ ...id, kind: "package", updated: 1, body, attachments: [] }, "absent");
}
