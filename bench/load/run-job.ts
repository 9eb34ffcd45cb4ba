import { Worker } from "node:worker_threads";
import type { Connection } from "./connection.ts";
import { faultOf, type Job, type JobResult } from "./job.ts";

const FAILURE_TEXTS_MAX = 5;
// Beyond the slice's own time: a server that answers later than this has lost the request.
const GRACE_MS = 30_000;

/** Runs one slice on connections that are already open. */
export async function runJob(job: Job, connections: readonly Connection[]): Promise<JobResult> {
  const { mode } = job;
  // Closing the connections fails what is unanswered, and so ends the slice.
  const cut = setTimeout(() => connections.forEach((connection) => connection.close()), job.durationMs + GRACE_MS);
  try {
    return await (mode.kind === "closed" ? runClosed(job, connections) : runOpen(job, connections, mode.perSecond));
  } finally {
    clearTimeout(cut);
  }
}

async function runClosed(job: Job, connections: readonly Connection[]): Promise<JobResult> {
  const tally = new Tally(job);
  const request = Buffer.from(job.target.request, "latin1");
  const startedAt = performance.now();
  const deadline = startedAt + job.durationMs;
  let left = job.requestsMax ?? Number.POSITIVE_INFINITY;
  const drive = (connection: Connection): Promise<void> =>
    new Promise((resolve) => {
      const next = (sentAt: number): void => {
        // A slice that fails ends at once: its figures are worth nothing.
        if (sentAt >= deadline || left === 0 || tally.failures > 0) return resolve();
        left -= 1;
        connection.send(request, (answer) => {
          const at = performance.now();
          tally.add(answer, at - sentAt, at <= deadline);
          next(at);
        });
      };
      next(performance.now());
    });
  await Promise.all(connections.map(drive));
  const elapsedMs = job.requestsMax === undefined ? job.durationMs : performance.now() - startedAt;
  return tally.result(elapsedMs);
}

async function runOpen(job: Job, connections: readonly Connection[], perSecond: number): Promise<JobResult> {
  const tally = new Tally(job);
  const request = Buffer.from(job.target.request, "latin1");
  const intervalMs = 1000 / perSecond;
  const total = Math.max(1, Math.floor((job.durationMs * perSecond) / 1000));
  const free = [...connections];
  const waiting: number[] = [];
  const pace = new Worker(new URL("pace.ts", import.meta.url), { workerData: { intervalMs } });
  const startedAt = await new Promise<number>((resolve, reject) => {
    pace.once("error", reject);
    pace.once("message", () => resolve(performance.now()));
  });
  const deadline = startedAt + total * intervalMs;
  let due = 0;
  let open = total;
  await new Promise<void>((resolve) => {
    const send = (connection: Connection, dueAt: number): void =>
      connection.send(request, (answer) => {
        const at = performance.now();
        // From when it was due, not from when it left: time spent waiting for a connection is the server's doing.
        tally.add(answer, at - dueAt, at <= deadline);
        open -= 1;
        const queued = waiting.shift();
        if (queued === undefined) free.push(connection);
        else send(connection, queued);
        if (open === 0) resolve();
      });
    const sendDue = (): void => {
      const at = performance.now();
      for (; due < total && startedAt + due * intervalMs <= at; due += 1) {
        const dueAt = startedAt + due * intervalMs;
        const connection = free.pop();
        if (connection === undefined) {
          waiting.push(dueAt);
        } else {
          tally.addLate(at - dueAt);
          send(connection, dueAt);
        }
      }
    };
    pace.on("message", sendDue);
    sendDue();
  });
  await pace.terminate();
  return tally.result(deadline - startedAt);
}

class Tally {
  readonly #job: Job;
  readonly #latenciesUs: number[] = [];
  readonly #lateUs: number[] = [];
  readonly #failureTexts: string[] = [];
  #completed = 0;
  #failures = 0;

  constructor(job: Job) {
    this.#job = job;
  }

  get failures(): number {
    return this.#failures;
  }

  add(answer: Parameters<typeof faultOf>[0], ms: number, inTime: boolean): void {
    const fault = faultOf(answer, this.#job.target.expect);
    if (fault !== undefined) {
      this.#failures += 1;
      if (this.#failureTexts.length < FAILURE_TEXTS_MAX) this.#failureTexts.push(fault);
      return;
    }
    this.#latenciesUs.push(ms * 1000);
    if (inTime) this.#completed += 1;
  }

  addLate(ms: number): void {
    this.#lateUs.push(ms * 1000);
  }

  result(elapsedMs: number): JobResult {
    return {
      latenciesUs: Float64Array.from(this.#latenciesUs),
      lateUs: Float64Array.from(this.#lateUs),
      elapsedMs,
      completed: this.#completed,
      failures: this.#failures,
      failureTexts: this.#failureTexts,
    };
  }
}
