import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivationRecord, JournalState } from "../../../src/kernel/activation.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { messageNumber } from "../../support/messages.ts";
import { type Harness, OTHER, startApi } from "./harness.ts";

const ACTIVATIONS = "/api/v1/namespaces/_/activations";

async function keep(
  api: Harness,
  n: number,
  over: Partial<ActivationRecord> = {},
  path = "hello",
): Promise<ActivationRecord> {
  const record: ActivationRecord = {
    namespace: asId("guest"),
    name: path.split("/").at(-1) ?? path,
    version: "0.0.1",
    subject: "guest",
    activationId: asId(n.toString(16).padStart(32, "0")),
    start: 1000 + n,
    end: 1010 + n,
    duration: 10,
    response: { statusCode: 0, result: { n } },
    logs: [`line ${n}`],
    annotations: [{ key: "path", value: `guest/${path}` }],
    publish: false,
    ...over,
  };
  await api.stores.activations.finish(record, { path });
  return record;
}

test("a record is told whole, but for the number of its status", async () => {
  await using api = await startApi();
  const record = await keep(api, 1, {
    response: { statusCode: 2, result: { error: "x" } },
    cause: asId("c".repeat(32)),
  });
  const expected = {
    ...record,
    response: { status: "action developer error", success: false, result: { error: "x" } },
  };
  for (const slash of ["", "/"]) {
    const get = await api.call("GET", `${ACTIVATIONS}/${record.activationId}${slash}`);
    assert.equal(get.status, 200);
    assert.deepEqual(get.body, expected);
  }
  const result = await api.call("GET", `${ACTIVATIONS}/${record.activationId}/result`);
  assert.deepEqual(result.body, expected.response);
  const logs = await api.call("GET", `${ACTIVATIONS}/${record.activationId}/logs`);
  assert.deepEqual(logs.body, { logs: ["line 1"] });
});

test("lists are brief and newest first, or whole with docs", async () => {
  await using api = await startApi();
  await keep(api, 1);
  const trigger = { ...(await keep(api, 2)), activationId: asId<never>("2".repeat(32)), start: 1003 };
  const { end: _, duration: __, ...open } = trigger;
  await api.stores.activations.finish(open, { path: "t" });
  const list = await api.call("GET", ACTIVATIONS);
  assert.deepEqual(
    (list.body as { start: number }[]).map(({ start }) => start),
    [1003, 1002, 1001],
  );
  assert.deepEqual(list.body[2], {
    namespace: "guest",
    name: "hello",
    version: "0.0.1",
    publish: false,
    annotations: [{ key: "path", value: "guest/hello" }],
    activationId: "1".padStart(32, "0"),
    start: 1001,
    end: 1011,
    statusCode: 0,
    duration: 10,
  });
  assert.deepEqual(
    Object.keys(list.body[0]).filter((key) => ["end", "duration", "statusCode"].includes(key)),
    [],
  );
  const docs = await api.call("GET", `${ACTIVATIONS}?docs=true&limit=1`);
  assert.deepEqual(docs.body[0].response, { status: "success", success: true, result: { n: 2 } });
});

test("lists are filtered by name and by time, paged and counted", async () => {
  await using api = await startApi();
  for (let n = 1; n <= 5; n += 1) await keep(api, n, {}, n % 2 === 0 ? "pkg/even" : "odd");
  const starts = async (query: string) =>
    ((await api.call("GET", `${ACTIVATIONS}?${query}`)).body as { start: number }[]).map(({ start }) => start);
  assert.deepEqual(await starts("name=odd"), [1005, 1003, 1001]);
  assert.deepEqual(await starts("name=pkg/even"), [1004, 1002]);
  assert.deepEqual(await starts("name=%20"), [1005, 1004, 1003, 1002, 1001]);
  assert.deepEqual(await starts("since=1002&upto=1004"), [1004, 1003, 1002]);
  assert.deepEqual(await starts("skip=1&limit=2"), [1004, 1003]);
  assert.deepEqual((await api.call("GET", `${ACTIVATIONS}?count=true&name=odd&skip=1`)).body, { activations: 2 });
  assert.deepEqual((await api.call("GET", `${ACTIVATIONS}?count=true&since=1005`)).body, { activations: 1 });
});

