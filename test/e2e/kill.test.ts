import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { eventually, type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

const ROUNDS = 5;
const CALLS = 2_000;
const CLIENTS = 32;

/** Leaves one file per start of a run, named by activation and a random suffix: what really happened, told by nobody of ours. */
const WITNESS = `
  const fs = require("node:fs");
  function main({ dir }) {
    fs.writeFileSync(dir + "/" + process.env.__OW_ACTIVATION_ID + "." + Math.random().toString(36).slice(2), "");
    return { ok: true };
  }`;

interface Record202 {
  readonly activationId: string;
  readonly response: { readonly status: string; readonly result: { readonly error?: string } };
}

/** Fires calls until the platform dies or all are sent; every 202 goes into `accepted`. */
async function fire(platform: Platform, accepted: Set<string>, killAfter: number): Promise<void> {
  let sent = 0;
  let killed: Promise<void> | undefined;
  const client = async (): Promise<void> => {
    while (sent < CALLS && killed === undefined) {
      sent += 1;
      try {
        const answer = await platform.call("POST", "actions/witness", {});
        if (answer.status === 202) accepted.add(String(answer.body.activationId));
        else assert(answer.status === 429 || answer.status === 503, `unexpected ${answer.status}`);
      } catch (error) {
        // A connection cut by the kill: nothing was promised. Anything else is a failure.
        if (error instanceof assert.AssertionError) throw error;
        assert.notEqual(killed, undefined, String(error));
      }
      if (sent >= killAfter) killed ??= platform.kill();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await (killed ?? platform.kill());
}

/** How often each activation's run was started, by the witness's files. */
function starts(dir: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const file of readdirSync(dir)) {
    const id = file.slice(0, 32);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

async function killRounds(t: TestContext, random: Random): Promise<void> {
  const dataDir = temporaryFolder(t);
  const witnesses = join(temporaryFolder(t), "w");
  mkdirSync(witnesses);
  chmodSync(witnesses, 0o777);
  chmodSync(join(witnesses, ".."), 0o755);
  const env = { SKEIN_LIMITS_CONCURRENT_INVOCATIONS: "100000", SKEIN_LIMITS_INVOCATIONS_PER_MINUTE: "1000000" };
  const accepted = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const platform = await Platform.start({ dataDir, env });
    await platform.deploy("witness", WITNESS, { parameters: [{ key: "dir", value: witnesses }] });
    const before = accepted.size;
    await fire(platform, accepted, 1 + random.int(CALLS));
    t.diagnostic(`round ${round + 1}: ${accepted.size - before} promised before the kill`);
  }
  const platform = await Platform.start({ dataDir, env });
  try {
    const perId: ReadonlyMap<string, readonly Record202[]> = await eventually(
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
      const own = perId.get(id) ?? [];
      assert.equal(own.length, 1, `${id} has ${own.length} records`);
      const status = own[0]?.response.status;
      if (status === "success") {
        assert.equal(ran.get(id), 1, `${id} succeeded after ${ran.get(id) ?? 0} starts`);
      } else {
        lost += 1;
        assert.equal(status, "whisk internal error", JSON.stringify(own[0]));
        assert.match(own[0]?.response.result.error ?? "", /was lost/);
        assert((ran.get(id) ?? 0) <= 1, `${id} was started ${ran.get(id)} times`);
      }
    }
    t.diagnostic(`${accepted.size} promised, ${perId.size} records, ${lost} lost in mid-run and said so`);
  } finally {
    assert.equal(await platform.stop(), 0);
  }
}

test(
  "every 202 ends in exactly one record, and no run is repeated, through five kill -9 under load",
  { timeout: 280_000 },
  async (t) => {
    const seed = process.env["SEED"] ?? randomBytes(8).toString("hex");
    t.diagnostic(`SEED=${seed}`);
    await killRounds(t, seededRandom(seed));
  },
);

test(
  "the pid of a kill is gone from the machine, containers included",
  { skip: process.platform !== "linux" },
  async (t) => {
    const dataDir = temporaryFolder(t);
    const first = await Platform.start({ dataDir });
    await first.deploy("sleeper", "function main() { return new Promise((r) => setTimeout(r, 600000)); }");
    const { body } = await first.call("POST", "actions/sleeper", {});
    await eventually(async () => {
      const { headers } = await first.call("GET", `activations/${body.activationId}`);
      return headers.get("x-skein-activation-state") === "running" ? true : undefined;
    }, "the sleeper runs");
    const containers = await eventually(() => {
      const pids = containerPids(dataDir);
      return pids.length > 0 ? pids : undefined;
    }, "a container's descriptor");
    await first.kill();
    const second = await Platform.start({ dataDir });
    await eventually(() => (containers.some(isAlive) ? undefined : true), "leftovers destroyed");
    assert.equal(await second.stop(), 0);
    assert.deepEqual(containerPids(dataDir), []);
  },
);

function containerPids(dataDir: string): number[] {
  const dir = join(dataDir, "containers");
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith(".json"))
      .map((name): JsonBody => JSON.parse(readFileSync(join(dir, name), "utf8")))
      .map((descriptor) => Number(descriptor.where.pid));
  } catch {
    return []; // Not there yet.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
