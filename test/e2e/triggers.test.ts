import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { eventually, type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

const ROUNDS = 3;
const FIRES = 400;
const CLIENTS = 16;
const ACTIONS = ["one", "two"] as const;

/** Leaves one file per start of a run, named by activation: what really happened, told by nobody of ours. */
const WITNESS = `
  const fs = require("node:fs");
  function main({ dir, n }) {
    fs.writeFileSync(dir + "/" + process.env.__OW_ACTIVATION_ID + "." + Math.random().toString(36).slice(2), "");
    return { n };
  }`;

test("a fired trigger runs its rules' actions with its parameters, and its record names their activations", async (t) => {
  const platform = await Platform.start({ dataDir: temporaryFolder(t) });
  try {
    await platform.deploy("hello", "function main(args) { return args }", {
      parameters: [{ key: "greeting", value: 0 }],
    });
    await put(platform, "triggers/t", { parameters: [{ key: "greeting", value: "hi" }] });
    await put(platform, "rules/r", { trigger: "/_/t", action: "/_/hello" });
    const fired = await platform.call("POST", "triggers/t", { name: "you" });
    assert.equal(fired.status, 202);
    const { body: record } = await platform.call("GET", `activations/${fired.body.activationId}`);
    assert.deepEqual(record.response.result, { name: "you" });
    const [line] = record.logs.map((text: string) => JSON.parse(text));
    const run = await eventually(async () => {
      const { status, body } = await platform.call("GET", `activations/${line.activationId}`);
      return status === 200 ? body : undefined;
    }, "the action's record");
    const { __ow_headers: headers, ...args } = run.response.result;
    assert.deepEqual(args, { greeting: "hi", name: "you" });
    assert.equal(headers["content-type"], "application/json");
    assert.equal(run.cause, undefined);
    await platform.call("POST", "rules/r", { status: "inactive" });
    assert.equal((await platform.call("POST", "triggers/t", {})).status, 204);
  } finally {
    assert.equal(await platform.stop(), 0);
  }
});

test("a rule may start a sequence, in a package and through a binding too", async (t) => {
  const platform = await Platform.start({ dataDir: temporaryFolder(t) });
  try {
    await put(platform, "packages/steps", { parameters: [{ key: "by", value: 10 }] });
    await put(platform, "packages/bound", {
      binding: { namespace: "_", name: "steps" },
      parameters: [{ key: "by", value: 5 }],
    });
    await platform.deploy("steps/add", "function main({ n, by }) { return { n: n + by } }");
    await put(platform, "actions/twice", { exec: { kind: "sequence", components: ["/_/steps/add", "/_/bound/add"] } });
    await put(platform, "triggers/t", { parameters: [{ key: "n", value: 1 }] });
    await put(platform, "rules/by-sequence", { trigger: "/_/t", action: "/_/twice" });
    await put(platform, "rules/by-binding", { trigger: "/_/t", action: "/_/bound/add" });
    const fired = await platform.call("POST", "triggers/t", {});
    const { body: record } = await platform.call("GET", `activations/${fired.body.activationId}`);
    const lines = record.logs.map((text: string) => JSON.parse(text));
    const resultOf = async (action: string): Promise<JsonBody> => {
      const line = lines.find((one: JsonBody) => one.action === action);
      return await eventually(async () => {
        const { status, body } = await platform.call("GET", `activations/${line.activationId}`);
        return status === 200 ? body.response.result : undefined;
      }, `the record of ${action}`);
    };
    assert.deepEqual(await resultOf("guest/twice"), { n: 16 });
    assert.deepEqual(await resultOf("guest/bound/add"), { n: 6 });
  } finally {
    assert.equal(await platform.stop(), 0);
  }
});

test(
  "every 202 of a trigger has its record, and each activation it names exactly one, through kill -9 under load",
  { timeout: 280_000 },
  async (t) => {
    const seed = process.env["SEED"] ?? randomBytes(8).toString("hex");
    t.diagnostic(`SEED=${seed}`);
    const random = seededRandom(seed);
    const dataDir = temporaryFolder(t);
    const witnesses = join(temporaryFolder(t), "w");
    mkdirSync(witnesses);
    chmodSync(witnesses, 0o777);
    chmodSync(join(witnesses, ".."), 0o755);
    const env = { SKEIN_LIMITS_CONCURRENT_INVOCATIONS: "100000", SKEIN_LIMITS_INVOCATIONS_PER_MINUTE: "1000000" };
    const fired = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const platform = await Platform.start({ dataDir, env });
      if (round === 0) await prepare(platform, witnesses);
      const before = fired.size;
      await fireUntilKilled(platform, fired, random);
      t.diagnostic(`round ${round + 1}: ${fired.size - before} firings promised before the kill`);
    }
    const platform = await Platform.start({ dataDir, env });
    try {
      const lost = await checkAll(platform, fired, witnesses);
      t.diagnostic(`${fired.size} firings promised, ${lost} of their activations lost in mid-run and said so`);
    } finally {
      assert.equal(await platform.stop(), 0);
    }
  },
);

