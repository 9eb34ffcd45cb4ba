import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/kernel/clock.ts";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import type { Stores } from "../../../src/store/ports.ts";
import { type CallOptions, type Harness, OTHER, source, startApi } from "./harness.ts";

const PACKAGES = "/api/v1/namespaces/_/packages";
const ACTIONS = "/api/v1/namespaces/_/actions";
const MIB = 1_048_576;

test("a new package comes back whole, with its defaults", async () => {
  await using api = await startApi();
  const put = await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  assert.equal(put.status, 200);
  const { updated, ...rest } = put.body;
  assert.ok(Math.abs(updated - Date.now()) < 10_000);
  const whole = {
    namespace: "guest",
    name: "p",
    version: "0.0.1",
    publish: false,
    annotations: [],
    parameters: [],
    binding: {},
  };
  assert.deepEqual(rest, whole);
  const get = await api.call("GET", `${PACKAGES}/p`);
  assert.deepEqual(get.body, { ...whole, updated, actions: [], feeds: [] });
});

test("an update bumps the patch, replaces what it names whole, and keeps what it does not name", async () => {
  await using api = await startApi();
  const first = {
    parameters: [
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ],
    annotations: [{ key: "old", value: true }],
    publish: true,
  };
  await api.call("PUT", `${PACKAGES}/p`, { json: first });
  const put = (json: object) => api.call("PUT", `${PACKAGES}/p?overwrite=true`, { json });
  const bumped = await put({});
  assert.equal(bumped.body.version, "0.0.2");
  assert.deepEqual(bumped.body.parameters, first.parameters);
  assert.deepEqual(bumped.body.annotations, first.annotations);
  assert.equal(bumped.body.publish, true);
  const replaced = await put({
    parameters: [{ key: "c", value: { deep: [null] } }],
    annotations: [{ key: "new", value: "ü → 🦢" }],
    publish: false,
  });
  assert.deepEqual(replaced.body.parameters, [{ key: "c", value: { deep: [null] } }]);
  assert.deepEqual(replaced.body.annotations, [{ key: "new", value: "ü → 🦢" }]);
  assert.equal(replaced.body.publish, false);
  assert.equal((await put({ version: "2.0.0" })).body.version, "2.0.0");
  assert.equal((await put({ namespace: "x", name: "y", unknown: 1, binding: {} })).body.version, "2.0.1");
});

test("a package shows its actions, newest first, and feeds apart", async () => {
  let wall = 1_700_000_000_000;
  const clock = { now: () => systemClock.now(), wallMs: () => (wall += 10) };
  await using api = await startApi({ clock });
  await api.call("PUT", `${PACKAGES}/p`, { json: { parameters: [{ key: "secret", value: 1 }] } });
  await api.call("PUT", `${ACTIONS}/p/one`, {
    json: { ...source(), annotations: [{ key: "web-export", value: true }] },
  });
  await api.call("PUT", `${ACTIONS}/p/two`, { json: { ...source(), version: "1.2.3" } });
  await api.call("PUT", `${ACTIONS}/p/f`, { json: { ...source(), annotations: [{ key: "feed", value: false }] } });
  await api.call("PUT", `${ACTIONS}/elsewhere`, { json: source() });
  const get = await api.call("GET", `${PACKAGES}/p`);
  assert.deepEqual(get.body.actions, [
    { name: "two", version: "1.2.3", annotations: plus([]) },
    { name: "one", version: "0.0.1", annotations: plus([{ key: "web-export", value: true }]) },
  ]);
  assert.deepEqual(get.body.feeds, [
    { name: "f", version: "0.0.1", annotations: plus([{ key: "feed", value: false }]) },
  ]);
});

