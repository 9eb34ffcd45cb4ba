import assert from "node:assert/strict";
import { after, test } from "node:test";
import { bench, containerId } from "../invoker/process/fixture.ts";
import { advertisedRuntimes, availableRuntimes, resolveKind, runtimeOf } from "../../src/runtimes/manifest.ts";
import { testRuntime } from "./conformance.ts";

const { factory } = bench({ after });

testRuntime("nodejs:24 as a process", async (t, { env = {} } = {}) => {
  const container = await factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 256, env });
  t.after(() => container.destroy());
  return container;
});

test("every kind and alias leads to its runtime, and the default is one of its kinds", () => {
  for (const { manifest, aliases } of availableRuntimes()) {
    assert.ok(manifest.kinds.includes(manifest.default));
    for (const [alias, kind] of Object.entries(aliases)) {
      assert.equal(resolveKind(alias), kind);
      assert.equal(runtimeOf(alias)?.manifest, manifest);
    }
  }
  assert.equal(resolveKind("nodejs:default"), "nodejs:24");
  assert.equal(resolveKind("nodejs:6"), undefined);
  assert.equal(runtimeOf("constructor"), undefined);
});

test("what is advertised has one default in each family", () => {
  for (const kinds of Object.values(advertisedRuntimes())) {
    assert.equal(kinds.filter((kind) => kind.default).length, 1);
  }
});
