import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import openwhisk from "openwhisk";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, type JsonBody, Platform } from "../support/platform.ts";

const dataDir = mkdtempSync(join(tmpdir(), "skein-e2e-"));
let platform: Platform;
// Its own typings lack sequences, counts and half of the feeds.
let ow: JsonBody;

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

test("the npm package openwhisk keeps packages, binds them, and deletes them", async () => {
  const parameters = [{ key: "place", value: "Rome" }];
  await ow.packages.create({ name: "pkg", package: { parameters, publish: true } });
  await ow.actions.create({ name: "pkg/where", action: "function main({ place }) { return { place } }" });
  const self = (await ow.namespaces.list())[0] ?? "";
  const binding = { namespace: self, name: "pkg" };
  await ow.packages.create({ name: "bound", package: { binding, parameters: [{ key: "place", value: "Oslo" }] } });
  const invoked = (name: string): Promise<JsonBody> => ow.actions.invoke({ name, blocking: true, result: true });
  assert.deepEqual(await invoked("pkg/where"), { place: "Rome" });
  assert.deepEqual(await invoked("bound/where"), { place: "Oslo" });
  const got: JsonBody = await ow.packages.get({ name: "bound" });
  assert.deepEqual(got.binding, binding);
  assert.deepEqual(
    got.actions.map((action: JsonBody) => action.name),
    ["where"],
  );
  const listed: JsonBody = await ow.packages.list();
  assert.deepEqual(listed.map((one: JsonBody) => one.name).sort(), ["bound", "pkg"]);
  await ow.packages.update({ name: "pkg", package: { parameters: [{ key: "place", value: "Pisa" }] } });
  assert.deepEqual(await invoked("pkg/where"), { place: "Pisa" });
  await assert.rejects(async () => ow.packages.delete({ name: "pkg" }), { statusCode: 409 });
  await ow.packages.delete({ name: "bound" });
  await ow.actions.delete({ name: "pkg/where" });
  await ow.packages.delete({ name: "pkg" });
  await assert.rejects(async () => ow.packages.get({ name: "pkg" }), { statusCode: 404 });
});

test("the npm package openwhisk fires triggers, and rules do what they say", async () => {
  await ow.actions.update({ name: "heard", action: "function main(p) { return { heard: p.word, at: p.place } }" });
  await ow.triggers.create({ name: "said", trigger: { parameters: [{ key: "place", value: "here" }] } });
  await ow.rules.create({ name: "listen", trigger: "said", action: "heard" });
  const { activationId }: JsonBody = await ow.triggers.invoke({ name: "said", params: { word: "hello" } });
  const fired: JsonBody = await ow.activations.get({ name: activationId });
  assert.equal(fired.name, "said");
  const entry = JSON.parse(fired.logs[0]);
  assert.deepEqual([entry.success, entry.rule, entry.action], [true, "guest/listen", "guest/heard"]);
  const record: JsonBody = await eventually(async () => {
    const answer = await platform.call("GET", `activations/${entry.activationId}`);
    return answer.status === 200 ? answer.body : undefined;
  }, "the rule's activation");
  assert.deepEqual(record.response.result, { heard: "hello", at: "here" });
  await ow.rules.disable({ name: "listen" });
  assert.equal((await ow.rules.get({ name: "listen" })).status, "inactive");
  await ow.triggers.invoke({ name: "said" });
  await ow.rules.enable({ name: "listen" });
  assert.equal((await ow.rules.get({ name: "listen" })).status, "active");
  assert.deepEqual(
    (await ow.rules.list()).map((rule: JsonBody) => rule.name),
    ["listen"],
  );
  await ow.rules.delete({ name: "listen" });
  await ow.triggers.delete({ name: "said" });
  await assert.rejects(async () => ow.triggers.get({ name: "said" }), { statusCode: 404 });
});

test("the npm package openwhisk runs a sequence, and deploys one", async () => {
  await ow.actions.update({ name: "double", action: "function main({ n }) { return { n: n * 2 } }" });
  await ow.actions.create({ name: "quadruple", sequence: ["/_/double", "/_/double"] });
  const result = await ow.actions.invoke({ name: "quadruple", params: { n: 3 }, blocking: true, result: true });
  assert.deepEqual(result, { n: 12 });
});

test("the npm package openwhisk drives the alarm feed through its life", async () => {
  await ow.triggers.create({ name: "ticks" });
  const feed = { name: "/whisk.system/alarms/interval", trigger: "ticks" };
  const created: JsonBody = await ow.feeds.create({ ...feed, params: { minutes: 5, trigger_payload: { a: 1 } } });
  assert.equal(created.response.success, true);
  const read: JsonBody = await ow.feeds.get(feed);
  assert.equal(read.response.result.config.minutes, 5);
  const updated: JsonBody = await ow.feeds.update({ ...feed, params: { minutes: 7 } });
  assert.equal(updated.response.success, true);
  assert.equal((await ow.feeds.get(feed)).response.result.config.minutes, 7);
  await ow.feeds.delete(feed);
  await assert.rejects(async () => ow.feeds.get(feed), { statusCode: 502 });
  await ow.triggers.delete({ name: "ticks" });
});

test("the npm package openwhisk deletes in bulk, counts, and tells what it may do", async () => {
  for (const name of ["bulk-a", "bulk-b"]) await ow.actions.update({ name, action: "function main() {}" });
  const counted: JsonBody = await ow.actions.list({ count: true });
  assert.ok(counted.actions >= 2);
  await ow.actions.delete(["bulk-a", "bulk-b"]);
  await assert.rejects(async () => ow.actions.get("bulk-a"), { statusCode: 404 });
  assert.deepEqual(await ow.namespaces.list(), ["guest"]);
});

function sizeOf(record: JsonBody): { size?: number } {
  return record.response.size === undefined ? {} : { size: record.response.size };
}
