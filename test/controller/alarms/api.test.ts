import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../src/kernel/clock.ts";
import { OTHER, startApi } from "../api/harness.ts";

const NS = "/api/v1/namespaces";
const ALARMS = `${NS}/_/alarms`;
// OpenWhisk's description knows no alarms.
const added = { swagger: false };

test("an alarm is made, read, listed, changed and deleted under its trigger's name", async () => {
  const clock = new ManualClock(Date.parse("2026-03-01T00:00:00Z"));
  await using api = await startApi({ clock });
  await api.call("PUT", `${NS}/_/triggers/t`, { json: {} });
  const made = await api.call("PUT", `${ALARMS}/t`, {
    ...added,
    json: { cron: "0 9 * * mon", timezone: "Europe/Berlin", trigger_payload: { a: 1 }, stopDate: "2027-01-01" },
  });
  assert.equal(made.status, 200);
  assert.deepEqual(made.body, {
    namespace: "guest",
    name: "t",
    updated: clock.wallMs(),
    config: {
      name: "t",
      namespace: "guest",
      payload: { a: 1 },
      cron: "0 9 * * mon",
      strict: true,
      timezone: "Europe/Berlin",
      stopDate: "2027-01-01",
    },
    status: {
      active: true,
      dateChanged: clock.wallMs(),
      dateChangedISO: "2026-03-01T00:00:00.000Z",
      fired: 0,
      next: "2026-03-02T08:00:00.000Z",
    },
  });
  assert.deepEqual((await api.call("GET", `${ALARMS}/t`, added)).body, made.body);
  assert.deepEqual((await api.call("GET", ALARMS, added)).body, [made.body]);
  assert.deepEqual((await api.call("GET", `${ALARMS}?count=true`, added)).body, { alarms: 1 });
  assert.equal((await api.call("PUT", `${ALARMS}/t`, { ...added, json: { minutes: 1 } })).status, 409);
  clock.advance(1000);
  const paused = await api.call("POST", `${ALARMS}/t`, { ...added, json: { active: false } });
  assert.deepEqual(paused.body.status, {
    active: false,
    dateChanged: clock.wallMs(),
    dateChangedISO: "2026-03-01T00:00:01.000Z",
    reason: { kind: "USER", message: "Paused" },
    fired: 0,
  });
  const replaced = await api.call("PUT", `${ALARMS}/t?overwrite=true`, {
    ...added,
    json: { minutes: 5, maxTriggers: 2 },
  });
  assert.deepEqual(replaced.body.config, { name: "t", namespace: "guest", payload: {}, minutes: 5, maxTriggers: 2 });
  assert.deepEqual((await api.call("DELETE", `${ALARMS}/t`, added)).body, replaced.body);
  assert.equal((await api.call("GET", `${ALARMS}/t`, added)).status, 404);
});

test("only the owner of a namespace sees and changes its alarms", async () => {
  await using api = await startApi();
  await api.call("PUT", `${NS}/_/triggers/t`, { json: {} });
  await api.call("PUT", `${ALARMS}/t`, { ...added, json: { minutes: 1 } });
  for (const [verb, path] of [
    ["GET", ""],
    ["GET", "/t"],
    ["PUT", "/t?overwrite=true"],
    ["POST", "/t"],
    ["DELETE", "/t"],
  ] as const) {
    const json = verb === "GET" || verb === "DELETE" ? {} : { json: { minutes: 2 } };
    const refused = await api.call(verb, `${NS}/guest/alarms${path}`, { ...added, auth: OTHER, ...json });
    assert.equal(refused.status, 403, `${verb} ${path}`);
    assert.equal((await api.call(verb, `${ALARMS}${path}`, { ...added, auth: null, ...json })).status, 401);
  }
  assert.equal((await api.call("GET", `${ALARMS}/t`, added)).body.config.minutes, 1);
});

test("a refusal says what is wrong, and changes nothing", async () => {
  await using api = await startApi();
  const missing = await api.call("PUT", `${ALARMS}/t`, { ...added, json: { minutes: 1 } });
  assert.equal(missing.status, 404);
  await api.call("PUT", `${NS}/_/triggers/t`, { json: {} });
  const bad = await api.call("PUT", `${ALARMS}/t`, { ...added, json: { cron: "never" } });
  assert.deepEqual([bad.status, bad.body.error], [400, "cron pattern 'never' is not valid"]);
  assert.equal((await api.call("GET", `${ALARMS}/t`, added)).status, 404);
  assert.equal((await api.call("POST", `${ALARMS}/t`, { ...added, json: { minutes: 1 } })).status, 404);
});

test("an update of the trigger leaves its alarm alone", async () => {
  await using api = await startApi();
  await api.call("PUT", `${NS}/_/triggers/t`, { json: {} });
  await api.call("PUT", `${ALARMS}/t`, { ...added, json: { minutes: 1 } });
  assert.equal((await api.call("PUT", `${NS}/_/triggers/t?overwrite=true`, { json: {} })).status, 200);
  assert.equal((await api.call("GET", `${ALARMS}/t`, added)).status, 200);
});

test("a due alarm of the API fires its trigger: the rule's action is invoked, and the trigger has a record", async () => {
  const clock = new ManualClock();
  await using api = await startApi({ clock });
  await api.call("PUT", `${NS}/_/actions/a`, { json: { exec: { kind: "nodejs:24", code: "function main() {}" } } });
  await api.call("PUT", `${NS}/_/triggers/t`, { json: { parameters: [{ key: "p", value: 1 }] } });
  await api.call("PUT", `${NS}/_/rules/r`, { json: { trigger: "/_/t", action: "/_/a" } });
  await api.call("PUT", `${ALARMS}/t`, { ...added, json: { date: clock.wallMs() + 50, trigger_payload: "late" } });
  clock.advance(100);
  const deadline = performance.now() + 5000;
  let records: { activationId: string }[] = [];
  while (records.length === 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    records = (await api.call("GET", `${NS}/_/activations?name=t`)).body;
  }
  assert.equal(records.length, 1);
  assert.deepEqual(
    api.invocations.calls.map(({ action, payload, identity }) => [action.path, payload, identity.namespace]),
    [["a", { p: 1, payload: "late" }, "guest"]],
  );
});
