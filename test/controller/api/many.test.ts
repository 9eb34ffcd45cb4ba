import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../../src/kernel/clock.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { openSqliteStores } from "../../../src/store/sqlite/open.ts";
import { startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";
const ENTITIES = 10_000;
const PAGE = 200;

test("ten thousand triggers are listed page by page, each once, the newest first, and counted", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "skein-many-"));
  const stores = await openSqliteStores({ dir, options: defaultOptions().store, clock: systemClock, log: silentLog });
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await using api = await startApi({ wrap: () => stores });
  const body = { format: 1, version: "0.0.1", publish: false, parameters: [], annotations: [], incarnation: "x" };
  await Promise.all(
    Array.from({ length: ENTITIES }, (_, at) =>
      stores.artifacts.put(
        { namespace: asId("guest"), path: asId(`t${at}`), kind: "trigger", updated: 1000 + at, body, attachments: [] },
        "absent",
      ),
    ),
  );
  const names: string[] = [];
  for (let skip = 0; ; skip += PAGE) {
    const reply = await api.call("GET", `${TREE}/triggers?limit=${PAGE}&skip=${skip}`);
    assert.equal(reply.status, 200);
    names.push(...reply.body.map((trigger: { name: string }) => trigger.name));
    if (reply.body.length < PAGE) break;
  }
  assert.deepEqual(
    names,
    Array.from({ length: ENTITIES }, (_, at) => `t${ENTITIES - 1 - at}`),
  );
  const counted = await api.call("GET", `${TREE}/triggers?count=true&skip=1`);
  assert.deepEqual(counted.body, { triggers: ENTITIES - 1 });
});
