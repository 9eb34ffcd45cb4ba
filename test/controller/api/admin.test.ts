import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { adminRoutes } from "../../../src/controller/api/admin.ts";
import { LIMIT_NAMES } from "../../../src/controller/entitlement/limits.ts";
import { eventually } from "../../support/platform.ts";
import { basic, type CallOptions, GUEST, type Harness, OTHER, type Reply, startApi, SYSTEM } from "./harness.ts";
import { slowReads } from "./slow-reads.ts";

const KEY = `0a1b2c3d-1111-4222-8333-444455556666:${"K".repeat(64)}`;
const ACTION = { exec: { kind: "nodejs:24", code: "function main() {}" } };

let api: Harness;
before(async () => {
  api = await startApi();
});
after(() => api[Symbol.asyncDispose]());

/** A request with the key of whisk.system; none of these is in OpenWhisk's description. */
const admin = (method: string, path: string, options: CallOptions = {}): Promise<Reply> =>
  api.call(method, `/admin/${path}`, { auth: SYSTEM, swagger: false, ...options });
const tree = (auth: string, method: string, path: string, json?: unknown): Promise<Reply> =>
  api.call(method, `/api/v1/namespaces/_/${path}`, { auth, ...(json === undefined ? {} : { json }) });
const create = async (name: string, json: object = {}): Promise<string> => {
  const { status, body } = await admin("PUT", `users/${name}`, { json });
  assert.equal(status, 200, JSON.stringify(body));
  return body.auth;
};
const entered = async (auth: string): Promise<number> => (await tree(auth, "GET", "actions")).status;

suite("who may administer", () => {
  const paths = [
    ["GET", "users"],
    ["GET", "users/guest"],
    ["PUT", "users/intruder"],
    ["POST", "users/guest"],
    ["DELETE", "users/other"],
    ["POST", "whois"],
    ["GET", "namespaces/guest"],
    ["GET", "limits/guest"],
    ["PUT", "limits/guest"],
    ["DELETE", "limits/guest"],
  ] as const;

  test("only the key of whisk.system: 401 for nobody's key, 403 for everybody else's, and nothing is done", async () => {
    for (const [method, path] of paths) {
      const json = { auth: GUEST, blocked: true };
      const nobody = await admin(method, path, { auth: KEY, json });
      assert.deepEqual([nobody.status, nobody.headers["x-skein-error"]], [401, "auth/invalid"], path);
      assert.equal((await admin(method, path, { auth: null, json })).status, 401);
      const guest = await admin(method, path, { auth: GUEST, json });
      assert.deepEqual([guest.status, guest.headers["x-skein-error"]], [403, "auth/forbidden"], path);
    }
    assert.equal((await admin("GET", "users/intruder")).status, 404);
    assert.equal((await admin("GET", "users/other")).status, 200);
    assert.deepEqual((await admin("GET", "limits/guest")).body, {});
  });

  test("other verbs are 405 by name", async () => {
    const { status, headers } = await admin("PATCH", "users/guest");
    assert.deepEqual([status, headers["allow"]], [405, "GET, PUT, POST, DELETE"]);
  });
});

