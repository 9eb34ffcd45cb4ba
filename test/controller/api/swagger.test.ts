import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiDescription } from "../../../src/controller/api/description.ts";
import { checkExchange, description as openwhisk, type Operation } from "../../support/swagger.ts";
import { startApi } from "./harness.ts";

const ACTION = "/api/v1/namespaces/_/actions/a";
const ERROR = { error: "x", code: "y" };

test("the checker refuses undeclared statuses and shapes, both ways", () => {
  const refused = [
    { method: "GET", path: ACTION, status: 418, responseBody: ERROR },
    { method: "PUT", path: ACTION, status: 201, responseBody: {} },
    { method: "GET", path: ACTION, status: 404, responseBody: { message: "x" } },
    { method: "GET", path: ACTION, status: 400, responseBody: "x" },
    { method: "GET", path: ACTION, status: 200, responseBody: { name: "a" } },
    { method: "PUT", path: ACTION, status: 200, requestBody: { publish: "x" }, responseBody: whole() },
    {
      method: "PUT",
      path: ACTION,
      status: 200,
      requestBody: {},
      responseBody: { ...whole(), limits: { memory: "x" } },
    },
    { method: "GET", path: "/api/v1/namespaces", status: 200, responseBody: {} },
    { method: "GET", path: "/api/v1/namespaces/_/actions?count=true", status: 200, responseBody: { actions: "1" } },
    { method: "PUT", path: ACTION, status: 200, responseBody: whole() },
    { method: "PUT", path: `${ACTION}?force=true`, status: 200, requestBody: {}, responseBody: whole() },
    { method: "GET", path: `${ACTION}?code=perhaps`, status: 200, responseBody: whole() },
    { method: "GET", path: ACTION, status: 200, requestBody: {}, responseBody: whole() },
    { method: "GET", path: "/api/v1/namespaces/_/actions?limit=ten", status: 200, responseBody: [] },
    ...["triggers/t", "rules/r", "packages/p"].flatMap((entity) => [
      {
        method: "PUT",
        path: `/api/v1/namespaces/_/${entity}`,
        status: 200,
        requestBody: { publish: "x" },
        responseBody: {},
      },
      { method: "GET", path: `/api/v1/namespaces/_/${entity}`, status: 200, responseBody: {} },
      { method: "GET", path: `/api/v1/namespaces/_/${entity}`, status: 418, responseBody: ERROR },
    ]),
    {
      method: "PUT",
      path: "/api/v1/namespaces/_/packages/p",
      status: 200,
      requestBody: { binding: { name: 1 } },
      responseBody: { namespace: "n", name: "p", version: "0.0.1", publish: false },
    },
    {
      method: "POST",
      path: "/api/v1/namespaces/_/rules/r",
      status: 200,
      requestBody: { status: "on" },
      responseBody: "",
    },
    {
      method: "POST",
      path: "/api/v1/namespaces/_/triggers/t",
      status: 202,
      requestBody: [],
      responseBody: { activationId: "x" },
    },
    { method: "POST", path: "/api/v1/namespaces/_/triggers/t", status: 202, requestBody: {}, responseBody: {} },
  ];
  for (const exchange of refused)
    assert.throws(() => checkExchange(exchange), assert.AssertionError, JSON.stringify(exchange));
  checkExchange({ method: "PUT", path: ACTION, status: 200, requestBody: {}, responseBody: whole() });
  checkExchange({ method: "GET", path: ACTION, status: 400, responseBody: ERROR });
  checkExchange({ method: "GET", path: `${ACTION}?code=no`, status: 200, responseBody: whole() });
  checkExchange({ method: "GET", path: "/api/v1/namespaces/_/actions?limit=10", status: 200, responseBody: [] });
  // A name and a slash is another path, which OpenWhisk does not describe.
  checkExchange({ method: "GET", path: `${ACTION}/`, status: 418, responseBody: "x" });
  // What is refused may be wrong.
  checkExchange({
    method: "PUT",
    path: `${ACTION}?x=1`,
    status: 400,
    requestBody: { publish: 1 },
    responseBody: ERROR,
  });
});

/** What OpenWhisk declares and Skein does not offer: each with its reason. Whatever else is declared is served. */
const NOT_OFFERED = {
  query: [{ path: "/namespaces/{}/packages", name: "public", why: "OpenWhisk ignores it too" }],
  statuses: [
    {
      path: "/namespaces/{}/rules/{}",
      verb: "post",
      status: "202",
      why: "OpenWhisk answers 200 whatever the rule was before",
    },
    {
      path: "/web/{}/{}/{}",
      verb: "*",
      status: "default",
      why: "stands for any; Skein names what the platform itself answers",
    },
  ],
} as const;

test("everything that OpenWhisk's description declares is served: paths, verbs, parameters, bodies, good answers", async () => {
  await using api = await startApi();
  const ours = byPlaces(((await api.call("GET", "/api/v1/api-docs", { auth: null })).body as ApiDescription).paths);
  const theirs = byPlaces(openwhisk.paths);
  const used = new Set<object>();
  assert.equal(theirs.size, 16);
  for (const [path, verbs] of theirs) {
    for (const [verb, operation] of Object.entries(verbs).filter(([name]) => name !== "parameters")) {
      const where = `${verb} ${path}`;
      const served = ours.get(path)?.[verb];
      assert.ok(served !== undefined, `${where} is not served`);
      for (const { name, in: place } of operation.parameters ?? []) {
        if (place === "path" || path.startsWith("/web")) continue;
        const row = NOT_OFFERED.query.find((candidate) => candidate.path === path && candidate.name === name);
        if (row !== undefined) used.add(row);
        // A body has one name in every language: there is one of it.
        const known = served.parameters?.some((ours) => ours.in === place && (place === "body" || ours.name === name));
        assert.ok((row === undefined) === known, `${where}: ${place} parameter '${name}'`);
      }
      for (const status of Object.keys(operation.responses).filter((text) => !/^[345]/.test(text))) {
        const row = NOT_OFFERED.statuses.find(
          (candidate) => candidate.path === path && ["*", verb].includes(candidate.verb) && candidate.status === status,
        );
        if (row !== undefined) used.add(row);
        assert.ok((row === undefined) === status in served.responses, `${where}: ${status}`);
      }
    }
  }
  const rows = [...NOT_OFFERED.query, ...NOT_OFFERED.statuses];
  assert.deepEqual(
    rows.filter((row) => !used.has(row)),
    [],
    "rows that stand for nothing",
  );
});

type Verbs = Readonly<Record<string, Operation>>;

/** By paths whose parameters have lost their names; an extension is a part of its name here. */
function byPlaces(paths: Readonly<Record<string, unknown>>): ReadonlyMap<string, Verbs> {
  const place = (path: string): string => path.replace("}.{extension}", "}").replaceAll(/\{\w+\}/g, "{}");
  return new Map(Object.entries(paths).map(([path, verbs]) => [place(path), verbs as Verbs]));
}

function whole(): object {
  return { namespace: "n", name: "a", version: "0.0.1", publish: false, exec: { kind: "any:1" }, limits: {} };
}
