import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type AlarmSchedule, CATCH_UP_MS, dueTick, nextTick } from "../../../src/controller/core/alarm-ticks.ts";
import { AlarmProcess, AlarmStore, cronNext, MINUTE, START, ticksBetween } from "./alarm-world.ts";

const IDS = ["a", "b", "c"];

const schedules: fc.Arbitrary<AlarmSchedule> = fc.oneof(
  fc.record({
    kind: fc.constant("cron" as const),
    cron: fc.constantFrom("* * * * *", "*/7 * * * *", "*/20 * * * * *", "0 * * * *", "30 0 * * *"),
  }),
  fc
    .record({ minutes: fc.integer({ min: 1, max: 50 }), offset: fc.integer({ min: -MINUTE, max: 20 * MINUTE }) })
    .map(({ minutes, offset }) => ({ kind: "interval" as const, minutes, startAt: START + offset })),
  fc.integer({ min: 1, max: 60 * MINUTE }).map((ms) => ({ kind: "once" as const, at: START + ms })),
);

/** What may happen next; numbers choose among what there is. */
type Happening =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "step"; readonly process: number; readonly pick: number; readonly outcome: "done" | "failed" }
  /** Carried out, and answered some time later. */
  | { readonly kind: "begin"; readonly process: number; readonly pick: number }
  /** Carried out, but the answer is lost with the process. */
  | { readonly kind: "crash"; readonly process: number; readonly carriedOut: number }
  | { readonly kind: "listen"; readonly process: number; readonly count: number }
  | { readonly kind: "put"; readonly id: string; readonly schedule: AlarmSchedule; readonly active: boolean }
  | { readonly kind: "remake"; readonly id: string; readonly schedule: AlarmSchedule };

const small = fc.nat({ max: 5 });
const time = fc.record({
  kind: fc.constant("time" as const),
  // Mostly on, sometimes far, sometimes back.
  ms: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 3 * MINUTE }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 200 * MINUTE }) },
    { weight: 1, arbitrary: fc.integer({ min: -5 * MINUTE, max: 0 }) },
  ),
});
const step = fc.record({
  kind: fc.constant("step" as const),
  process: small,
  pick: small,
  outcome: fc.constantFrom("done" as const, "done" as const, "done" as const, "failed" as const),
});
const begin = fc.record({ kind: fc.constant("begin" as const), process: small, pick: small });
const crash = fc.record({ kind: fc.constant("crash" as const), process: small, carriedOut: small });
const listen = fc.record({ kind: fc.constant("listen" as const), process: small, count: small });
const id = fc.constantFrom(...IDS);
const put = fc.record({ kind: fc.constant("put" as const), id, schedule: schedules, active: fc.boolean() });
const remake = fc.record({ kind: fc.constant("remake" as const), id, schedule: schedules });
const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: time },
    { weight: 10, arbitrary: step },
    { weight: 3, arbitrary: begin },
    { weight: 1, arbitrary: crash },
    { weight: 4, arbitrary: listen },
    { weight: 1, arbitrary: put },
    { weight: 1, arbitrary: remake },
  ),
  { maxLength: 120, size: "max" },
);

class World {
  readonly store = new AlarmStore();
  readonly processes: AlarmProcess[];
  now = START;

  constructor(first: readonly AlarmSchedule[], processes: number) {
    first.forEach((schedule, i) => this.store.put(IDS[i]!, { schedule }));
    this.processes = Array.from({ length: processes }, () => this.start(processes === 1));
  }

  start(alone: boolean): AlarmProcess {
    return new AlarmProcess(this.store, this.now, { alone, options: { stepsMax: 2 } });
  }

  happen(happening: Happening): void {
    const { store } = this;
    switch (happening.kind) {
      case "time":
        this.now += happening.ms;
        for (const process of this.processes) process.tick(this.now);
        break;
      case "step": {
        const process = this.processes[happening.process % this.processes.length]!;
        const chosen = process.steps[happening.pick % Math.max(1, process.steps.length)];
        if (chosen === undefined) break;
        // A failure may be one of the answer alone.
        const isCarriedOut = happening.outcome === "done" || happening.pick % 2 === 0;
        const said = isCarriedOut ? process.carryOut(chosen) : "failed";
        process.answer(chosen, this.now, happening.outcome === "failed" ? "failed" : said);
        break;
      }
      case "begin": {
        const { steps } = this.processes[happening.process % this.processes.length]!;
        const chosen = steps[happening.pick % Math.max(1, steps.length)];
        if (chosen !== undefined && chosen.kind !== "fire") {
          this.processes[happening.process % this.processes.length]!.carryOut(chosen);
        }
        break;
      }
      case "crash": {
        const index = happening.process % this.processes.length;
        const process = this.processes[index]!;
        for (const left of process.steps.slice(0, happening.carriedOut)) process.carryOut(left);
        this.processes[index] = this.start(process.alone);
        break;
      }
      case "listen":
        this.processes[happening.process % this.processes.length]!.listen(this.now, happening.count);
        break;
      case "put": {
        const lastTick = Math.max(this.now, store.docs.get(happening.id)?.lastTick ?? 0);
        store.put(happening.id, { schedule: happening.schedule, active: happening.active, lastTick });
        break;
      }
      case "remake":
        store.delete(happening.id);
        store.put(happening.id, { schedule: happening.schedule, lastTick: this.now });
        break;
    }
  }
}

