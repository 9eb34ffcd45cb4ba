import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Stores } from "../../../src/store/ports.ts";
import { source, startApi } from "../api/harness.ts";

const TREE = "/api/v1/namespaces/_";

/** Reads are held back at random, so that they overlap with writes in every order; the feed is silent, so that it cannot help. */
function slowReads(stores: Stores): Stores {
  const late = async <Value>(value: Promise<Value>): Promise<Value> => {
    const read = await value;
    for (let i = Math.random() * 6; i > 0; i -= 1) await new Promise(setImmediate);
    return read;
  };
  return {
    ...stores,
    artifacts: {
      get: (id) => late(stores.artifacts.get(id)),
      put: (write, expected) => stores.artifacts.put(write, expected),
      delete: (id, expected) => stores.artifacts.delete(id, expected),
      list: (query) => late(stores.artifacts.list(query)),
      count: (query) => late(stores.artifacts.count(query)),
    },
    changes: { head: () => stores.changes.head(), read: async () => [], watch: (_cursor, signal) => silence(signal) },
    close: () => stores.close(),
  };
}

test("S1: a firing that begins after a rule's change was acknowledged obeys it", async () => {
  await using api = await startApi({ wrap: slowReads });
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  await api.call("PUT", `${TREE}/triggers/t`, { json: {} });
  const rule = { trigger: "/_/t", action: "/_/a" };
  await api.call("PUT", `${TREE}/rules/r`, { json: rule });
  // Changes begun and changes acknowledged: when they are the same before and after a firing, its outcome is certain.
  let [begun, acknowledged, active] = [0, 0, true];
  const progress = { writing: true };
  const change = async (next: boolean, method: string, json?: object): Promise<void> => {
    begun += 1;
    const reply = await api.call(method, `${TREE}/rules/r`, { json });
    assert.equal(reply.status, 200, reply.text);
    active = next;
    acknowledged += 1;
    // Room for firings that meet no change.
    for (let i = 0; i < 30; i += 1) await new Promise(setImmediate);
  };
  const write = async (): Promise<void> => {
    for (let i = 0; i < 25; i += 1) {
      await change(false, "POST", { status: "inactive" });
      await change(true, "POST", { status: "active" });
      await change(false, "DELETE");
      await change(true, "PUT", rule);
    }
    progress.writing = false;
  };
  const certain = { active: 0, inactive: 0 };
  const fire = async (): Promise<void> => {
    while (progress.writing) {
      const [seen, expected, quiet] = [begun, active, begun === acknowledged];
      const { status } = await api.call("POST", `${TREE}/triggers/t`, { json: {} });
      if (!quiet || begun !== seen) continue;
      assert.equal(status, expected ? 202 : 204);
      certain[expected ? "active" : "inactive"] += 1;
    }
  };
  await Promise.all([write(), fire(), fire(), fire()]);
  assert.ok(certain.active > 10 && certain.inactive > 10, JSON.stringify(certain));
});

test("S1: a firing after its trigger's update or replacement sees the new one", async () => {
  await using api = await startApi({ wrap: slowReads });
  await api.call("PUT", `${TREE}/actions/a`, { json: source() });
  for (let n = 0; n < 30; n += 1) {
    const json = { parameters: [{ key: "n", value: n }] };
    if (n % 3 === 0) {
      await api.call("DELETE", `${TREE}/triggers/t`);
      await api.call("PUT", `${TREE}/triggers/t`, { json });
      assert.equal(
        (await api.call("POST", `${TREE}/triggers/t`, { json: {} })).status,
        204,
        "a new trigger has no rules",
      );
      await api.call("PUT", `${TREE}/rules/r`, { json: { trigger: "/_/t", action: "/_/a" } });
      await api.call("POST", `${TREE}/rules/r`, { json: { status: "active" } });
    } else {
      await api.call("PUT", `${TREE}/triggers/t?overwrite=true`, { json });
    }
    await Promise.all(
      [1, 2, 3].map(async () => {
        const { status } = await api.call("POST", `${TREE}/triggers/t`, { json: {} });
        assert.equal(status, 202);
        assert.equal(api.invocations.calls.at(-1)?.payload["n"], n);
      }),
    );
  }
});

// oxlint-disable-next-line require-yield -- it waits for its end without having said anything
async function* silence(signal: AbortSignal): AsyncGenerator<Change> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
