import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv } from "ajv";
import { z } from "zod";
import { schemaOfBody } from "../../../src/controller/api/description-bodies.ts";
import type { ApiDescription } from "../../../src/controller/api/description.ts";
import { actionPutSchema } from "../../../src/controller/entities/action-put.ts";
import { parsePut } from "../../../src/controller/entities/put-fields.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";
import { GUEST, type Harness, nextId, recordOf, source, startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";

async function describedBy(api: Harness): Promise<ApiDescription> {
  return (await api.call("GET", "/api/v1/api-docs", { auth: null })).body as ApiDescription;
}

test("every body that is sent and every good answer has a shape", async () => {
  await using api = await startApi();
  const { paths } = await describedBy(api);
  for (const [path, verbs] of Object.entries(paths)) {
    // What a web action takes and gives is its author's affair; alarms have a page of their own.
    if (path.startsWith("/web") || path.includes("/alarms")) continue;
    for (const [verb, { parameters, responses }] of Object.entries(verbs)) {
      const where = `${verb} ${path}`;
      const takesBody = verb === "put" || verb === "post";
      assert.equal(
        parameters.some((parameter) => parameter.in === "body" && parameter.schema !== undefined),
        takesBody,
        where,
      );
      for (const [status, { schema }] of Object.entries(responses)) {
        const empty = status === "204" || where === "post /namespaces/{namespace}/rules/{name}";
        if (Number(status) < 300 && !empty) assert.ok(schema !== undefined, `${where} ${status}`);
      }
    }
  }
});

test("real answers have the shapes that are described", async () => {
  await using api = await startApi();
  const { paths, definitions } = await describedBy(api);
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addSchema({ $id: "skein", definitions });
  const id = nextId();
  const identity = { namespace: "guest", subject: "guest" } as never;
  const record = {
    ...recordOf({ identity, action: { path: "a", namespace: "guest", version: "0.0.1" } as never }, { result: {} }),
    activationId: id,
  };
  await api.stores.activations.finish(record, { path: "a" });
  const calls: readonly (readonly [string, string, string, object?])[] = [
    ["PUT", "/packages/{name}", "packages/p", { publish: true }],
    ["PUT", "/packages/{name}", "packages/bound", { binding: { namespace: "_", name: "p" } }],
    ["PUT", "/actions/{name}", "actions/a", { ...source(), parameters: [{ key: "x", value: null }] }],
    ["PUT", "/actions/{package}/{name}", "actions/p/a", source()],
    ["PUT", "/actions/{name}", "actions/s", { exec: { kind: "sequence", components: ["/_/a"] } }],
    ["PUT", "/triggers/{name}", "triggers/t", {}],
    ["PUT", "/rules/{name}", "rules/r", { trigger: "/_/t", action: "/_/a" }],
    ["GET", "/packages", "packages"],
    ["GET", "/packages/{name}", "packages/p"],
    ["GET", "/packages/{name}", "packages/bound"],
    ["GET", "/actions", "actions"],
    ["GET", "/actions/{package}/", "actions/p/"],
    ["GET", "/actions/{name}", "actions/a"],
    ["GET", "/actions/{name}", "actions/s"],
    ["GET", "/triggers", "triggers"],
    ["GET", "/triggers/{name}", "triggers/t"],
    ["GET", "/rules", "rules"],
    ["GET", "/rules/{name}", "rules/r"],
    ["GET", "/limits", "limits"],
    ["POST", "/actions/{name}", "actions/a"],
    ["POST", "/actions/{name}", "actions/a?blocking=true"],
    ["POST", "/triggers/{name}", "triggers/t"],
    ["GET", "/activations", "activations"],
    ["GET", "/activations", "activations?docs=true"],
    ["GET", "/activations/{id}", `activations/${id}`],
    ["GET", "/activations/{id}/result", `activations/${id}/result`],
    ["GET", "/activations/{id}/logs", `activations/${id}/logs`],
    ["GET", "/actions/{name}", "actions/none"],
    ["PUT", "/actions/{name}", "actions/a", { exec: 1 }],
    ["DELETE", "/rules/{name}", "rules/r"],
    ["DELETE", "/triggers/{name}", "triggers/t"],
    ["DELETE", "/actions/{name}", "actions/a"],
  ];
  for (const [method, template, path, json] of calls) {
    const where = `${method} ${path}`;
    const reply = await api.call(method, `${TREE}/${path}`, json === undefined ? {} : { json });
    const response = paths[`/namespaces/{namespace}${template}`]?.[method.toLowerCase()]?.responses[reply.status];
    assert.ok(response !== undefined, `${where}: ${reply.status} is not described: ${reply.text}`);
    const text = JSON.stringify(response.schema).replaceAll('"#/definitions/', '"skein#/definitions/');
    const validate = ajv.compile(JSON.parse(text) as object);
    assert.ok(validate(reply.body), `${where}: ${ajv.errorsText(validate.errors)} in ${reply.text}`);
  }
});

test("a body that its schema lets through is one that its description lets through", () => {
  const ajv = new Ajv({ strict: false });
  const validate = ajv.compile(schemaOfBody(actionPutSchema));
  const bodies: readonly JsonValue[] = [
    {},
    { exec: { kind: "nodejs:24", code: "x" }, parameters: [{ key: "a", value: { b: [null] }, init: true }] },
    { limits: { memory: 256 }, publish: true, version: "1.2.3", delAnnotations: ["a"] },
    { exec: { kind: "sequence", components: ["/_/a"] }, unknown: 1 },
  ];
  for (const body of bodies) {
    assert.doesNotThrow(() => parsePut(body, actionPutSchema));
    assert.ok(validate(body), `${JSON.stringify(body)}: ${ajv.errorsText(validate.errors)}`);
  }
  for (const body of [
    [],
    { exec: { code: "x" } },
    { limits: { memory: "x" } },
    { publish: "yes" },
    { parameters: {} },
  ] as JsonValue[]) {
    assert.throws(() => parsePut(body, actionPutSchema), JSON.stringify(body));
    assert.ok(!validate(body), JSON.stringify(body));
  }
});

test("null and unions are told in words that Swagger 2.0 leaves to others", () => {
  assert.deepEqual(
    schemaOfBody(z.object({ a: z.string().nullish(), b: z.union([z.string(), z.object({})]).nullish() })),
    {
      type: "object",
      properties: {
        a: { type: "string", "x-nullable": true },
        b: { "x-any-of": [{ type: "string" }, { type: "object", properties: {} }], "x-nullable": true },
      },
    },
  );
});

test("the description is a page too: whole, safe, and loading nothing", async () => {
  await using api = await startApi();
  const { paths } = await describedBy(api);
  for (const path of ["/docs", "/docs/", "/api/v1/docs", "/api/v1/docs/"]) {
    const page = await api.call("GET", path, { auth: null });
    assert.equal(page.status, 200);
    assert.equal(page.headers["content-type"], "text/html; charset=UTF-8");
    assert.match(String(page.headers["content-security-policy"]), /^default-src 'none'/);
    for (const template of Object.keys(paths))
      assert.ok(page.text.includes(`<code>/api/v1${template}</code>`), template);
    // No script, and no address that a browser would fetch.
    assert.doesNotMatch(page.text, /<script|<link|<img|@import|url\(|https?:/);
    const ids = new Set([...page.text.matchAll(/ id="(\w+)"/g)].map(([, id]) => id));
    for (const [, id] of page.text.matchAll(/href="#(\w+)"/g)) assert.ok(ids.has(id), id);
  }
});

test("what anybody may ask for is described as such", async () => {
  await using api = await startApi();
  const { paths } = await describedBy(api);
  for (const [path, verbs] of Object.entries(paths)) {
    for (const operation of Object.values(verbs)) {
      assert.equal("security" in operation, path.startsWith("/web"), path);
    }
  }
  assert.equal((await api.call("GET", "/api/v1/namespaces", { auth: GUEST })).status, 200);
});
