import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { eventually, type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

const ROUNDS = 5;
const CLIENTS = 8;
const ENV = { SKEIN_LIMITS_CONCURRENT_INVOCATIONS: "100000", SKEIN_LIMITS_INVOCATIONS_PER_MINUTE: "1000000" };

/** Leaves one file per start of a run, named by activation and a random suffix: what really happened, told by nobody of ours. */
const WITNESS = `
  const fs = require("node:fs");
  async function main({ dir, n = 0 }) {
    fs.writeFileSync(dir + "/" + process.env.__OW_ACTIVATION_ID + "." + Math.random().toString(36).slice(2), "");
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { n: n + 1 };
  }`;

/** Runs the witness twice, and then says what came of it. */
const CONDUCTOR = `
  function main({ n = 0, i = 0, error }) {
    if (error) return { error };
    return i < 2 ? { action: "witness", params: { n }, state: { i: i + 1 } } : { params: { n } };
  }`;

interface Stored {
  readonly activationId: string;
  readonly name: string;
  readonly cause?: string;
  readonly logs: readonly string[];
  readonly response: { readonly status: string; readonly result: { readonly n?: number; readonly error?: string } };
}

async function deploy(platform: Platform, witnesses: string): Promise<void> {
  const dir = [{ key: "dir", value: witnesses }];
  await platform.deploy("witness", WITNESS, { parameters: dir });
  await platform.deploy("again", WITNESS, { parameters: dir, annotations: [{ key: "retry-on-loss", value: true }] });
  await platform.deploy("conductor", CONDUCTOR, { annotations: [{ key: "conductor", value: true }] });
  await sequence(platform, "inner", ["witness", "again"]);
  await sequence(platform, "chain", ["witness", "inner", "conductor", "witness"]);
}

async function sequence(platform: Platform, name: string, components: readonly string[]): Promise<void> {
  const exec = { kind: "sequence", components: components.map((path) => `/_/${path}`) };
  const answer = await platform.call("PUT", `actions/${name}?overwrite=true`, { exec });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

/** Fires until the platform dies; every 202 goes into `accepted`: some at once, some after a wait that was too short. */
async function fire(platform: Platform, accepted: Set<string>, random: Random): Promise<void> {
  let killed: Promise<void> | undefined;
  setTimeout(() => (killed = platform.kill()), 100 + random.int(700));
  const isKilled = () => killed !== undefined;
  const client = async (number: number): Promise<void> => {
    for (let calls = 0; !isKilled() && calls < 200; calls += 1) {
      try {
        const query = number % 2 === 0 ? "" : "?blocking=true&timeout=15";
        const answer = await platform.call("POST", `actions/chain${query}`, {});
        if (answer.status === 202) accepted.add(String(answer.body.activationId));
        else assert([200, 502, 429, 503].includes(answer.status), `unexpected ${answer.status}`);
        if (answer.status === 502) assert.match(JSON.stringify(answer.body), /stopping|lost/);
      } catch (error) {
        // A connection cut by the kill: nothing was promised. Anything else is a failure.
        if (error instanceof assert.AssertionError) throw error;
        assert(isKilled(), String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  await eventually(() => isKilled() || undefined, "the kill");
  await killed;
}

function starts(dir: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const file of readdirSync(dir)) counts.set(file.slice(0, 32), (counts.get(file.slice(0, 32)) ?? 0) + 1);
  return counts;
}

/** One record of each in the tree, under its cause; a chain that says that it ended well did all that it should. */
function checkTree(
  records: ReadonlyMap<string, readonly Stored[]>,
  id: string,
  ran: ReadonlyMap<string, number>,
): Stored {
  const own = records.get(id) ?? [];
  assert.equal(own.length, 1, `${id} has ${own.length} records`);
  const [record] = own;
  assert(record !== undefined);
  if (record.name === "witness" || record.name === "again") {
    const isDone = record.response.status === "success";
    const count = ran.get(id) ?? 0;
    if (record.name === "witness") assert(count <= 1, `${id} was started ${count} times`);
    if (isDone) assert(count >= 1, `${id} succeeded without a start`);
    return record;
  }
  const composed = ["chain", "inner"].includes(record.name) || (record.name === "conductor" && record.logs.length > 0);
  if (!composed) return record;
  const below = record.logs.map((child) => checkTree(records, child, ran));
  assert(below.every(({ cause }) => cause === id));
  if (record.response.status === "success") {
    assert.equal(below.length, { chain: 4, inner: 2, conductor: 5 }[record.name]);
    assert(below.every(({ response }) => response.status === "success"));
  } else {
    assert.match(record.response.result.error ?? "", /The activation of 'guest\/(?:witness|conductor)' was lost/);
    assert.notEqual(below.at(-1)?.response.status, "success");
  }
  return record;
}

async function killRounds(t: TestContext, random: Random): Promise<void> {
  const dataDir = temporaryFolder(t);
  const witnesses = join(temporaryFolder(t), "w");
  mkdirSync(witnesses);
  chmodSync(witnesses, 0o777);
  chmodSync(join(witnesses, ".."), 0o755);
  const accepted = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const platform = await Platform.start({ dataDir, env: ENV });
    await deploy(platform, witnesses);
    const before = accepted.size;
    await fire(platform, accepted, random);
    t.diagnostic(`round ${round + 1}: ${accepted.size - before} promised before the kill`);
  }
  const platform = await Platform.start({ dataDir, env: ENV });
  try {
    const records = await eventually(
      async () => {
        const found = await platform.records();
        return found !== undefined && [...accepted].every((id) => found.has(id)) ? found : undefined;
      },
      "a record for every 202",
      120_000,
    );
    const ran = starts(witnesses);
    let lost = 0;
    for (const id of accepted) {
      const { response } = checkTree(records, id, ran);
      if (response.status === "success") assert.equal(response.result.n, 6, JSON.stringify(response));
      else lost += 1;
    }
    const others = [...records.values()].flat().filter(({ name }) => name === "witness");
    assert(others.every(({ activationId }) => (ran.get(activationId) ?? 0) <= 1));
    assert(lost < accepted.size, "some went on through a kill");
    t.diagnostic(`${accepted.size} sequences promised, ${lost} stopped at a lost component and said so`);
  } finally {
    assert.equal(await platform.stop(), 0);
  }
}

test(
  "every promised sequence ends in one record, and so does each of its components, through five kill -9",
  { timeout: 280_000 },
  async (t) => {
    const seed = process.env["SEED"] ?? randomBytes(8).toString("hex");
    t.diagnostic(`SEED=${seed}`);
    await killRounds(t, seededRandom(seed));
  },
);

const COUNT = "function main({ n = 0 }) { return { n: n + 1 } }";
const SLEEPER =
  "function main(args) { return new Promise((r) => setTimeout(() => r({ ...args, slept: true }), 1000)) }";

/** The record, when it is there. */
async function recordOf(platform: Platform, id: string): Promise<JsonBody> {
  return await eventually(async () => {
    const answer = await platform.call("GET", `activations/${id}`);
    return answer.status === 200 ? answer.body : undefined;
  }, "the record");
}

test("a sequence goes on after a kill from where its last component ended, and after a stop as well", async (t) => {
  for (const how of ["kill", "stop"] as const) {
    const dataDir = temporaryFolder(t);
    const first = await Platform.start({ dataDir, flags: ["--set", "server.shutdownMs=1"] });
    await first.deploy("count", COUNT);
    await first.deploy("sleeper", SLEEPER, { annotations: [{ key: "retry-on-loss", value: true }] });
    await sequence(first, "s", ["count", "sleeper", "count"]);
    const { status, body } = await first.call("POST", "actions/s", { n: 5 });
    assert.equal(status, 202);
    // Its first component has ended, and the sleeper sleeps.
    await eventually(async () => {
      const { body: listed } = await first.call("GET", "activations?name=count");
      return listed.length === 1 ? true : undefined;
    }, "the first component's record");
    const pending = await first.call("GET", `activations/${body.activationId}`);
    assert.equal(pending.headers.get("x-skein-activation-state"), "running");
    await first[how]();
    const second = await Platform.start({ dataDir });
    const record = await recordOf(second, body.activationId);
    assert.deepEqual(record.response.result, { n: 7 }, how);
    assert.equal(record.logs.length, 3);
    const { body: counted } = await second.call("GET", "activations?name=count");
    assert.equal(counted.length, 2, "what had ended was not run again");
    assert.equal(await second.stop(), 0);
  }
});

test("a real sequence sums up its components, and holds no container while one of them runs", async (t) => {
  const platform = await Platform.start({ dataDir: temporaryFolder(t), flags: ["--set", "invoker.memoryMb=256"] });
  try {
    await platform.deploy("count", COUNT, { limits: { memory: 128 } });
    await platform.deploy("big", COUNT, { limits: { memory: 256 } });
    await platform.deploy("list", "function main({ n }) { return [n, n + 1] }", { limits: { memory: 128 } });
    await platform.deploy("length", "function main(array) { return { length: array.length } }", {
      limits: { memory: 128 },
    });
    await platform.deploy("fails", "function main() { return { error: 'as told' } }", { limits: { memory: 128 } });
    // `big` needs all the memory that there is: whoever held a container for the sequence would wait for ever.
    await sequence(platform, "s", ["count", "big", "count"]);
    await sequence(platform, "arrays", ["list", "length"]);
    await sequence(platform, "stops", ["count", "fails", "count"]);
    const { status, body } = await platform.call("POST", "actions/s?blocking=true", { n: 1, error: "no matter" });
    assert.equal(status, 200);
    assert.deepEqual(body.response.result, { n: 4 });
    const record = await recordOf(platform, body.activationId);
    const components = await Promise.all(record.logs.map((id: string) => recordOf(platform, id)));
    assert.equal(
      record.duration,
      components.reduce((sum, { duration }) => sum + Number(duration), 0),
    );
    const limits = record.annotations.find(({ key }: JsonBody) => key === "limits").value;
    assert.equal(limits.memory, 256);
    const arrays = await platform.call("POST", "actions/arrays?blocking=true&result=true", { n: 1 });
    assert.deepEqual(arrays.body, { length: 2 });
    const stops = await platform.call("POST", "actions/stops?blocking=true", {});
    assert.equal(stops.status, 502);
    assert.deepEqual(stops.body.response.result, { error: "as told" });
    assert.equal((await recordOf(platform, stops.body.activationId)).logs.length, 2);
    await platform.deploy("slow", SLEEPER, { limits: { memory: 128, timeout: 100 } });
    await sequence(platform, "late", ["count", "slow", "count"]);
    const late = await platform.call("POST", "actions/late?blocking=true", {});
    assert.equal(late.body.response.status, "action developer error");
    assert.match(late.body.response.result.error, /^The action exceeded its time limits of 100 milliseconds/);
  } finally {
    assert.equal(await platform.stop(), 0);
  }
});

test("package and binding parameters reach a component, and trigger parameters the sequence", async (t) => {
  const platform = await Platform.start({ dataDir: temporaryFolder(t) });
  try {
    const args = "function main(args) { return args }";
    await platform.call("PUT", "packages/p", {
      parameters: [
        { key: "p", value: 1 },
        { key: "b", value: 1 },
      ],
    });
    await platform.call("PUT", "packages/bound", {
      binding: { namespace: "_", name: "p" },
      parameters: [{ key: "b", value: 2 }],
    });
    await platform.deploy("p/show", args, { parameters: [{ key: "a", value: 3 }] });
    await sequence(platform, "s", ["bound/show"]);
    const { body } = await platform.call("POST", "actions/s?blocking=true", { x: 4 });
    assert.deepEqual(body.response.result, { p: 1, b: 2, a: 3, x: 4 });
    const [component] = (await recordOf(platform, body.activationId)).logs;
    const { annotations } = await recordOf(platform, component);
    assert.equal(annotations.find(({ key }: JsonBody) => key === "binding").value, "guest/bound");
    await platform.call("PUT", "triggers/t", { parameters: [{ key: "t", value: 5 }] });
    await platform.call("PUT", "rules/r", { trigger: "/_/t", action: "/_/s" });
    assert.equal((await platform.call("POST", "triggers/t", { x: 6 })).status, 202);
    const fired = await eventually(async () => {
      const { body: listed } = await platform.call("GET", "activations?name=s&docs=true");
      return listed.length === 2 ? listed[0] : undefined;
    }, "the sequence that the rule fired");
    const { __ow_headers: _, ...result } = fired.response.result;
    assert.deepEqual(result, { p: 1, b: 2, a: 3, t: 5, x: 6 });
    assert.equal(fired.cause, undefined);
  } finally {
    assert.equal(await platform.stop(), 0);
  }
});