suite("users", () => {
  test("are created with a key that works at once, and told with all their namespaces", async () => {
    const { status, body } = await admin("PUT", "users/ada-l", { json: { auth: KEY } });
    assert.deepEqual([status, body], [200, { subject: "ada-l", namespace: "ada-l", auth: KEY }]);
    assert.deepEqual((await api.call("GET", "/api/v1/namespaces", { auth: KEY })).body, ["ada-l"]);
    const second = await create("ada-l", { namespace: "ada-space" });
    await admin("PUT", "limits/ada-space", { json: { firesPerMinute: 3 } });
    assert.deepEqual((await admin("GET", "users/ada-l")).body, {
      subject: "ada-l",
      blocked: false,
      namespaces: [
        { name: "ada-l", auth: KEY },
        { name: "ada-space", auth: second, limits: { firesPerMinute: 3 } },
      ],
    });
    assert.deepEqual((await admin("GET", "namespaces/ada-space")).body, [
      { subject: "ada-l", namespace: "ada-space", auth: second },
    ]);
    assert.deepEqual((await admin("GET", "namespaces/nobody")).body, []);
    assert.deepEqual((await admin("POST", "whois", { json: { auth: second } })).body, {
      subject: "ada-l",
      namespace: "ada-space",
    });
    assert.equal((await admin("POST", "whois", { json: { auth: `${KEY.slice(0, -1)}x` } })).status, 404);
  });

  test("need no body to be created, and refuse one that says what they do not know", async () => {
    assert.equal((await admin("PUT", "users/bodyless")).status, 200);
    for (const [json, message] of [
      [{ name: "x" }, /unknown field name$/],
      [{ revoke: "yes" }, /revoke: /],
      [[], /Object expected$/],
    ] as const) {
      const { status, body } = await admin("PUT", "users/refused", { json });
      assert.equal(status, 400);
      assert.match(body.error, message);
    }
    assert.equal(
      (await admin("PUT", "users/refused", { raw: "{", headers: { "content-type": "text/plain" } })).status,
      415,
    );
    assert.equal((await admin("GET", "users/refused")).status, 404);
  });

  test("whose key is revoked are out with the old one at once, and in with the new one", async () => {
    const old = await create("revoked");
    assert.equal(await entered(old), 200);
    const again = await admin("PUT", "users/revoked");
    assert.deepEqual([again.status, again.body.error], [409, "Namespace already exists"]);
    const fresh = await create("revoked", { revoke: true });
    assert.equal(await entered(old), 401);
    assert.equal(await entered(fresh), 200);
  });

  test("who are blocked are out at once, and keep everything until they are let in again", async () => {
    const auth = await create("blocked");
    await tree(auth, "PUT", "actions/a", ACTION);
    assert.deepEqual((await admin("POST", "users/blocked", { json: { blocked: true } })).body, {
      subject: "blocked",
      blocked: true,
    });
    assert.equal(await entered(auth), 401);
    assert.equal((await admin("POST", "users/blocked", { json: { blocked: "no" } })).status, 400);
    await admin("POST", "users/blocked", { json: { blocked: false } });
    assert.equal((await tree(auth, "GET", "actions/a")).status, 200);
    assert.equal((await admin("POST", "users/nobody", { json: { blocked: true } })).status, 404);
    assert.equal((await admin("POST", "users/whisk.system", { json: { blocked: true } })).status, 422);
  });

  test("are listed by name, page by page", async () => {
    const names: string[] = [];
    for (let after = ""; ;) {
      const { body } = await admin("GET", `users?limit=2&after=${after}`);
      names.push(...body.map(({ subject }: { subject: string }) => subject));
      if (body.length < 2) break;
      after = names.at(-1) ?? "";
    }
    assert.ok(names.includes("guest") && names.includes("whisk.system"));
    assert.deepEqual(names, [...new Set(names)].sort());
    assert.equal((await admin("GET", "users?skip=1")).status, 400);
    assert.equal((await admin("GET", "users?limit=201")).status, 400);
  });
});

suite("a key that is taken away while a request's body comes", () => {
  /** Sends an action's head, does `meanwhile` once the key is known, then sends the rest. */
  async function slowly(auth: string, meanwhile: () => Promise<unknown>): Promise<number> {
    const body = JSON.stringify(ACTION);
    const headers = { authorization: basic(auth), "content-type": "application/json", "content-length": body.length };
    const outgoing = request(`${api.url}/api/v1/namespaces/_/actions/late`, { method: "PUT", headers });
    const answered = once(outgoing, "response");
    outgoing.write(body.slice(0, 5));
    await eventually(() => api.controller.authenticator.cached(basic(auth)), "the key is known");
    await meanwhile();
    outgoing.end(body.slice(5));
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  }

  test("writes nothing any more; one that was not is taken as it is now", async () => {
    const old = await create("uploading");
    let fresh = "";
    const revoke = async () => void (fresh = await create("uploading", { revoke: true }));
    assert.equal(await slowly(old, revoke), 401);
    assert.equal((await tree(fresh, "GET", "actions/late")).status, 404);
    assert.equal(await slowly(fresh, () => create("somebody-else")), 200);
    assert.equal((await tree(fresh, "GET", "actions/late")).status, 200);
    const low = { json: { allowedKinds: ["java:8"] } };
    assert.equal(await slowly(fresh, () => admin("PUT", "limits/uploading", low)), 403, "with the limits of now");
  });
});

