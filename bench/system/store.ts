import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { defaultOptions } from "../../src/kernel/options/options.ts";
import { openSqliteStores } from "../../src/store/sqlite/open.ts";
import { tempFolder } from "../harness/temp.ts";
import { atLeast, atMost, figure, type Report } from "../report/report.ts";
import { type Rate, rateOf, type Timing, timingOf } from "./timing.ts";
import { entryAt, nameAt, NAMESPACE, ownerOf, recordAt, startAt } from "./store-records.ts";

export interface StoreSize {
  /** Records in the store when it is measured, ascending. */
  readonly records: readonly number[];
  /** Calls of each kind per size. */
  readonly calls: number;
  /** Writes measured per size, besides those that fill it. */
  readonly writes: number;
}

export const STORE_SIZES = {
  full: { records: [10_000, 100_000, 1_000_000], calls: 100, writes: 5000 },
  quick: { records: [10_000, 100_000], calls: 50, writes: 2000 },
  tiny: { records: [50, 100], calls: 2, writes: 10 },
} as const satisfies Record<string, StoreSize>;

// Chosen: what has an index may grow with its depth, not with the store.
const GROWTH_MAX = 3;
const FILL_RATIO_MIN = 0.5;
const FILL_AT_ONCE = 1024;
const CALLERS = 64;
const PAGE = 30;
const DEEP_SHARE = 0.5;

interface Measured {
  readonly records: number;
  readonly fill: Rate;
  readonly writes: Readonly<Record<string, Rate | Timing>>;
  readonly reads: Readonly<Record<string, Timing>>;
}

/** System question 3: does the store stay as fast when it is full? */
export async function measureStore(size: StoreSize): Promise<Report> {
  using folder = tempFolder("store");
  const dir = join(folder.path, "data");
  const options = defaultOptions().store;
  const stores = await openSqliteStores({ dir, options, clock: systemClock, log: silentLog });
  const measured: Measured[] = [];
  let next = 0;
  try {
    // The threads start, the statements are prepared, the namespace gets its number.
    await stores.activations.finish(recordAt(0), { path: nameAt(0), keep: false });
    await stores.activations.count({ namespace: NAMESPACE, skip: 0 });
    for (const records of size.records) {
      const from = next;
      const fill = await rateOf(records - from, FILL_AT_ONCE, (at) => finishNew(from + at));
      next = records;
      const reads = await measureReads(records, size.calls);
      const writes = await measureWrites(records, size.writes);
      next += writesAt(size.writes).total;
      measured.push({ records, fill, reads, writes });
    }
  } finally {
    await stores.close();
  }
  // Closed, so that the log has been copied back into the database.
  return reportOf(measured, bytesOf(dir) / next);

  async function finishNew(at: number): Promise<void> {
    const result = await stores.activations.finish(recordAt(at), { path: nameAt(at) });
    if (result !== "stored") throw new Error(`record ${at} was ${result}`);
  }

  async function measureReads(records: number, calls: number): Promise<Measured["reads"]> {
    const { activations } = stores;
    const newest = { namespace: NAMESPACE, skip: 0, limit: PAGE };
    const middle = { since: startAt(Math.floor(records * 0.4)), upto: startAt(Math.floor(records * 0.6)) };
    const deep = Math.floor(records * DEEP_SHARE);
    const page = async (query: Parameters<typeof activations.list>[0]): Promise<void> => {
      const found = await activations.list(query);
      if (found.length === 0) throw new Error(`nothing found for ${JSON.stringify(query)}`);
    };
    const counted = async (query: Parameters<typeof activations.count>[0]): Promise<void> => {
      if ((await activations.count(query)) === 0) throw new Error(`nothing counted for ${JSON.stringify(query)}`);
    };
    const whole = { namespace: NAMESPACE, skip: 0 };
    return {
      "get by id": await timingOf(calls * 10, async (call) => {
        const record = recordAt(Math.floor((call * 7919) % records));
        const found = await activations.get(NAMESPACE, record.activationId);
        if (found?.kind !== "final") throw new Error(`record ${record.activationId} is not there`);
      }),
      "list, newest 30": await timingOf(calls, () => page(newest)),
      "list, newest 200": await timingOf(calls, () => page({ ...newest, limit: 200 })),
      "list, since/upto in the middle": await timingOf(calls, () => page({ ...newest, ...middle })),
      "list, by name": await timingOf(calls, (call) => page({ ...newest, path: nameAt(call) })),
      "list, skip half": await timingOf(Math.ceil(calls / 5), () => page({ ...newest, skip: deep })),
      "count, all": await timingOf(calls, () => counted(whole)),
      "count, since/upto (a fifth)": await timingOf(Math.ceil(calls / 5), () => counted({ ...whole, ...middle })),
      "count, by name": await timingOf(Math.ceil(calls / 5), (call) => counted({ ...whole, path: nameAt(call) })),
    };
  }

  async function measureWrites(from: number, count: number): Promise<Measured["writes"]> {
    const { activations } = stores;
    const promise = async (at: number): Promise<void> => {
      await activations.accept(entryAt(at));
      const result = await activations.finish(recordAt(at), { path: nameAt(at), owner: ownerOf() });
      if (result !== "stored") throw new Error(`record ${at} was ${result}`);
    };
    const { alone, aloneFrom } = writesAt(count);
    return {
      [`finish, ${CALLERS} callers`]: await rateOf(count, CALLERS, (at) => finishNew(from + at)),
      [`accept + finish, ${CALLERS} callers`]: await rateOf(count, CALLERS, (at) => promise(from + count + at)),
      "finish, 1 caller": await timingOf(alone, (at) => finishNew(from + aloneFrom + at)),
      "accept + finish, 1 caller": await timingOf(alone, (at) => promise(from + aloneFrom + alone + at)),
    };
  }
}