test("property: whatever happens, what fires is due and new; once all is well again, nothing due is left", () => {
  fc.assert(
    fc.property(fc.array(schedules, { minLength: 1, maxLength: 3 }), happenings, (first, list) => {
      const world = new World(first, 1);
      for (const happening of list) world.happen(happening);
      const [process] = world.processes;
      const isDue = (): boolean =>
        [...world.store.docs.values()].some((doc) => doc.active && dueTick(doc, world.now, cronNext) !== undefined);
      // All is well: everything is done and heard, and the waits of what failed pass, however the clock jumped before.
      for (let i = 0; i < 500; i += 1) {
        process!.tick(world.now);
        process!.settle(world.now);
        if (!isDue()) break;
        world.now = process!.clock.deadline() ?? assert.fail("something is due and nothing is waited for");
      }
      for (const doc of world.store.docs.values()) {
        if (doc.active)
          assert.equal(dueTick(doc, world.now, cronNext), undefined, `${doc.id} has a tick that did not fire`);
        const ticks = world.store.ticksOf(doc.incarnation);
        assert.ok(ticks.every((tick) => tick <= Math.max(doc.lastTick, ticks.at(-1) ?? 0)));
        // Each one noted is counted once; what fired and was overtaken by a change of the document may not be.
        assert.ok(doc.fired <= ticks.length, `${doc.fired} counted, ${ticks.length} fired`);
      }
      assert.equal(process!.clock.snapshot().busy, 0);
    }),
    { numRuns: 300 },
  );
});

test("property: two controllers over one store fire the same ticks as one would", () => {
  fc.assert(
    fc.property(fc.array(schedules, { minLength: 1, maxLength: 3 }), happenings, (first, list) => {
      const world = new World(first, 2);
      for (const happening of list) world.happen(happening);
      for (const process of world.processes) process.settle(world.now);
      for (const process of world.processes) process.settle(world.now);
      for (const doc of world.store.docs.values()) {
        for (const tick of world.store.ticksOf(doc.incarnation)) {
          // Within one schedule; a change of it leaves ticks of the former one.
          if (list.some((happening) => happening.kind === "put")) continue;
          assert.equal(nextTick(doc.schedule, tick - 1, cronNext), tick, "a moment that is no tick");
        }
        assert.ok(doc.fired <= world.store.ticksOf(doc.incarnation).length, "one tick counted twice");
      }
    }),
    { numRuns: 200 },
  );
});

test("property: while up, whatever the steps of time below a period, every tick fires exactly once and in time", () => {
  fc.assert(
    fc.property(
      schedules,
      fc.array(fc.integer({ min: 1, max: 19_000 }), { minLength: 1, maxLength: 300 }),
      (schedule, gaps) => {
        const store = new AlarmStore();
        const { incarnation } = store.put("a", { schedule });
        const process = new AlarmProcess(store, START);
        let now = START;
        process.settle(now);
        for (const gap of gaps) {
          now += gap;
          process.tick(now);
          process.settle(now);
        }
        assert.deepEqual(store.ticksOf(incarnation), ticksBetween(schedule, START, now));
        assert.ok([...store.fired.values()].every((times) => times === 1));
        assert.equal(store.docs.get("a")?.fired, store.fired.size);
      },
    ),
    { numRuns: 150 },
  );
});

test("property: over any downtime the latest missed tick is caught up if it is younger than an hour, and nothing else", () => {
  fc.assert(
    fc.property(schedules, fc.integer({ min: 0, max: 240 * MINUTE }), (schedule, downMs) => {
      const store = new AlarmStore();
      const { incarnation } = store.put("a", { schedule });
      const now = START + downMs;
      new AlarmProcess(store, now).settle(now);
      const last = ticksBetween(schedule, START, now).at(-1);
      const caughtUp = last !== undefined && (schedule.kind === "once" || now - last < CATCH_UP_MS);
      assert.deepEqual(store.ticksOf(incarnation), caughtUp ? [last] : []);
    }),
    { numRuns: 200 },
  );
});