suite("deleting", () => {
  test("a user takes its key, actions and records along at once; who comes after it finds nothing of it", async () => {
    const old = await create("leaving");
    await tree(old, "PUT", "actions/a", ACTION);
    await tree(old, "PUT", "packages/p", {});
    await tree(old, "PUT", "triggers/t", {});
    assert.equal((await tree(old, "POST", "actions/a?blocking=true", {})).status, 200, "now it is cached");
    assert.deepEqual((await admin("DELETE", "users/leaving")).body, { subject: "leaving", entities: 3, records: 0 });
    assert.equal(await entered(old), 401);
    assert.equal((await admin("DELETE", "users/leaving")).status, 404);
    const next = await create("leaving");
    assert.equal((await tree(next, "POST", "actions/a", {})).status, 404);
    for (const collection of ["actions", "packages", "triggers", "activations"]) {
      assert.deepEqual((await tree(next, "GET", collection)).body, [], collection);
    }
  });

  test("one namespace leaves the others; a misspelt or doubled parameter deletes nothing", async () => {
    const kept = await create("several");
    const gone = await create("several", { namespace: "several-2" });
    for (const query of [
      "ns=several-2",
      "namespace=several-2&namespace=several",
      "namespace=several-3",
      "namespace=",
    ]) {
      assert.ok((await admin("DELETE", `users/several?${query}`)).status >= 400, query);
    }
    assert.deepEqual([await entered(kept), await entered(gone)], [200, 200]);
    assert.equal((await admin("DELETE", "users/several?namespace=several-2")).status, 200);
    assert.deepEqual([await entered(kept), await entered(gone)], [200, 401]);
  });

  test("what still runs keeps the name taken, and the key out", async () => {
    const auth = await create("running");
    let looks = 0;
    const { invocations } = api;
    const inFlight = invocations.inFlight.bind(invocations);
    const waiting = Promise.withResolvers<void>();
    invocations.inFlight = () => {
      looks += 1;
      if (looks === 2) waiting.resolve();
      return looks < 4 ? 1 : 0;
    };
    const deletion = admin("DELETE", "users/running");
    await Promise.race([waiting.promise, deletion]);
    assert.equal(await entered(auth), 401);
    assert.equal((await admin("PUT", "users/running")).body.error, "The subject you want to edit is blocked");
    assert.equal((await deletion).status, 200);
    invocations.inFlight = inFlight;
    assert.equal(looks, 4);
  });
});

test("all this holds at once in the process that was asked, however late the change feed is", async () => {
  await using lagging = await startApi({ wrap: slowReads });
  const ask = (path: string, options: CallOptions & { readonly method: string }) =>
    lagging.call(options.method, path, { swagger: false, ...options });
  const mine = "/api/v1/namespaces/_/actions/a";
  const user = "/admin/users/guest";
  assert.equal((await ask(mine, { method: "PUT", json: ACTION })).status, 200);
  assert.equal((await ask(`${mine}?blocking=true`, { method: "POST", json: {} })).status, 200);
  const { body } = await ask(user, { method: "PUT", auth: SYSTEM, json: { revoke: true } });
  assert.equal((await ask(mine, { method: "GET" })).status, 401);
  assert.equal((await ask(mine, { method: "GET", auth: body.auth })).status, 200);
  await ask("/admin/limits/guest", { method: "PUT", auth: SYSTEM, json: { invocationsPerMinute: 0 } });
  assert.equal((await ask(mine, { method: "POST", auth: body.auth, json: {} })).status, 429);
  assert.equal((await ask(user, { method: "DELETE", auth: SYSTEM })).status, 200);
  assert.equal((await ask(mine, { method: "GET", auth: body.auth })).status, 401);
  const { body: next } = await ask(user, { method: "PUT", auth: SYSTEM, json: {} });
  assert.equal((await ask(mine, { method: "POST", auth: next.auth, json: {} })).status, 404);
});