/** How the writes of one size are numbered: no record twice, and none left out, since reads pick theirs by number. */
function writesAt(count: number): { readonly alone: number; readonly aloneFrom: number; readonly total: number } {
  const alone = Math.ceil(count / 10);
  return { alone, aloneFrom: count * 2, total: count * 2 + alone * 2 };
}

function bytesOf(dir: string): number {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(dir, entry.name)).size, 0);
}

function reportOf(measured: readonly Measured[], bytesPerRecord: number): Report {
  const least = measured[0];
  const most = measured.at(-1);
  if (least === undefined || most === undefined) throw new Error("no size to measure");
  const growth = (read: string): number => (most.reads[read]?.us.p50 ?? Number.NaN) / (least.reads[read]?.us.p50 ?? 1);
  const sizes = `${figure(most.records)} records over ${figure(least.records)}`;
  return {
    question: "store",
    claims: [
      ...["get by id", "list, newest 30", "list, by name", "count, all"].map((read) =>
        atMost(`p50 of ${read}, ${sizes}`, growth(read), GROWTH_MAX),
      ),
      atLeast(`inserts a second while filling, ${sizes}`, most.fill.perSecond / least.fill.perSecond, FILL_RATIO_MIN),
    ],
    tables: [
      {
        title: `store: writes (while filling, ${FILL_AT_ONCE} at once); latency in us`,
        columns: ["records", "what", "writes/s", "p50", "p99", "max", "samples"],
        rows: measured.flatMap(({ records, fill, writes }) =>
          Object.entries({ "finish, while filling": fill, ...writes }).map(([what, { us, ...rest }]) => [
            figure(records),
            what,
            figure("perSecond" in rest ? rest.perSecond : undefined),
            ...[us.p50, us.p99, us.max, us.count].map(figure),
          ]),
        ),
      },
      {
        title: "store: reads, one caller; latency in us",
        columns: ["records", "what", "p50", "p99", "max", "samples"],
        rows: measured.flatMap(({ records, reads }) =>
          Object.entries(reads).map(([what, { us }]) => [
            figure(records),
            what,
            ...[us.p50, us.p99, us.max, us.count].map(figure),
          ]),
        ),
      },
    ],
    notes: [`${figure(bytesPerRecord)} bytes on disk per record, indexes included`],
    figures: { measured, bytesPerRecord },
  };
}
