import assert from "node:assert/strict";
import { test } from "node:test";
import { checkExchange } from "../../support/swagger.ts";

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
  ];
  for (const exchange of refused)
    assert.throws(() => checkExchange(exchange), assert.AssertionError, JSON.stringify(exchange));
  checkExchange({ method: "PUT", path: ACTION, status: 200, requestBody: {}, responseBody: whole() });
  checkExchange({ method: "GET", path: ACTION, status: 400, responseBody: ERROR });
});

function whole(): object {
  return { namespace: "n", name: "a", version: "0.0.1", publish: false, exec: { kind: "any:1" }, limits: {} };
}