suite("limits", () => {
  test("hold for the next request, are told by the namespace's own page, and are taken back", async () => {
    const before = (await tree(OTHER, "GET", "limits")).body;
    const set = { invocationsPerMinute: 1, allowedKinds: ["nodejs:24"], maxActionMemory: 128, storeActivations: false };
    assert.deepEqual((await admin("PUT", "limits/other", { json: set })).body, set);
    assert.deepEqual((await tree(OTHER, "GET", "limits")).body, { ...before, ...set });
    const java = { exec: { kind: "java:8", code: "", main: "M" } };
    assert.equal((await tree(OTHER, "PUT", "actions/java", java)).status, 403);
    assert.equal((await tree(OTHER, "PUT", "actions/large", { ...ACTION, limits: { memory: 256 } })).status, 400);
    assert.equal(
      (await tree(OTHER, "PUT", "actions/small", ACTION)).body.limits.memory,
      128,
      "the default moves along",
    );
    assert.equal((await tree(OTHER, "POST", "actions/small", {})).status, 202);
    const refused = await tree(OTHER, "POST", "actions/small", {});
    assert.deepEqual(
      [refused.status, refused.body.error],
      [429, "Too many requests in the last minute (count: 2, allowed: 1)."],
    );
    assert.match(String(refused.headers["retry-after"]), /^[1-6]?\d$/);
    assert.deepEqual((await admin("DELETE", "limits/other")).body, set);
    assert.equal((await tree(OTHER, "POST", "actions/small", {})).status, 202);
    assert.deepEqual((await tree(OTHER, "GET", "limits")).body, before);
    assert.equal((await admin("DELETE", "limits/other")).status, 404);
  });

  test("of 0 let nothing pass, each of them", async () => {
    const auth = await create("nothing");
    await tree(auth, "PUT", "actions/a", ACTION);
    await tree(auth, "PUT", "triggers/t", {});
    await admin("PUT", "limits/nothing", { json: { invocationsPerMinute: 0, firesPerMinute: 0 } });
    const rate = "Too many requests in the last minute (count: 1, allowed: 0).";
    assert.equal((await tree(auth, "POST", "actions/a", {})).body.error, rate);
    assert.equal((await tree(auth, "POST", "triggers/t", {})).body.error, rate);
    await admin("PUT", "limits/nothing", { json: { invocationsPerMinute: 9, concurrentInvocations: 0 } });
    const { body, headers } = await tree(auth, "POST", "actions/a", {});
    assert.equal(body.error, "Too many concurrent requests in flight (count: 0, allowed: 0).");
    assert.equal(headers["retry-after"], "1");
  });

  test("that are none, or outside of the platform's own bounds, are refused by name", async () => {
    for (const [json, message] of [
      [{ invocations: 1 }, /no limit is called invocations$/],
      [{ firesPerMinute: 1.5 }, /firesPerMinute: /],
      [{ maxActionMemory: 1_000_000 }, /maxActionMemory: the platform's own bounds are/],
      [{ minActionTimeout: 200, maxActionTimeout: 150 }, /minActionTimeout: 200 is above maxActionTimeout, 150$/],
    ] as const) {
      const { status, body } = await admin("PUT", "limits/guest", { json });
      assert.equal(status, 400);
      assert.match(body.error, message);
    }
    assert.deepEqual((await admin("GET", "limits/guest")).body, {});
    assert.equal((await admin("PUT", "limits/nowhere", { json: {} })).status, 404);
  });
});

test("docs/reference/admin.md lists every route with what it does, and every limit", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/reference/admin.md"), "utf8");
  const routes = adminRoutes({ users: unused(), limits: unused() });
  const rows = routes.flatMap(({ paths, operations }) =>
    Object.entries(operations).map(([verb, { summary }]) => `| \`${verb} ${paths[0] ?? ""}\` | ${summary} |`),
  );
  assert.equal(page.match(/^\| `/gm)?.length, rows.length);
  for (const row of rows) assert.ok(page.includes(row), row);
  for (const name of LIMIT_NAMES) assert.ok(page.includes(`\`${name}\``), name);
});

/** What routes are made with, where none of them is asked. */
function unused<Part>(): Part {
  return {} as Part;
}
