import assert from "node:assert/strict";
import { test } from "node:test";
import { admits, webActionOf } from "../../../src/controller/web/web-action.ts";
import type { EffectiveAction } from "../../../src/controller/entities/action.ts";
import { asId } from "../../../src/kernel/ids.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";

function action(
  annotations: Readonly<Record<string, JsonValue>>,
  parameters: Readonly<Record<string, JsonValue>> = {},
): EffectiveAction {
  const pairs = (of: Readonly<Record<string, JsonValue>>) => Object.entries(of).map(([key, value]) => ({ key, value }));
  return {
    namespace: asId("guest"),
    path: asId("a"),
    revision: asId("1"),
    updated: 0,
    version: "0.0.1",
    publish: false,
    parameters: pairs(parameters),
    annotations: pairs(annotations),
    limits: { timeoutMs: 1000, memoryMb: 128, logsMb: 1, concurrency: 1 },
    exec: { kind: "nodejs:24", binary: false, code: asId("sha256-0"), codeBytes: 1 },
  };
}

test("only a plain true exports, opens raw, or leaves OPTIONS to the action", () => {
  for (const value of [undefined, false, null, "true", "yes", 1, {}, [true]]) {
    const annotations =
      value === undefined ? {} : { "web-export": value, "raw-http": value, "web-custom-options": value };
    const web = webActionOf(action(annotations));
    assert.deepEqual([web.exported, web.raw, web.customOptions], [false, false, false], JSON.stringify(value));
  }
  const web = webActionOf(action({ "web-export": true, "raw-http": true, "web-custom-options": true }));
  assert.deepEqual([web.exported, web.raw, web.customOptions], [true, true, true]);
});

test("a final action keeps the parameters that have a value", () => {
  const parameters = { a: 1, b: "", empty: null };
  assert.deepEqual([...webActionOf(action({ final: true }, parameters)).finalNames], ["a", "b"]);
  for (const final of [false, 0, "", null]) {
    assert.equal(webActionOf(action({ final }, parameters)).finalNames.size, 0);
  }
});

test("require-whisk-auth says whom an action serves", () => {
  const SECRETS = [undefined, "", "s", "secret", "secret ", "7", "true"] as const;
  const served = (value: JsonValue | undefined, isKnown: boolean): readonly (string | undefined)[] => {
    const { guard } = webActionOf(action(value === undefined ? {} : { "require-whisk-auth": value }));
    return SECRETS.filter((secret) => admits(guard, { isKnown, secret }));
  };
  for (const isKnown of [true, false]) {
    assert.deepEqual(served(undefined, isKnown), SECRETS);
    assert.deepEqual(served(false, isKnown), SECRETS);
    assert.deepEqual(served("secret", isKnown), ["secret"]);
    assert.deepEqual(served(7, isKnown), ["7"]);
    assert.deepEqual(served("", isKnown), [""]);
    // What means nothing opens nothing.
    for (const value of [null, {}, ["secret"]]) assert.deepEqual(served(value, isKnown), []);
  }
  assert.deepEqual(served(true, true), SECRETS);
  assert.deepEqual(served(true, false), []);
});
