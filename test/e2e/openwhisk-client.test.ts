import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import openwhisk from "openwhisk";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, type JsonBody, Platform } from "../support/platform.ts";

const dataDir = mkdtempSync(join(tmpdir(), "skein-e2e-"));
let platform: Platform;
let ow: ReturnType<typeof openwhisk>;

before(async () => {
  platform = await Platform.start({ dataDir });
  const key = Buffer.from(platform.authorization.slice("Basic ".length), "base64").toString();
  ow = openwhisk({ apihost: platform.url, api_key: key });
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(dataDir, { recursive: true, force: true });
});

test("the npm package openwhisk creates, reads, updates, lists and deletes an action", async () => {
  const created: JsonBody = await ow.actions.create({
    name: "client",
    action: "function main(p) { return { v: 1, p } }",
    kind: "nodejs:default",
    params: { a: 1 },
  });
  assert.equal(created.version, "0.0.1");
  const got: JsonBody = await ow.actions.get({ name: "client" });
  assert.equal(got.exec.kind, "nodejs:24");
  assert.match(got.exec.code, /v: 1/);
  const updated: JsonBody = await ow.actions.update({ name: "client", action: "function main() { return { v: 2 } }" });
  assert.equal(updated.version, "0.0.2");
  assert.deepEqual(
    (await ow.actions.list()).map((action: JsonBody) => action.name),
    ["client"],
  );
  assert.deepEqual(await ow.actions.invoke({ name: "client", blocking: true, result: true }), { v: 2 });
  await ow.actions.delete({ name: "client" });
  await assert.rejects(async () => ow.actions.get({ name: "client" }), { statusCode: 404 });
});

test("the npm package openwhisk invokes without waiting, and finds the record, result and logs", async () => {
  await ow.actions.update({ name: "later", action: "function main(p) { console.log('seen', p.x); return p }" });
  const { activationId } = await ow.actions.invoke({ name: "later", params: { x: 7 } });
  const record: JsonBody = await eventually(async () => {
    try {
      return await ow.activations.get({ name: activationId });
    } catch (error) {
      assert.equal((error as { statusCode?: number }).statusCode, 404);
      return undefined;
    }
  }, "the record");
  assert.deepEqual(record.response, { result: { x: 7 }, status: "success", success: true, ...sizeOf(record) });
  assert.deepEqual((await ow.activations.result({ name: activationId })).result, { x: 7 });
  const { logs }: JsonBody = await ow.activations.logs({ name: activationId });
  assert.match(logs[0], /stdout: seen 7$/);
  const listed: JsonBody = await ow.activations.list({ limit: 1 });
  assert.equal(listed[0].activationId, activationId);
});

test("the npm package openwhisk sees an action's own error as OpenWhisk tells it", async () => {
  await ow.actions.update({ name: "fails", action: "function main() { return { error: { code: 7 } } }" });
  await assert.rejects(async () => ow.actions.invoke({ name: "fails", blocking: true, result: true }), {
    statusCode: 502,
  });
});

test("an action calls another through require('openwhisk') with the key it asked for", async () => {
  await ow.actions.update({ name: "callee", action: "function main({ n }) { return { n: n + 1 } }" });
  await ow.actions.update({
    name: "caller",
    action: `const openwhisk = require("openwhisk");
      async function main({ n }) {
        return openwhisk().actions.invoke({ name: "callee", params: { n: n * 10 }, blocking: true, result: true });
      }`,
    annotations: { "provide-api-key": true },
  });
  assert.deepEqual(await ow.actions.invoke({ name: "caller", params: { n: 4 }, blocking: true, result: true }), {
    n: 41,
  });
});

function sizeOf(record: JsonBody): { size?: number } {
  return record.response.size === undefined ? {} : { size: record.response.size };
}
