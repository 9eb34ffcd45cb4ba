import { isJsonObject } from "../../src/kernel/json.ts";
import { tempFolder } from "../harness/temp.ts";
import { Generator } from "../load/generator.ts";
import { figure, type Report } from "../report/report.ts";
import { summarize } from "../report/summary.ts";
import { type Skein, startSkein } from "../targets/skein.ts";

export interface AsyncSize {
  readonly requests: number;
  readonly warmUps: number;
  readonly clients: number;
}

export const ASYNC_SIZES = {
  full: { requests: 8000, warmUps: 2000, clients: 32 },
  quick: { requests: 3000, warmUps: 1000, clients: 32 },
  tiny: { requests: 20, warmUps: 5, clients: 2 },
} as const satisfies Record<string, AsyncSize>;

const DEADLINE_MS = 120_000;
const POLL_MS = 20;

/** Non-blocking calls: how many promises a second are made durable, and how fast are they kept? */
export async function measureAsync(size: AsyncSize): Promise<Report> {
  using folder = tempFolder("async");
  const generator = new Generator();
  let skein: Skein | undefined;
  try {
    skein = await startSkein(folder.path);
    await skein.deploy("nop", "function main(args) { return args }");
    const target = skein.target("skein 202", {
      action: "nop",
      query: "blocking=false",
      body: '{"name":"Ada"}',
      expect: { status: 202, includes: ['"activationId":"'] },
    });
    const job = { target, mode: { kind: "closed" }, connections: size.clients, durationMs: DEADLINE_MS } as const;
    await generator.run({ ...job, requestsMax: size.warmUps });
    await finished(skein, size.warmUps);
    const startedAt = performance.now();
    const result = await generator.run({ ...job, requestsMax: size.requests });
    const total = size.warmUps + size.requests;
    const atAnswer = await countOf(skein);
    await finished(skein, total);
    const doneMs = performance.now() - startedAt;
    const us = summarize(result.latenciesUs);
    const acceptedPerSecond = size.requests / (result.elapsedMs / 1000);
    const completedPerSecond = size.requests / (doneMs / 1000);
    const figures = { acceptedPerSecond, completedPerSecond, latencyUs: us, openAtLastAccept: total - atAnswer };
    return {
      question: "async",
      claims: [],
      tables: [
        {
          title: `async: ${size.requests} non-blocking calls, ${size.clients} clients; latency of the 202 in us`,
          columns: ["accepted/s", "completed/s", "p50", "p99", "p99.9", "max"],
          rows: [[acceptedPerSecond, completedPerSecond, us.p50, us.p99, us.p999, us.max].map(figure)],
        },
      ],
      notes: [
        `every accepted activation has its record; ${figures.openAtLastAccept} had none yet when the last 202 was given`,
      ],
      figures,
    };
  } finally {
    await generator.stop();
    await skein?.stop();
  }
}

/** Waits until there are `total` records, and fails when there are more: one promise, one record. */
async function finished(skein: Skein, total: number): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const count = await countOf(skein);
    if (count === total) return;
    if (count > total) throw new Error(`${count} records of ${total} activations`);
    if (performance.now() > deadline) throw new Error(`only ${count} of ${total} activations ended`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function countOf(skein: Skein): Promise<number> {
  const answer = await skein.call("GET", "/activations?count=true");
  const count = isJsonObject(answer) ? answer["activations"] : undefined;
  if (typeof count !== "number") throw new Error(`no count in ${JSON.stringify(answer)}`);
  return count;
}
