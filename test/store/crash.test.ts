import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { JournalEntry } from "../../src/kernel/activation.ts";
import { asId, type CodeDigest } from "../../src/kernel/ids.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Stores } from "../../src/store/ports.ts";
import { DATABASE_FILE } from "../../src/store/sqlite/database.ts";
import { entityOf, guest, idOf, other } from "../conformance/stores-support.ts";
import { openIn, withFolder } from "./folder.ts";

const KILLS = 8;
const STEPS = ["accepted", "dispatched", "running", "final"];

/** All that the killed processes had acknowledged. */
interface Acknowledged {
  /** The furthest step of each activation, as an index of STEPS. */
  readonly steps: Map<number, number>;
  /** The last component that each composition had come to. */
  readonly advances: Map<number, number>;
  readonly erased: Set<number>;
  deployed: number;
  digest: string;
}

test("whenever the process is killed, what it acknowledged is there and nothing is half done", async () => {
  const seed = process.env["SEED"] ?? String(Date.now());
  console.log(`SEED=${seed}`);
  const random = seededRandom(seed);
  await withFolder(async (dir) => {
    const known: Acknowledged = { steps: new Map(), advances: new Map(), erased: new Set(), deployed: 0, digest: "" };
    for (let round = 0; round < KILLS; round += 1) {
      // Each round goes on in the folder that the last one left, so that recovery itself is interrupted too.
      await runAndKill(dir, { from: round * 100_000, after: 1 + random.int(300) }, known);
      if (round % 2 === 1) continue;
      const stores = await openIn(dir);
      await check(stores, known);
      await stores.close();
      checkDatabase(dir);
    }
  });
});

/** Kills a writing process as soon as it has acknowledged `after` steps, and notes all that it has acknowledged. */
async function runAndKill(dir: string, how: { from: number; after: number }, known: Acknowledged): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "crash-child.ts"), dir, String(how.from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    lines += 1;
    if (lines === how.after) child.kill("SIGKILL");
    note(known, line.split(" "));
  }
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL");
}

function note(known: Acknowledged, [what = "", n = "", detail = ""]: string[]): void {
  if (what === "deployed") {
    known.deployed = Number(n);
    known.digest = detail;
    return;
  }
  if (what === "advanced" && detail !== "") known.advances.set(Number(n), Number(detail));
  if (what === "erased" && n !== "") known.erased.add(Number(n));
  const step = STEPS.indexOf(what);
  // The last line may be cut off by the kill: it acknowledges nothing.
  if (step >= 0 && n !== "") known.steps.set(Number(n), Math.max(step, known.steps.get(Number(n)) ?? 0));
}

async function check(stores: Stores, known: Acknowledged): Promise<void> {
  for (const [n, step] of known.steps) {
    const found = await stores.activations.get(guest, idOf(n));
    assert.ok(found, `activation ${n} was acknowledged as ${STEPS[step]}`);
    const reached = found.kind === "final" ? 3 : STEPS.indexOf(found.entry.state);
    assert.ok(reached >= step, `activation ${n} was ${STEPS[step]} and is ${STEPS[reached]}`);
  }
  for (const [n, step] of known.advances) {
    const found = await stores.activations.get(guest, idOf(n));
    const reached = found?.kind === "pending" ? stepOf(found.entry) : 5;
    assert.ok(reached >= step, `composition ${n} had come to ${step} and is at ${reached}`);
  }
  for (const n of known.erased) assert.equal(await stores.activations.get(other, idOf(n)), undefined);
  assert.equal(
    await stores.activations.count({ namespace: other, skip: 0 }),
    (await stores.activations.list({ namespace: other, skip: 0, limit: 1e6 })).length,
  );
  const unfinished: JournalEntry[] = [];
  for (;;) {
    const page = await stores.activations.unfinished(unfinished.at(-1)?.message.activationId, 100);
    if (page.length === 0) break;
    unfinished.push(...page);
  }
  const records = await stores.activations.list({ namespace: guest, skip: 0, limit: 1e6 });
  const finals = new Set<string>(records.map((record) => record.activationId));
  assert.equal(finals.size, records.length);
  for (const { message } of unfinished) {
    assert.ok(!finals.has(message.activationId), `${message.activationId} is both in the journal and final`);
  }
  assert.equal(await stores.activations.count({ namespace: guest, skip: 0 }), records.length);

  const entity = await stores.artifacts.get(entityOf("counter"));
  assert.ok(Number(entity?.body["n"] ?? 0) >= known.deployed);
  for (const digest of [...(entity?.attachments ?? []), ...(known.digest === "" ? [] : [known.digest])]) {
    assert.ok(await stores.attachments.get(asId<CodeDigest>(digest)));
  }
  if (entity !== undefined) assert.equal((await stores.changes.read(undefined, 10)).at(-1)?.revision, entity.revision);
}

function stepOf({ message }: JournalEntry): number {
  return "composition" in message ? Number(message.composition["step"]) : -1;
}

function checkDatabase(dir: string): void {
  const db = new DatabaseSync(join(dir, DATABASE_FILE), { readOnly: true });
  assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  db.close();
}
