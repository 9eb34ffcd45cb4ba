import assert from "node:assert/strict";
import { test } from "node:test";
import { measureStore, STORE_SIZES } from "../../bench/system/store.ts";

test("the store's question runs at its tiny size", async () => {
  const report = await measureStore(STORE_SIZES.tiny);
  assert.equal(report.question, "store");
  assert.equal(report.tables.length, 2);
  assert.ok(report.claims.every((claim) => claim.measured !== "-"));
});
