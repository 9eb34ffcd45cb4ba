import assert from "node:assert/strict";
import { test } from "node:test";
import { initBody, runBody } from "../../src/invoker/bodies.ts";
import { message } from "./messages.ts";

test("the body of init carries name, entry point, code and environment", () => {
  const one = message({ path: "pkg/hello", caller: "other", initEnv: { COLOUR: "red", __OW_NAMESPACE: "forged" } });
  assert.deepEqual(initBody(one, "code", 1234), {
    value: {
      name: "hello",
      main: "main",
      code: "code",
      binary: false,
      env: {
        COLOUR: "red",
        __OW_NAMESPACE: "other",
        __OW_ACTION_NAME: "/guest/pkg/hello",
        __OW_ACTION_VERSION: "0.0.1",
        __OW_ACTIVATION_ID: one.activationId,
        __OW_TRANSACTION_ID: one.transactionId,
        __OW_DEADLINE: "1234",
      },
    },
  });
});

test("the body of run carries the arguments and who calls what", () => {
  const one = message({ caller: "other" });
  assert.deepEqual(runBody(one, 1234), {
    value: { name: "world" },
    namespace: "other",
    action_name: "/guest/hello",
    action_version: "0.0.1",
    activation_id: one.activationId,
    transaction_id: one.transactionId,
    deadline: "1234",
  });
});

test("the API key is there only when it was given", () => {
  const one = message({ apiKey: "uuid:key" });
  assert.equal(runBody(one, 1)["api_key"], "uuid:key");
  const { value } = initBody(one, "", 1) as { value: { env: Record<string, string> } };
  assert.equal(value.env["__OW_API_KEY"], "uuid:key");
});
