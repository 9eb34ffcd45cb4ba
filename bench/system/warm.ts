import { hasProc } from "../harness/proc.ts";
import { tempFolder } from "../harness/temp.ts";
import { Generator } from "../load/generator.ts";
import type { Target } from "../load/job.ts";
import { atLeast, atMost, figure, type Report } from "../report/report.ts";
import { median } from "../report/summary.ts";
import { echoTarget, startEcho, startRelay } from "../targets/echo.ts";
import { startSkein } from "../targets/skein.ts";
import { type Contender, type Slice, Slices } from "./slices.ts";

export interface WarmSize {
  readonly rounds: number;
  readonly sliceMs: number;
  /** Per target and number of clients, before anything counts: compilers, containers, connections. */
  readonly warmUpMs: number;
  readonly clients: number;
}

export const WARM_SIZES = {
  full: { rounds: 10, sliceMs: 1000, warmUpMs: 2000, clients: 32 },
  quick: { rounds: 4, sliceMs: 500, warmUpMs: 1000, clients: 32 },
  tiny: { rounds: 1, sliceMs: 300, warmUpMs: 1500, clients: 2 },
} as const satisfies Record<string, WarmSize>;

export const LATENCY_RATIO_MAX = 2.5;
export const THROUGHPUT_RATIO_MIN = 0.35;
const OPEN_LOAD = 0.5;

// Small, and the same bytes for the echo and for the action, which gives back what it got.
const BODY = '{"name":"Ada"}';
export const ECHO_ACTION = "function main(args) { return args }";

/** System question 1: what does a warm call cost beside the least that node's own HTTP server can do? */
export async function measureWarm(size: WarmSize): Promise<Report> {
  using folder = tempFolder("warm");
  const generator = new Generator();
  const servers: { stop(): Promise<void> }[] = [];
  try {
    const echo = await startEcho(folder.path);
    servers.push(echo);
    const relay = await startRelay(folder.path, size.clients);
    servers.push(relay);
    const skein = await startSkein(folder.path);
    servers.push(skein);
    await skein.deploy("nop", ECHO_ACTION);
    const record = ['"success":true', `"result":${BODY}`];
    const invocation = (query: string, expect: Target["expect"]) => ({ action: "nop", query, body: BODY, expect });
    const contenders: readonly Contender[] = [
      { target: echoTarget("echo", echo, BODY), pid: echo.pid, containers: false },
      { target: echoTarget("relay", relay, BODY), pid: relay.pid, containers: true },
      {
        target: skein.target("skein result", invocation("blocking=true&result=true", { status: 200, equals: BODY })),
        pid: skein.pid,
        containers: true,
      },
      {
        target: skein.target("skein record", invocation("blocking=true", { status: 200, includes: record })),
        pid: skein.pid,
        containers: true,
      },
    ];
    return await contest(contenders, generator, size);
  } finally {
    await generator.stop();
    for (const server of servers) await server.stop();
  }
}

async function contest(contenders: readonly Contender[], generator: Generator, size: WarmSize): Promise<Report> {
  const { rounds, sliceMs, warmUpMs, clients } = size;
  const slices = new Slices(generator, contenders);
  const closed = { kind: "closed" } as const;
  for (const connections of [clients, 1]) await slices.round({ mode: closed, connections, durationMs: warmUpMs });
  slices.forget();
  for (let round = 0; round < rounds; round += 1) {
    await slices.round({ label: "1", mode: closed, connections: 1, durationMs: sliceMs });
    await slices.round({ label: `${clients}`, mode: closed, connections: clients, durationMs: sliceMs });
  }
  const throughput = median(slices.of("skein result", `${clients}`).map((slice) => slice.perSecond));
  const perSecond = Math.max(10, Math.floor(throughput * OPEN_LOAD));
  for (let round = 0; round < rounds; round += 1) {
    const mode = { kind: "open", perSecond } as const;
    await slices.round({ label: `open ${perSecond}/s`, mode, connections: clients, durationMs: sliceMs });
  }
  return reportOf(slices, clients);
}

function reportOf(slices: Slices, clients: number): Report {
  const latency = ratios(slices, "1", (slice) => slice.latencyUs.p50);
  const throughput = ratios(slices, `${clients}`, (slice) => slice.perSecond);
  const rows = slices.rows();
  return {
    question: "warm",
    claims: [
      atMost("p50 of a warm call, 1 client, times the echo's", median(latency.skein), LATENCY_RATIO_MAX),
      atLeast(`warm calls a second, ${clients} clients, of the echo's`, median(throughput.skein), THROUGHPUT_RATIO_MIN),
    ],
    tables: [
      {
        title: "warm: latency in us (closed loop by clients; open loop from when a request was due)",
        columns: ["load", "target", "p50", "p99", "p99.9", "max", "req/s", "samples"],
        rows: rows.map(({ label, target, latencyUs: us, perSecond }) => [
          label,
          target,
          ...[us.p50, us.p99, us.p999, us.max, perSecond, us.count].map(figure),
        ]),
      },
      {
        title: "warm: CPU us per request; megabytes after the run",
        columns: ["load", "target", "server CPU", "containers CPU", "generator CPU", "server RSS"],
        rows: rows.map((row) => [
          row.label,
          row.target,
          ...[row.serverCpuUs, row.containersCpuUs, row.generatorCpuUs, row.rssMb].map(figure),
        ]),
      },
    ],
    notes: [
      `per round: p50 ${spread(latency.skein)} times the echo's (relay: ${spread(latency.relay)})`,
      `per round: requests a second ${spread(throughput.skein)} of the echo's (relay: ${spread(throughput.relay)})`,
      `the generator sent its open-loop requests late by p50 ${figure(slices.lateUs().p50)} us, p99 ${figure(slices.lateUs().p99)} us`,
      ...(hasProc ? [] : ["CPU and memory need /proc and were not measured"]),
    ],
    figures: {
      latencyRatio: median(latency.skein),
      throughputRatio: median(throughput.skein),
      latencyRatios: latency,
      throughputRatios: throughput,
      lateUs: slices.lateUs(),
      rows,
    },
  };
}

/**
 * Skein's and the relay's figure over the echo's, round by round: what else happens on the machine hits neighbours alike. The relay
 * (the echo, and one hop to another process) is the part of it that any platform with functions in processes pays.
 */
function ratios(
  slices: Slices,
  label: string,
  figureOf: (slice: Slice) => number,
): { readonly skein: readonly number[]; readonly relay: readonly number[] } {
  const echo = slices.of("echo", label).map(figureOf);
  const over = (target: string): readonly number[] =>
    slices.of(target, label).map((slice, round) => figureOf(slice) / (echo[round] ?? Number.NaN));
  return { skein: over("skein result"), relay: over("relay") };
}

function spread(figures: readonly number[]): string {
  return `${figure(median(figures))} (${figure(Math.min(...figures))} to ${figure(Math.max(...figures))})`;
}
