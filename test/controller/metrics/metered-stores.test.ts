import assert from "node:assert/strict";
import { test } from "node:test";
import { meteredStores } from "../../../src/controller/metrics/metered-stores.ts";
import { Metrics } from "../../../src/controller/metrics/metrics.ts";
import { ManualClock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { ArtifactStore, EntityWrite } from "../../../src/store/ports.ts";
import { testStores } from "../../conformance/stores.ts";

// The whole suite: whoever wraps stores must not bend them.
testStores("metered", async (clock) => {
  const stores = meteredStores(memoryStores({ clock }), { metrics: new Metrics(), clock });
  return { stores, close: () => stores.close() };
});

test("a write that somebody waits for is timed, and one that fails is counted and fails as before", async () => {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const memory = memoryStores({ clock });
  const broken = new PlatformError("store/unavailable", "the disk is full");
  let fails = false;
  const artifacts: ArtifactStore = {
    get: (id) => memory.artifacts.get(id),
    put: async (write, expected) => {
      clock.advance(30);
      if (fails) throw broken;
      return await memory.artifacts.put(write, expected);
    },
    delete: (id, expected) => memory.artifacts.delete(id, expected),
    list: (query) => memory.artifacts.list(query),
    count: (query) => memory.artifacts.count(query),
  };
  const stores = meteredStores({ ...memory, artifacts }, { metrics, clock });
  const subject = { subject: "guest", namespaces: [], blocked: false };
  await stores.subjects.put(subject, "absent");
  const id = { namespace: asId<Namespace>("guest"), path: asId<EntityPath>("a") };
  const write: EntityWrite = { ...id, kind: "action", updated: 1, body: {}, attachments: [] };
  await stores.artifacts.put(write, "absent");
  fails = true;
  await assert.rejects(stores.artifacts.put(write, "absent"), broken);
  const text = await metrics.text();
  assert.match(text, /^histogram_database_saveDocument_milliseconds_count 2$/m);
  assert.match(text, /^histogram_database_saveDocument_milliseconds_sum 30$/m);
  assert.match(text, /^counter_database_failures_total 1$/m);
});