test("lists are newest first, brief, paged and counted, and call what is no binding false", async () => {
  let wall = 1_700_000_000_000;
  const clock = { now: () => systemClock.now(), wallMs: () => (wall += 10) };
  await using api = await startApi({ clock });
  await api.call("PUT", `${PACKAGES}/a`, { json: { parameters: [{ key: "k", value: 1 }] } });
  await api.call("PUT", `${PACKAGES}/b c`.replace(" ", "%20"), { json: {} });
  await api.call("PUT", `${PACKAGES}/z`, { json: { binding: { namespace: "_", name: "a" } } });
  await api.call("PUT", `${ACTIONS}/a/inside`, { json: source() });
  const names = async (query: string) =>
    ((await api.call("GET", `${PACKAGES}${query}`)).body as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(await names(""), ["z", "b c", "a"]);
  assert.deepEqual(await names("/?public=true"), ["z", "b c", "a"]);
  assert.deepEqual(await names("?skip=1&limit=1"), ["b c"]);
  const items = (await api.call("GET", PACKAGES)).body;
  assert.deepEqual(items[0].binding, { namespace: "guest", name: "a" });
  const { updated: _, ...last } = items[2];
  assert.deepEqual(last, {
    namespace: "guest",
    name: "a",
    version: "0.0.1",
    publish: false,
    annotations: [],
    binding: false,
  });
  assert.deepEqual((await api.call("GET", `${PACKAGES}?count=true&skip=1`)).body, { packages: 2 });
  const refused = await api.call("GET", `${PACKAGES}?limit=201`);
  assert.match(refused.body.error, /The value '201' is not in the range of 0 to 200 for packages\.$/);
});

test("of another namespace only published packages are listed, whatever else is there", async () => {
  let wall = 1_700_000_000_000;
  const clock = { now: () => systemClock.now(), wallMs: () => (wall += 10) };
  await using api = await startApi({ clock });
  for (let i = 0; i < 7; i += 1) {
    await api.call("PUT", `${PACKAGES}/shared${i}`, { json: { publish: true } });
    await api.call("PUT", `${PACKAGES}/own${i}`, { json: {} });
  }
  await api.call("PUT", `${PACKAGES}/bound`, {
    json: { publish: true, binding: { namespace: "guest", name: "shared0" } },
  });
  const list = async (query: string) =>
    (await api.call("GET", `/api/v1/namespaces/guest/packages${query}`, { auth: OTHER })).body;
  const names = async (query: string) => ((await list(query)) as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(
    await names(""),
    [6, 5, 4, 3, 2, 1, 0].map((i) => `shared${i}`),
  );
  assert.deepEqual(await names("?skip=2&limit=2"), ["shared4", "shared3"]);
  assert.deepEqual(await list("?count=true"), { packages: 7 });
  assert.deepEqual(await list("?count=true&skip=9"), { packages: 0 });
  const nowhere = await api.call("GET", "/api/v1/namespaces/nowhere/packages", { auth: OTHER });
  assert.deepEqual([nowhere.status, nowhere.body], [200, []]);
});

test("owners hear what is missing, strangers only that they may not", async () => {
  await using api = await startApi();
  await api.call("PUT", `${PACKAGES}/private`, { json: {} });
  await api.call("PUT", `${ACTIONS}/private/a`, { json: source() });
  await api.call("PUT", `${PACKAGES}/shared`, { json: { publish: true } });
  await api.call("PUT", `${ACTIONS}/shared/a`, { json: source("shared code") });
  await api.call("PUT", `${ACTIONS}/action`, { json: source() });
  await spoil(api, "damaged");
  const own = await api.call("GET", `${PACKAGES}/missing`);
  assert.deepEqual([own.status, own.body.error], [404, "The requested resource 'guest/missing' does not exist."]);
  const other = await api.call("GET", `${PACKAGES}/action`);
  assert.equal(other.body.error, "Resource by this name exists but is not in this collection.");
  assert.equal((await api.call("GET", `${PACKAGES}/damaged`)).status, 500);
  for (const name of ["missing", "private", "action", "damaged"]) {
    for (const path of [`packages/${name}`, `actions/${name}/`, `actions/${name}/a`]) {
      const get = await api.call("GET", `/api/v1/namespaces/guest/${path}`, { auth: OTHER });
      assert.equal(get.status, 403, path);
      assert.equal(get.body.error, `The supplied authentication is not authorized to access 'guest/${name}'.`);
    }
  }
  const shared = "/api/v1/namespaces/guest/packages/shared";
  for (const [method, options] of [
    ["PUT", { json: {} }],
    ["DELETE", {}],
  ] as const) {
    const reply = await api.call(method, `${shared}?overwrite=true`, { ...options, auth: OTHER });
    assert.equal(reply.status, 403);
    assert.equal(reply.body.error, "The supplied authentication is not authorized to access 'guest/shared'.");
    const inside = await api.call(method, "/api/v1/namespaces/guest/actions/shared/a", { ...options, auth: OTHER });
    assert.equal(inside.body.error, "The supplied authentication is not authorized to access 'guest/shared/a'.");
  }
  assert.equal((await api.call("GET", shared, { auth: OTHER })).body.actions[0].name, "a");
  const action = await api.call("GET", "/api/v1/namespaces/guest/actions/shared/a", { auth: OTHER });
  assert.equal(action.body.exec.code, "shared code");
  const list = await api.call("GET", "/api/v1/namespaces/guest/actions/shared/", { auth: OTHER });
  assert.equal(list.body[0].namespace, "guest/shared");
  const post = await api.call("POST", "/api/v1/namespaces/guest/actions/shared/a?blocking=true", { auth: OTHER });
  assert.equal(post.status, 200);
});

test("what stands in the way of a write is told apart", async () => {
  await using api = await startApi();
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  await api.call("PUT", `${ACTIONS}/a`, { json: source() });
  const refusals: readonly [string, string, CallOptions, number, string | RegExp][] = [
    ["PUT", "p", { json: {} }, 409, "resource already exists"],
    ["PUT", "a?overwrite=true", { json: {} }, 409, "Resource by this name exists but is not in this collection."],
    ["DELETE", "a", {}, 409, "Resource by this name exists but is not in this collection."],
    ["DELETE", "missing", {}, 404, "The requested resource does not exist."],
    ["PUT", "default", { json: {} }, 400, "Package name 'default' is reserved."],
    ["PUT", "default?overwrite=true", { json: {} }, 400, "Package name 'default' is reserved."],
    ["POST", "p", {}, 405, "HTTP method not allowed, supported methods: GET, PUT, DELETE"],
    ["PUT", "-p", { json: {} }, 400, "The name of the entity contains illegal characters."],
    ["PUT", "n".repeat(257), { json: {} }, 400, "Name segement longer than allowed: 257 > 256."],
    ["PUT", "q?overwrite=maybe", { json: {} }, 400, /'maybe' is not a valid Boolean value$/],
    ["DELETE", "p?force=maybe", {}, 400, /'maybe' is not a valid Boolean value$/],
    ["PUT", "q", { json: [] }, 400, /Object expected$/],
    ["PUT", "q", { json: { parameters: {} } }, 400, /parameters malformed: an array/],
    ["PUT", "q", { json: { annotations: [{ value: 1 }] } }, 400, /annotations malformed: an array/],
    ["PUT", "q", { json: { version: "one" } }, 400, /bad semantic version one$/],
    ["PUT", "q", { json: { publish: 1 } }, 400, /publish malformed: a boolean is expected$/],
    ["PUT", "q", { json: { binding: true } }, 400, /Object expected$/],
    ["PUT", "q", { json: { binding: { name: "p" } } }, 400, /Object is missing required member 'namespace'$/],
    ["PUT", "q", { json: { binding: { namespace: "_" } } }, 400, /Object is missing required member 'name'$/],
    ["PUT", "q", { json: { binding: { namespace: "_", name: "p/q" } } }, 400, /illegal characters\.$/],
    ["PUT", "q", { json: { binding: { namespace: 1, name: "p" } } }, 400, /namespace malformed: a string is expected$/],
  ];
  for (const [method, path, options, status, text] of refusals) {
    const reply = await api.call(method, `${PACKAGES}/${path}`, { ...options, swagger: false });
    assert.equal(reply.status, status, `${method} ${path} ${JSON.stringify(options)}: ${reply.text}`);
    if (typeof text === "string") assert.equal(reply.body.error, text);
    else assert.match(reply.body.error, text);
  }
  for (const method of ["PUT", "POST", "DELETE"]) {
    const reply = await api.call(method, PACKAGES, method === "PUT" ? { json: {} } : {});
    assert.equal(reply.body.error, "HTTP method not allowed, supported methods: GET");
  }
  assert.equal((await api.call("GET", PACKAGES)).body.length, 1);
  assert.equal((await api.call("GET", `${PACKAGES}/p`)).body.version, "0.0.1");
});

test("parameters and annotations of a package have a bound, to the byte", async () => {
  await using api = await startApi();
  for (const field of ["parameters", "annotations"]) {
    // Of the key one byte counts, of the value the quotes too.
    const fill = (bytes: number) => ({ [field]: [{ key: "k", value: "v".repeat(bytes - 3) }] });
    assert.equal((await api.call("PUT", `${PACKAGES}/p?overwrite=true`, { json: fill(MIB) })).status, 200);
    const over = await api.call("PUT", `${PACKAGES}/p?overwrite=true`, { json: fill(MIB + 1) });
    assert.equal(over.status, 413);
    assert.equal(over.body.error, `${field} larger than allowed: ${MIB + 1} > ${MIB} bytes.`);
  }
  assert.equal((await api.call("GET", `${PACKAGES}/p`)).body.version, "0.0.2");
});

test("a package with something in it is deleted by force only, and then with all of it", async () => {
  await using api = await startApi();
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  const put = await api.call("PUT", `${ACTIONS}/p/a`, { json: source() });
  const one = await api.call("DELETE", `${PACKAGES}/p`);
  assert.equal(one.status, 409);
  assert.equal(one.body.error, "Package not empty (contains 1 entity). Set force param or delete package contents.");
  for (let i = 0; i < 250; i += 1) await api.call("PUT", `${ACTIONS}/p/a${i}`, { json: source() });
  await api.call("PUT", `${ACTIONS}/kept`, { json: source() });
  await spoil(api, "p/damaged");
  const many = await api.call("DELETE", `${PACKAGES}/p?force=false`);
  assert.match(many.body.error, /^Package not empty \(contains 252 entities\)\. /);
  await api.call("POST", `${ACTIONS}/p/a?blocking=true`);
  assert.equal((await api.call("GET", `${PACKAGES}/p`)).body.actions.length, 251);
  const forced = await api.call("DELETE", `${PACKAGES}/p?force=true`);
  assert.equal(forced.status, 200);
  assert.equal(forced.body.name, "p");
  assert.equal((await api.call("POST", `${ACTIONS}/p/a?blocking=true`)).status, 404);
  assert.equal((await api.call("GET", `${PACKAGES}/p`)).status, 404);
  assert.deepEqual((await api.call("GET", `${ACTIONS}?count=true`)).body, { actions: 1 });
  // Made anew, it is empty: nothing of the former one comes back.
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  assert.equal((await api.call("POST", `${ACTIONS}/p/a?blocking=true`)).status, 404);
  assert.deepEqual((await api.call("GET", `${PACKAGES}/p`)).body.actions, []);
  assert.equal((await api.call("DELETE", `${PACKAGES}/p`)).status, 200);
  assert.equal(put.status, 200);
});

test("a damaged package hides no other, and can be deleted", async () => {
  await using api = await startApi();
  await spoil(api, "broken", "package");
  await api.call("PUT", `${PACKAGES}/fine`, { json: {} });
  assert.equal((await api.call("GET", `${PACKAGES}/broken`)).body.error, "Resource is corrupted and cannot be read.");
  assert.equal((await api.call("GET", PACKAGES)).body.length, 1);
  const gone = await api.call("DELETE", `${PACKAGES}/broken`);
  assert.deepEqual([gone.status, gone.body], [200, { namespace: "guest", name: "broken" }]);
});

test("an action that is written while its package goes is not left where nobody finds it", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const hold = { writes: false };
  await using api = await startApi({
    wrap: (stores) =>
      withPut(stores, async (write, put) => {
        if (hold.writes && write.kind === "action") {
          reached.resolve();
          await gate.promise;
        }
        return await put();
      }),
  });
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  hold.writes = true;
  const late = api.call("PUT", `${ACTIONS}/p/late`, { json: source() });
  await reached.promise;
  assert.equal((await api.call("DELETE", `${PACKAGES}/p`)).status, 200);
  gate.resolve();
  const put = await late;
  assert.deepEqual([put.status, put.body.error], [404, "The requested resource does not exist."]);
  assert.deepEqual((await api.call("GET", ACTIONS)).body, []);
});

test("a package whose deletion an acknowledged action came between stays", async () => {
  await using api = await startIntruded();
  await api.call("PUT", `${PACKAGES}/p`, { json: { parameters: [{ key: "k", value: 1 }], publish: true } });
  const refused = await api.call("DELETE", `${PACKAGES}/p`);
  assert.equal(refused.status, 409);
  assert.match(refused.body.error, /^Package not empty \(contains 1 entity\)/);
  const get = await api.call("GET", `${PACKAGES}/p`);
  assert.deepEqual(get.body.parameters, [{ key: "k", value: 1 }]);
  assert.equal(get.body.publish, true);
  assert.equal(get.body.actions.length, 1);
  assert.equal((await api.call("POST", `${ACTIONS}/p/between?blocking=true`)).status, 200);
});

test("a forced deletion takes such an action with it", async () => {
  await using api = await startIntruded();
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  assert.equal((await api.call("DELETE", `${PACKAGES}/p?force=true`)).status, 200);
  assert.deepEqual((await api.call("GET", ACTIONS)).body, []);
  await api.call("PUT", `${PACKAGES}/p`, { json: {} });
  assert.equal((await api.call("POST", `${ACTIONS}/p/between`)).status, 404);
});

test("of writers of a package that meet, each is told what happened to its own write", async () => {
  await using api = await startApi();
  const creations = await Promise.all(
    Array.from({ length: 8 }, () => api.call("PUT", `${PACKAGES}/race`, { json: {} })),
  );
  assert.equal(creations.filter(({ status }) => status === 200).length, 1);
  const updates = await Promise.all(
    Array.from({ length: 8 }, () => api.call("PUT", `${PACKAGES}/race?overwrite=true`, { json: {} })),
  );
  for (const { status, body } of updates) {
    if (status !== 200) assert.equal(body.error, "Concurrent modification to resource detected.");
  }
  const won = updates.filter(({ status }) => status === 200).length;
  assert.equal((await api.call("GET", `${PACKAGES}/race`)).body.version, `0.0.${won + 1}`);
});

/** An API where an action is written into package `p` after its deletion looked inside, and before its document goes. */
async function startIntruded(): Promise<Harness> {
  const api = await startApi({
    wrap: (stores) => ({
      ...stores,
      artifacts: {
        ...bound(stores.artifacts),
        delete: async (id, expected) => {
          if (id.path === "p") {
            const put = await api.call("PUT", `${ACTIONS}/p/between`, { json: source() });
            assert.equal(put.status, 200);
          }
          return await stores.artifacts.delete(id, expected);
        },
      },
    }),
  });
  return api;
}

/** What every action here has after its own annotations. */
function plus(annotations: readonly object[]): readonly object[] {
  return [...annotations, { key: "provide-api-key", value: false }, { key: "exec", value: "nodejs:24" }];
}

/** Stores a document that this version cannot read. */
async function spoil(
  api: Harness,
  path: string,
  kind: "action" | "package" = path.includes("/") ? "action" : "package",
): Promise<void> {
  const id = { namespace: asId<Namespace>("guest"), path: asId<EntityPath>(path) };
  await api.stores.artifacts.put({ ...id, kind, updated: 1, body: { format: 99 }, attachments: [] }, "absent");
}

type Artifacts = Stores["artifacts"];

function withPut(
  stores: Stores,
  intercept: (
    write: Parameters<Artifacts["put"]>[0],
    put: () => ReturnType<Artifacts["put"]>,
  ) => ReturnType<Artifacts["put"]>,
): Stores {
  const { artifacts } = stores;
  const put: Artifacts["put"] = (write, expected) => intercept(write, () => artifacts.put(write, expected));
  return { ...stores, artifacts: { ...bound(artifacts), put } };
}

/** The methods of a store as an object that can be spread. */
function bound(artifacts: Artifacts): Artifacts {
  return {
    get: (id) => artifacts.get(id),
    put: (write, expected) => artifacts.put(write, expected),
    delete: (id, expected) => artifacts.delete(id, expected),
    list: (query) => artifacts.list(query),
    count: (query) => artifacts.count(query),
  };
}
