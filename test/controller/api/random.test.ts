import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import type { EntityKind, Stores } from "../../../src/store/ports.ts";
import { basic, GUEST, type Harness, OTHER, source, startApi, SYSTEM } from "./harness.ts";

// The long run: SKEIN_RANDOM_RUNS=20000 node --test test/controller/api/random.test.ts
const RUNS = Number(process.env["SKEIN_RANDOM_RUNS"] ?? 400);
const KINDS: readonly EntityKind[] = ["action", "trigger", "rule", "package", "alarm"];
const NAMESPACES = ["guest", "other", "whisk.system"].map((name) => asId<Namespace>(name));

const namespace = fc.constantFrom("_", "_", "_", "guest", "other", "none", "%20", "a".repeat(300));
/** Few names, so that requests meet what others left. */
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "s", "t", "r", "pkg", "bound") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", "%", "%2e%2e", "..", "default", "0".repeat(32), "0".repeat(31), "n".repeat(257)),
  },
  {
    weight: 1,
    arbitrary: fc.string({ maxLength: 6, unit: "binary" }).map((text) => encodeURIComponent(text.toWellFormed())),
  },
);
const collection = fc.constantFrom("actions", "activations", "limits", "triggers", "rules", "packages", "alarms", "");

const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(namespace, collection, fc.array(fc.oneof(name, fc.constantFrom("result", "logs")), { maxLength: 3 }))
      .map(([space, kind, rest]) => `/api/v1/namespaces/${space}/${[kind, ...rest].join("/")}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        namespace,
        fc.constantFrom("pkg", "default", "bound", "a"),
        name,
        fc.constantFrom("", ".json", ".http", ".html", ".svg", ".text", ".x", "/", "/rest/of%20it"),
      )
      .map(([space, folder, action, rest]) => `/api/v1/web/${space}/${folder}/${action}${rest}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("users", "limits", "subjects", ""), name, name)
      .map((parts) => `/admin/${parts.join("/")}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "/",
      "/ping",
      "/status",
      "/metrics",
      "/invokers",
      "/invokers/ready",
      "/invokers/healthy/count",
      "/activation",
      "/activation/count",
      "/api/v1",
      "/api/v1/namespaces",
      "/api/v1/api-docs",
      "/api/v1/web",
      "/api/v1/web-results/x",
      "/nowhere",
      "//",
      "/api/v1/%zz",
    ),
  },
);

const query = fc.array(
  fc.tuple(
    fc.constantFrom(
      "limit",
      "skip",
      "count",
      "blocking",
      "result",
      "timeout",
      "since",
      "upto",
      "docs",
      "overwrite",
      "overwrite",
      "code",
      "name",
      "force",
      "public",
      "__proto__",
      "__ow_method",
      "x",
    ),
    fc.constantFrom(
      "true",
      "true",
      "false",
      "1",
      "0",
      "-1",
      "201",
      "x",
      "",
      "1e9",
      "99999999999999999999",
      "a/b",
      "%",
      "%00",
    ),
  ),
  { maxLength: 3 },
);

/** A field that mostly has its type. */
const mostly = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary }, { weight: 1, arbitrary: fc.jsonValue() });
const pairs = fc.array(
  fc.record({
    key: fc.oneof(
      fc.constantFrom(
        "p",
        "web-export",
        "final",
        "raw-http",
        "require-whisk-auth",
        "web-custom-options",
        "feed",
        "conductor",
        "binding",
      ),
      fc.string({ maxLength: 4 }),
    ),
    value: fc.oneof(fc.boolean(), fc.constantFrom("x", "/_/a", 1, null), fc.jsonValue()),
  }),
  { maxLength: 4 },
);
const reference = fc.oneof(
  fc.constantFrom(
    "/_/a",
    "/_/b",
    "/_/s",
    "/_/t",
    "/guest/pkg/a",
    "/_/bound/a",
    "/other/pkg/a",
    "/_/none",
    "a",
    "",
    "/",
    "/_/%",
  ),
  fc.string({ maxLength: 5 }),
);
const bodies = fc.oneof(
  fc.constant(JSON.stringify(source())),
  fc.json({ maxDepth: 3 }),
  fc.string({ maxLength: 20 }),
  fc.constant(""),
  fc
    .record(
      {
        exec: mostly(
          fc.oneof(
            fc.record({
              kind: fc.constantFrom("nodejs:24", "nodejs:default", "x", "sequence", "blackbox"),
              code: fc.string(),
            }),
            fc.record({ kind: fc.constant("sequence"), components: fc.array(reference, { maxLength: 4 }) }),
          ),
        ),
        parameters: mostly(pairs),
        annotations: mostly(pairs),
        limits: mostly(fc.record({ timeout: fc.integer(), memory: fc.float() })),
        version: mostly(fc.constant("1.2.3")),
        publish: mostly(fc.boolean()),
        delAnnotations: mostly(fc.array(fc.string())),
        binding: mostly(
          fc.oneof(
            fc.constant({}),
            fc.record({
              namespace: fc.constantFrom("_", "guest", "other"),
              name: fc.constantFrom("pkg", "bound", "a", ""),
            }),
          ),
        ),
        trigger: mostly(reference),
        action: mostly(reference),
        status: mostly(fc.constantFrom("active", "inactive")),
        cron: mostly(fc.constantFrom("* * * * *", "*/5 * * * * *", "x")),
        schedule: mostly(fc.record({ cron: fc.constantFrom("* * * * *", "nonsense") })),
        subject: mostly(fc.constantFrom("guest", "somebody")),
      },
      { requiredKeys: [] },
    )
    .map((body) => JSON.stringify(body)),
);

/** Requests that are right in most places and broken in some. */
const requests = fc.record({
  method: fc.constantFrom("GET", "PUT", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"),
  path,
  query,
  auth: fc.constantFrom(basic(GUEST), basic(GUEST), basic(GUEST), basic(OTHER), basic(SYSTEM), "Basic x", ""),
  contentType: fc.constantFrom(
    "application/json",
    "application/json",
    "application/json; charset=x",
    "text/plain",
    "application/x-www-form-urlencoded",
    "",
  ),
  accept: fc.constantFrom("", "*/*", "application/json", "text/html", "image/*;q=0", "nonsense"),
  body: bodies,
});

test("A3: half-broken requests are answered as declared, and a refused one changes nothing", async () => {
  await using api = await startApi();
  await prepare(api);
  const property = fc.asyncProperty(requests, async (request) => {
    const before = await digest(api);
    const text = request.query.map(([key, value]) => `${key}=${value}`).join("&");
    const target = text === "" ? request.path : `${request.path}?${text}`;
    const reply = await api.call(request.method, target, {
      auth: null,
      // What is broken in them and does no harm, OpenWhisk ignores.
      swagger: "answers",
      ...(request.method === "GET" || request.method === "HEAD" ? {} : { raw: request.body }),
      headers: {
        ...(request.auth === "" ? {} : { authorization: request.auth }),
        ...(request.contentType === "" ? {} : { "content-type": request.contentType }),
        ...(request.accept === "" ? {} : { accept: request.accept }),
      },
    });
    assert.ok(reply.status < 500 || DECLARED.has(reply.status), `${reply.status} ${reply.text}`);
    if (reply.status < 400) return;
    const isWeb = request.path.startsWith("/api/v1/web/");
    // What a web action answers is its own; only what the platform says of it has OpenWhisk's form.
    if (request.method !== "HEAD" && !isWeb) assert.equal(typeof reply.body.error, "string");
    const after = await digest(api);
    // A web action may have run before its answer turned out to be no good.
    assert.deepEqual(isWeb ? after.stores : after, isWeb ? before.stores : before);
  });
  // A failure prints its seed and path; give them here to see it again.
  await fc.assert(property, { numRuns: RUNS });
});

/** The API's own word for a function that failed. */
const DECLARED = new Set([502]);

/** Something of every kind, so that most names lead somewhere. */
async function prepare(api: Harness): Promise<void> {
  const tree = "/api/v1/namespaces/_";
  const put = async (place: string, json: object): Promise<void> => {
    const reply = await api.call("PUT", `${tree}/${place}`, { json });
    assert.equal(reply.status, 200, `${place}: ${reply.text}`);
  };
  const web = [{ key: "web-export", value: true }];
  await put("packages/pkg", { publish: true, parameters: [{ key: "p", value: 1 }] });
  await put("packages/bound", { binding: { namespace: "_", name: "pkg" } });
  await put("actions/a", { ...source(), annotations: web });
  await put("actions/b", source());
  await put("actions/pkg/a", { ...source(), annotations: web });
  await put("actions/s", { exec: { kind: "sequence", components: ["/_/a", "/_/pkg/a"] } });
  await put("triggers/t", { parameters: [{ key: "q", value: 2 }] });
  await put("rules/r", { trigger: "/_/t", action: "/_/a" });
}

/** Everything that a request could have changed, once all is quiet. */
async function digest(api: Harness): Promise<{ readonly calls: number; readonly stores: object }> {
  await settled(api);
  return { calls: api.invocations.calls.length, stores: await digestStores(api.stores) };
}

/** Waits for what goes on behind answers: sequences that were answered 202. */
async function settled(api: Harness): Promise<void> {
  const deadline = Date.now() + 5000;
  let calls = -1;
  while (calls !== api.invocations.calls.length || (await api.stores.activations.unfinished(undefined, 1)).length > 0) {
    calls = api.invocations.calls.length;
    assert.ok(Date.now() < deadline, "what was accepted is over in five seconds");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function digestStores(stores: Stores): Promise<object> {
  const entities = [];
  for (const space of NAMESPACES) {
    for (const kind of KINDS)
      entities.push(await stores.artifacts.list({ namespace: space, kind, skip: 0, limit: 1000 }));
  }
  return {
    entities,
    subjects: await stores.subjects.list(undefined, 1000),
    cursor: await stores.changes.head(),
  };
}
