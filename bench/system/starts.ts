import { spawn } from "node:child_process";
import { isJsonObject } from "../../src/kernel/json.ts";
import { keep } from "../harness/processes.ts";
import { tempFolder } from "../harness/temp.ts";
import { Connection } from "../load/connection.ts";
import { atMost, figure, type Report } from "../report/report.ts";
import { summarize } from "../report/summary.ts";
import { type Skein, startSkein } from "../targets/skein.ts";

export interface StartsSize {
  readonly samples: number;
  /** Milliseconds between two samples, in which the stem cell that was used up is replaced. */
  readonly restMs: number;
}

export const STARTS_SIZES = {
  full: { samples: 80, restMs: 250 },
  quick: { samples: 20, restMs: 250 },
  tiny: { samples: 1, restMs: 100 },
} as const satisfies Record<string, StartsSize>;

export const PREWARMED_MS_MAX = 3;
export const COLD_RATIO_MAX = 1.5;
const BODY = '{"name":"Ada"}';
// Every sample leaves a warm container behind; evicting them is another question.
const MEMORY_MB = 1_000_000;
// A first call that waited longer than this for its container did not find a stem cell: it is counted as a miss, not as prewarmed.
const STEM_CELL_WAIT_MS = 10;
const WARM_UPS = 3;

interface FirstCall {
  /** At the API, request to answer. */
  readonly ms: number;
  /** Annotations of the record, whole milliseconds. */
  readonly waitTime: number;
  readonly initTime: number;
  /** Init and run together, as the record has it. */
  readonly duration: number;
}

/** System question 2: how long does the first call of an action take, with and without a stem cell? */
export async function measureStarts(size: StartsSize): Promise<Report> {
  using prewarmedFolder = tempFolder("prewarmed");
  using coldFolder = tempFolder("cold");
  const servers: Skein[] = [];
  try {
    const invoker = { memoryMb: MEMORY_MB };
    const prewarmed = await startSkein(prewarmedFolder.path, { invoker });
    servers.push(prewarmed);
    const cold = await startSkein(coldFolder.path, { invoker: { ...invoker, prewarm: [] } });
    servers.push(cold);
    const first: FirstCall[] = [];
    const colds: FirstCall[] = [];
    const nodes: number[] = [];
    for (let sample = -WARM_UPS; sample < size.samples; sample += 1) {
      await new Promise((resolve) => setTimeout(resolve, size.restMs));
      const [a, b, c] = [await firstCall(prewarmed, sample), await firstCall(cold, sample), await nodeMs()];
      // The first few compile code paths of Skein and load files into the page cache.
      if (sample < 0) continue;
      first.push(a);
      colds.push(b);
      nodes.push(c);
    }
    return reportOf(first, colds, nodes);
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** Deploys an action nobody has called yet, and calls it on a connection that is already open. */
async function firstCall(skein: Skein, sample: number): Promise<FirstCall> {
  const action = `first${sample + WARM_UPS}`;
  // Its own code, which no cache has seen either.
  await skein.deploy(action, `function main(args) { return args } // ${sample}`);
  const expect = { status: 200, includes: [`"result":${BODY}`] };
  const target = skein.target("first", { action, query: "blocking=true", body: BODY, expect });
  const connection = await Connection.open(skein.port);
  try {
    const request = Buffer.from(target.request, "latin1");
    const startedAt = performance.now();
    const answer = await new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
      connection.send(request, (result) => (result instanceof Error ? reject(result) : resolve(result)));
    });
    const ms = performance.now() - startedAt;
    if (answer.status !== 200 || !answer.body.includes(`"result":${BODY}`)) {
      throw new Error(`the first call of ${action} gave ${answer.status} ${answer.body}\n${skein.logTail()}`);
    }
    return { ms, ...timesOf(JSON.parse(answer.body)) };
  } finally {
    connection.close();
  }
}

function timesOf(record: unknown): Omit<FirstCall, "ms"> {
  const annotations = isJsonObject(record) ? record["annotations"] : undefined;
  const annotation = (key: string): number =>
    Number(
      (Array.isArray(annotations) ? annotations : []).find((one) => isJsonObject(one) && one["key"] === key)?.value,
    );
  const times = {
    waitTime: annotation("waitTime"),
    initTime: annotation("initTime"),
    duration: Number(isJsonObject(record) ? record["duration"] : undefined),
  };
  // Without initTime the container was warm: then this was no first call.
  if (Object.values(times).some(Number.isNaN)) throw new Error(`a record without times: ${JSON.stringify(record)}`);
  return times;
}

/** From before spawn to the exit of `node -e 0`, same binary. */
function nodeMs(): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(process.execPath, ["-e", "0"], { stdio: "ignore" });
    keep(child);
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve(performance.now() - startedAt);
      else reject(new Error(`node -e 0 ended with ${code}`));
    });
  });
}

function reportOf(first: readonly FirstCall[], colds: readonly FirstCall[], nodes: readonly number[]): Report {
  const ready = first.filter((call) => call.waitTime <= STEM_CELL_WAIT_MS);
  const of = (calls: readonly FirstCall[], key: keyof FirstCall) => summarize(calls.map((call) => call[key]));
  const lines = {
    "prewarmed, at the API": of(ready, "ms"),
    "prewarmed, initTime": of(ready, "initTime"),
    "prewarmed, duration (init + run)": of(ready, "duration"),
    "cold, at the API": of(colds, "ms"),
    "cold, waitTime (its container is made)": of(colds, "waitTime"),
    "cold, duration (init + run)": of(colds, "duration"),
    "node -e 0": summarize(nodes),
  };
  const node = lines["node -e 0"].p50;
  return {
    question: "starts",
    claims: [
      atMost("p50 of a prewarmed first call at the API", lines["prewarmed, at the API"].p50, PREWARMED_MS_MAX, " ms"),
      atMost("p50 of a cold first call, times node -e 0", lines["cold, at the API"].p50 / node, COLD_RATIO_MAX),
    ],
    tables: [
      {
        title: "starts: milliseconds",
        columns: ["what", "p50", "p99", "max", "samples"],
        rows: Object.entries(lines).map(([name, ms]) => [name, ...[ms.p50, ms.p99, ms.max, ms.count].map(figure)]),
      },
    ],
    notes: [
      `${first.length - ready.length} of ${first.length} first calls found no stem cell ready and are not counted`,
    ],
    figures: { lines, missed: first.length - ready.length },
  };
}
