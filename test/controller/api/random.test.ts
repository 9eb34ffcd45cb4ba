import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import type { EntityKind, Stores } from "../../../src/store/ports.ts";
import { basic, GUEST, type Harness, OTHER, source, startApi } from "./harness.ts";

const RUNS = 300;
const KINDS: readonly EntityKind[] = ["action", "trigger", "rule", "package"];

/** Requests that are right in most places and broken in some. */
const requests = fc.record({
  method: fc.constantFrom("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"),
  path: fc.oneof(
    fc
      .tuple(
        fc.constantFrom("_", "guest", "other", "none", "%20", "a".repeat(300)),
        fc.constantFrom("actions", "activations", "limits", "triggers", "rules", "packages", ""),
        fc.array(
          fc.oneof(
            fc.constantFrom(
              "a",
              "b",
              "t",
              "pkg",
              "",
              "%",
              "%2e%2e",
              "..",
              "0".repeat(32),
              "0".repeat(31),
              "result",
              "logs",
            ),
            fc.string({ maxLength: 6, unit: "binary" }).map((text) => encodeURIComponent(text.toWellFormed())),
          ),
          { maxLength: 3 },
        ),
      )
      .map(([namespace, collection, rest]) => `/api/v1/namespaces/${namespace}/${[collection, ...rest].join("/")}`),
    fc.constantFrom("/", "/ping", "/status", "/api/v1", "/api/v1/namespaces", "/nowhere", "//", "/api/v1/%zz"),
  ),
  query: fc.array(
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
        "code",
        "name",
        "__proto__",
      ),
      fc.constantFrom(
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
  ),
  auth: fc.constantFrom(basic(GUEST), basic(GUEST), basic(GUEST), basic(OTHER), "Basic x", ""),
  contentType: fc.constantFrom("application/json", "application/json", "application/json; charset=x", "text/plain", ""),
  body: fc.oneof(
    fc.constant(JSON.stringify(source())),
    fc.json({ maxDepth: 3 }),
    fc.string({ maxLength: 20 }),
    fc.constant(""),
    fc
      .record(
        {
          exec: fc.oneof(
            fc.record({ kind: fc.constantFrom("nodejs:24", "x", "sequence"), code: fc.string() }),
            fc.jsonValue(),
          ),
          parameters: fc.oneof(fc.array(fc.record({ key: fc.string(), value: fc.jsonValue() })), fc.jsonValue()),
          annotations: fc.oneof(fc.array(fc.record({ key: fc.string(), value: fc.jsonValue() })), fc.jsonValue()),
          limits: fc.oneof(fc.record({ timeout: fc.integer(), memory: fc.float() }), fc.jsonValue()),
          version: fc.oneof(fc.constant("1.2.3"), fc.jsonValue()),
          publish: fc.oneof(fc.boolean(), fc.jsonValue()),
          delAnnotations: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
        },
        { requiredKeys: [] },
      )
      .map((body) => JSON.stringify(body)),
  ),
});

test("A3: half-broken requests are answered as declared, and a refused one changes nothing", async () => {
  await using api = await startApi();
  await api.call("PUT", "/api/v1/namespaces/_/actions/a", { json: source() });
  await api.stores.artifacts.put(
    { namespace: asId("guest"), path: asId("t"), kind: "trigger", updated: 1, body: {}, attachments: [] },
    "absent",
  );
  const property = fc.asyncProperty(requests, async (request) => {
    const before = await digest(api);
    const query = request.query.map(([name, value]) => `${name}=${value}`).join("&");
    const path = query === "" ? request.path : `${request.path}?${query}`;
    const reply = await api.call(request.method, path, {
      auth: null,
      raw: request.method === "GET" || request.method === "HEAD" ? undefined : request.body,
      headers: {
        ...(request.auth === "" ? {} : { authorization: request.auth }),
        ...(request.contentType === "" ? {} : { "content-type": request.contentType }),
      },
    } as Parameters<Harness["call"]>[2]);
    assert.ok(reply.status < 500, `${reply.status} ${reply.text}`);
    if (reply.status >= 400) {
      if (request.method !== "HEAD") assert.equal(typeof reply.body.error, "string");
      assert.deepEqual(await digest(api), before);
    }
  });
  // A failure prints its seed and path; give them here to see it again.
  await fc.assert(property, { numRuns: RUNS });
});

/** Everything that a request could have changed. */
async function digest(api: Harness): Promise<object> {
  return { calls: api.invocations.calls.length, stores: await digestStores(api.stores) };
}

async function digestStores(stores: Stores): Promise<object> {
  const entities = [];
  for (const namespace of ["guest", "other"].map((name) => asId<Namespace>(name))) {
    for (const kind of KINDS) entities.push(await stores.artifacts.list({ namespace, kind, skip: 0, limit: 1000 }));
  }
  return {
    entities,
    subjects: await stores.subjects.list(undefined, 1000),
    unfinished: await stores.activations.unfinished(undefined, 1000),
    cursor: await stores.changes.head(),
  };
}
