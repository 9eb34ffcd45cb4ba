import { tempFolder } from "../harness/temp.ts";
import { Generator } from "../load/generator.ts";
import type { Target } from "../load/job.ts";
import { atMost, figure, type Report, type Table } from "../report/report.ts";
import { median, type Summary } from "../report/summary.ts";
import { type Skein, startSkein } from "../targets/skein.ts";
import { type Contender, Slices } from "./slices.ts";
import { rateOf, timingOf } from "./timing.ts";

export interface PathsSize {
  readonly rounds: number;
  readonly sliceMs: number;
  readonly warmUpMs: number;
  /** Actions in the namespace when lists are read. */
  readonly entities: number;
  readonly lists: number;
}

export const PATHS_SIZES = {
  full: { rounds: 8, sliceMs: 700, warmUpMs: 1500, entities: 10_000, lists: 1000 },
  quick: { rounds: 3, sliceMs: 400, warmUpMs: 700, entities: 2000, lists: 200 },
  tiny: { rounds: 1, sliceMs: 300, warmUpMs: 1500, entities: 50, lists: 5 },
} as const satisfies Record<string, PathsSize>;

/** Chosen: what a web action adds (its own reading of requests and answers) should not be felt beside the call. */
export const WEB_RATIO_MAX = 1.5;
/** Chosen: a component of a sequence costs less than a call of one's own, which crosses HTTP twice. */
export const SEQUENCE_RATIO_MAX = 1;
const COMPONENTS = 5;
const PAGE = 200;
const WRITERS = 16;
const BODY = '{"name":"Ada"}';
const NOP = "function main({ name }) { return { name } }";

const PLAIN = "invoke, blocking";
const WEB = "web action";
const SEQUENCE = `sequence of ${COMPONENTS}`;
const PROMISED = "invoke, 202";
const FIRE = "trigger with a rule, 202";

/** System question 6: what do the other ways to a function cost beside the plain invoke? And lists, once there is much to list? */
export async function measurePaths(size: PathsSize): Promise<Report> {
  using folder = tempFolder("paths");
  const generator = new Generator();
  let skein: Skein | undefined;
  try {
    skein = await startSkein(folder.path);
    const slices = new Slices(generator, await contendersOf(skein));
    const closed = { kind: "closed" } as const;
    await slices.round({ mode: closed, connections: 1, durationMs: size.warmUpMs });
    slices.forget();
    for (let round = 0; round < size.rounds; round += 1) {
      await slices.round({ label: "1", mode: closed, connections: 1, durationMs: size.sliceMs });
    }
    return reportOf(slices, await listing(skein, size));
  } finally {
    await generator.stop();
    await skein?.stop();
  }
}

async function contendersOf(skein: Skein): Promise<readonly Contender[]> {
  await skein.deploy("nop", NOP);
  await skein.call("PUT", "/actions/page", {
    exec: { kind: "nodejs:24", code: NOP },
    annotations: [{ key: "web-export", value: true }],
  });
  const components = Array.from({ length: COMPONENTS }, () => "/_/nop");
  await skein.call("PUT", "/actions/five", { exec: { kind: "sequence", components } });
  await skein.call("PUT", "/triggers/event", {});
  await skein.call("PUT", "/rules/then", { trigger: "/_/event", action: "/_/nop" });
  const equals = { status: 200, equals: BODY };
  const accepted = { status: 202, includes: ['"activationId"'] };
  const wait = "blocking=true&result=true";
  const targets: readonly Target[] = [
    skein.target(PLAIN, { action: "nop", query: wait, body: BODY, expect: equals }),
    skein.targetAt(WEB, "/api/v1/web/guest/default/page.json", { body: BODY, expect: equals }),
    skein.target(SEQUENCE, { action: "five", query: wait, body: BODY, expect: equals }),
    skein.target(PROMISED, { action: "nop", query: "", body: BODY, expect: accepted }),
    skein.targetAt(FIRE, "/api/v1/namespaces/_/triggers/event", { body: BODY, expect: accepted }),
  ];
  return targets.map((target) => ({ target, pid: skein.pid, containers: true }));
}

/** Lists of a namespace with many actions: the first page, a page in the middle, the count. Microseconds at the API. */
async function listing(skein: Skein, size: PathsSize): Promise<Readonly<Record<string, Summary>>> {
  const text = { exec: { kind: "nodejs:24", code: NOP } };
  await rateOf(size.entities, WRITERS, (at) => skein.call("PUT", `/actions/list-${at}`, text));
  const middle = Math.floor(size.entities / 2);
  const timed = async (query: string): Promise<Summary> =>
    (await timingOf(size.lists, () => skein.call("GET", `/actions?${query}`))).us;
  return {
    [`newest ${PAGE}`]: await timed(`limit=${PAGE}`),
    [`${PAGE} from the middle`]: await timed(`limit=${PAGE}&skip=${middle}`),
    count: await timed("count=true"),
  };
}

function reportOf(slices: Slices, lists: Readonly<Record<string, Summary>>): Report {
  const p50 = (target: string): readonly number[] => slices.of(target, "1").map((slice) => slice.latencyUs.p50);
  const over = (target: string, base: string, times = 1): number =>
    median(p50(target).map((us, round) => us / (times * (p50(base)[round] ?? Number.NaN))));
  const ratios = {
    web: over(WEB, PLAIN),
    sequence: over(SEQUENCE, PLAIN, COMPONENTS),
    fire: over(FIRE, PROMISED),
  };
  const rows = slices.rows();
  const paths: Table = {
    title: "paths: latency in us at one client",
    columns: ["path", "p50", "p99", "max", "req/s", "samples"],
    rows: rows.map(({ target, latencyUs: us, perSecond }) => [
      target,
      ...[us.p50, us.p99, us.max, perSecond, us.count].map(figure),
    ]),
  };
  const listed: Table = {
    title: "paths: lists in us, with the client's own time",
    columns: ["list", "p50", "p99", "max", "samples"],
    rows: Object.entries(lists).map(([name, us]) => [name, ...[us.p50, us.p99, us.max, us.count].map(figure)]),
  };
  return {
    question: "paths",
    claims: [
      atMost("p50 of a web action, times the plain invoke's", ratios.web, WEB_RATIO_MAX),
      atMost(
        `p50 of a sequence of ${COMPONENTS}, times ${COMPONENTS} plain invokes'`,
        ratios.sequence,
        SEQUENCE_RATIO_MAX,
      ),
    ],
    tables: [paths, listed],
    notes: [`a trigger with a rule takes ${figure(ratios.fire)} times as long to promise as a non-blocking invoke`],
    figures: { ratios, rows, lists },
  };
}