/** Trigger `t` with an active rule per action, and an inactive one. */
async function prepare(platform: Platform, dir: string): Promise<void> {
  await put(platform, "triggers/t", { parameters: [{ key: "dir", value: dir }] });
  for (const name of ACTIONS) {
    await platform.deploy(name, WITNESS);
    await put(platform, `rules/${name}-rule`, { trigger: "/_/t", action: `/_/${name}` });
  }
  await put(platform, "rules/off", { trigger: "/_/t", action: "/_/one" });
  await platform.call("POST", "rules/off", { status: "inactive" });
}

/** Fires from many clients; the kill comes after a random number of firings, between any two steps of those under way. */
async function fireUntilKilled(platform: Platform, fired: Set<string>, random: Random): Promise<void> {
  const killAfter = 1 + random.int(FIRES);
  let sent = 0;
  const kill: { done?: Promise<void> } = {};
  const client = async (): Promise<void> => {
    while (sent < FIRES && kill.done === undefined) {
      sent += 1;
      if (sent >= killAfter) {
        setTimeout(() => (kill.done ??= platform.kill()), random.int(20));
      }
      try {
        const answer = await platform.call("POST", "triggers/t", { n: sent });
        assert.equal(answer.status, 202);
        fired.add(String(answer.body.activationId));
      } catch (error) {
        // A connection cut by the kill: nothing was promised. Anything else is a failure.
        if (error instanceof assert.AssertionError) throw error;
        assert.notEqual(kill.done, undefined, String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await (kill.done ?? platform.kill());
}

/** How many activations ended as lost; fails at whatever is missing, doubled, or ran twice. */
async function checkAll(platform: Platform, fired: ReadonlySet<string>, witnesses: string): Promise<number> {
  const perId = await eventually(
    async () => {
      const found = await platform.records();
      if (found === undefined) return undefined;
      const complete = [...fired].every((id) => {
        const [record] = found.get(id) ?? [];
        return record === undefined || startedBy(record).every((started) => found.has(started));
      });
      return complete ? found : undefined;
    },
    "a record for every activation that a firing named",
    120_000,
  );
  const ran = startsIn(witnesses);
  let lost = 0;
  for (const id of fired) {
    const records = perId.get(id) ?? [];
    assert.equal(records.length, 1, `firing ${id} has ${records.length} records`);
    assert.equal(records[0].logs.length, ACTIONS.length + 1);
    const started = startedBy(records[0]);
    assert.equal(started.length, ACTIONS.length, records[0].logs.join("\n"));
    for (const activationId of started) {
      const runs = perId.get(activationId) ?? [];
      assert.equal(runs.length, 1, `${activationId} has ${runs.length} records`);
      const { status, result } = runs[0].response;
      if (status === "success") assert.equal(ran.get(activationId), 1);
      else assert.match(result.error, /was lost/);
      if (status !== "success") lost += 1;
      assert.ok((ran.get(activationId) ?? 0) <= 1, `${activationId} ran ${ran.get(activationId)} times`);
    }
  }
  return lost;
}

function startedBy(record: JsonBody): readonly string[] {
  return record.logs.map((text: string) => JSON.parse(text).activationId).filter((id?: string) => id !== undefined);
}

function startsIn(dir: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const file of readdirSync(dir)) counts.set(file.slice(0, 32), (counts.get(file.slice(0, 32)) ?? 0) + 1);
  return counts;
}

async function put(platform: Platform, path: string, body: object): Promise<void> {
  const answer = await platform.call("PUT", path, body);
  assert.equal(answer.status, 200, `${path}: ${JSON.stringify(answer.body)}`);
}