test("filters that mean nothing are refused by name", async () => {
  await using api = await startApi();
  const refusals: readonly [string, string][] = [
    [
      "name=a/b/c",
      "The query parameter 'name' was malformed:\nParameter may be a 'simple' name or 'package-name/simple' name: a/b/c",
    ],
    [
      "name=$",
      "The query parameter 'name' was malformed:\nParameter may be a 'simple' name or 'package-name/simple' name: $",
    ],
    ["since=x", "The query parameter 'since' was malformed:\nParameter is not a valid value for epoch seconds: x"],
    ["upto=1.5", "The query parameter 'upto' was malformed:\nParameter is not a valid value for epoch seconds: 1.5"],
    [
      "limit=201",
      "The query parameter 'limit' was malformed:\nThe value '201' is not in the range of 0 to 200 for activations.",
    ],
    ["count=true&docs=true", "The parameter 'docs' is not permitted with 'count'."],
  ];
  for (const [query, text] of refusals) {
    const list = await api.call("GET", `${ACTIVATIONS}?${query}`);
    assert.equal(list.status, 400, query);
    assert.equal(list.body.error, text);
  }
});

test("ids have 32 hex digits", async () => {
  await using api = await startApi();
  for (const rest of ["", "/result", "/logs"]) {
    const short = await api.call("GET", `${ACTIVATIONS}/${"0".repeat(31)}${rest}`);
    assert.equal(short.status, 400);
    assert.equal(short.body.error, "Activation id length is 31 but must be 32.");
    const odd = await api.call("GET", `${ACTIVATIONS}/${"z".repeat(32)}${rest}`);
    assert.equal(odd.body.error, "The activation id is not valid.");
    const missing = await api.call("GET", `${ACTIVATIONS}/${"0".repeat(32)}${rest}`);
    assert.equal(missing.status, 404);
    assert.equal(missing.body.error, "The requested resource does not exist.");
  }
  assert.equal((await api.call("GET", `${ACTIVATIONS}/${"0".repeat(32)}/else`)).status, 404);
});

test("a pending activation is a 404 for those who poll, and says how far it is to those who look", async () => {
  await using api = await startApi();
  const message = messageNumber(1);
  const owner = asId<never>("me");
  await api.stores.activations.accept({ message, state: "accepted", owner });
  for (const state of ["accepted", "dispatched", "running"] satisfies JournalState[]) {
    if (state !== "accepted") await api.stores.activations.mark(message.activationId, state, owner);
    for (const rest of ["", "/result", "/logs"]) {
      const get = await api.call("GET", `${ACTIVATIONS}/${message.activationId}${rest}`);
      assert.equal(get.status, 404);
      assert.equal(get.headers["x-skein-activation-state"], state);
      assert.deepEqual(get.body, {
        error: "The requested resource does not exist.",
        code: get.headers["x-request-id"],
        state,
        activationId: message.activationId,
      });
    }
  }
  assert.deepEqual((await api.call("GET", ACTIVATIONS)).body, []);
  const foreign = await api.call("GET", `${ACTIVATIONS}/${message.activationId}`, { auth: OTHER });
  assert.equal(foreign.headers["x-skein-activation-state"], undefined);
});

test("records belong to their namespace", async () => {
  await using api = await startApi();
  const { activationId } = await keep(api, 1);
  const own = await api.call("GET", `${ACTIVATIONS}/${activationId}`, { auth: OTHER });
  assert.equal(own.status, 404);
  const theirs = await api.call("GET", `/api/v1/namespaces/guest/activations/${activationId}`, { auth: OTHER });
  assert.equal(theirs.status, 403);
  assert.equal((await api.call("GET", "/api/v1/namespaces/guest/activations", { auth: OTHER })).status, 403);
});
