// Writes without end to the data folder named as argument, and prints each acknowledgement, until it is killed.
import { writeSync } from "node:fs";
import {
  alice,
  compositionEntryOf,
  compositionOf,
  entityOf,
  entryOf,
  guest,
  idOf,
  other,
  recordOf,
} from "../conformance/stores-support.ts";
import { openIn } from "./folder.ts";

const [, , dir = "", from = "0"] = process.argv;
const { activations, artifacts, attachments } = await openIn(dir);
let next = Number(from);

/** Straight to the descriptor: what is in a stream's buffer dies with the process. */
function acknowledge(...words: (string | number)[]): void {
  const line = Buffer.from(`${words.join(" ")}\n`);
  // The reader may be slower than the writes that are told: a full pipe is waited for.
  for (let sent = 0; sent < line.length;) {
    try {
      sent += writeSync(1, line, sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

async function nonBlocking(): Promise<void> {
  for (;;) {
    const n = (next += 1);
    await activations.accept(entryOf(n));
    acknowledge("accepted", n);
    await activations.mark(idOf(n), "dispatched", alice);
    acknowledge("dispatched", n);
    await activations.mark(idOf(n), "running", alice);
    acknowledge("running", n);
    await activations.finish(recordOf(n), { path: "hello", owner: alice });
    acknowledge("final", n);
  }
}

async function composing(): Promise<void> {
  for (;;) {
    const n = (next += 1);
    await activations.accept(compositionEntryOf(n, 0));
    acknowledge("accepted", n);
    for (let step = 1; step <= 5; step += 1) {
      await activations.advance(compositionOf(n, step), alice);
      acknowledge("advanced", n, step);
    }
    await activations.finish(recordOf(n), { path: "sequence", owner: alice });
    acknowledge("final", n);
  }
}

/** Writes to a namespace of its own and erases it again and again. */
async function erasing(): Promise<void> {
  for (;;) {
    const n = (next += 1);
    await activations.finish(recordOf(n, { namespace: other }), { path: "hello" });
    await activations.erase(other, 100);
    acknowledge("erased", n);
  }
}

async function blocking(): Promise<void> {
  for (;;) {
    const n = (next += 1);
    await activations.finish(recordOf(n), { path: "hello" });
    acknowledge("final", n);
  }
}

async function deploying(): Promise<void> {
  let current = await artifacts.get(entityOf("counter"));
  for (let n = Number(current?.body["n"] ?? 0) + 1; ; n += 1) {
    const digest = await attachments.put(new TextEncoder().encode(`code ${n}`));
    const write = entityOf("counter", { namespace: guest, body: { n }, attachments: [digest] });
    const put = await artifacts.put(write, current?.revision ?? "absent");
    if (put.kind !== "ok") throw new Error("nobody else writes here");
    acknowledge("deployed", n, digest);
    current = { ...write, revision: put.revision };
  }
}

await Promise.all([
  nonBlocking(),
  nonBlocking(),
  nonBlocking(),
  composing(),
  blocking(),
  blocking(),
  erasing(),
  deploying(),
]);
