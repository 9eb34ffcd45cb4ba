import assert from "node:assert/strict";
import { CronRules } from "../../../src/controller/alarms/cron.ts";
import { AlarmClock, type AlarmClockOptions } from "../../../src/controller/core/alarm-clock.ts";
import type { AlarmEffect, AlarmFacts, AlarmNote } from "../../../src/controller/core/alarm-messages.ts";
import { type AlarmSchedule, CATCH_UP_MS, nextTick } from "../../../src/controller/core/alarm-ticks.ts";
import { seededRandom } from "../../../src/kernel/random.ts";

const cron = new CronRules();
export const cronNext = cron.next.bind(cron);
export const MINUTE = 60_000;
export const START = Date.parse("2026-03-01T00:00:00Z");

/** What survives: documents, what was fired, and who heard of which write. */
export class AlarmStore {
  readonly docs = new Map<string, AlarmFacts>();
  readonly feed: { readonly id: string; readonly revision: string; readonly deleted: boolean }[] = [];
  /** Every firing that was carried out: `incarnation/tick`, and how often it was asked for. */
  readonly fired = new Map<string, number>();
  /** The last tick noted as fired, by incarnation. */
  readonly noted = new Map<string, number>();
  #revisions = 0;

  put(id: string, change: Partial<AlarmFacts> & { readonly schedule?: AlarmSchedule }): AlarmFacts {
    const old = this.docs.get(id);
    const revision = this.#next();
    const made = { id, incarnation: `${id}#${revision}`, lastTick: START, fired: 0, active: true, retires: false };
    const schedule: AlarmSchedule = { kind: "once", at: START };
    const doc: AlarmFacts = { ...made, schedule, ...old, ...change, revision };
    this.docs.set(id, doc);
    this.feed.push({ id, revision, deleted: false });
    return doc;
  }

  delete(id: string): void {
    if (this.docs.delete(id)) this.feed.push({ id, revision: this.#next(), deleted: true });
  }

  note(effect: {
    readonly id: string;
    readonly incarnation: string;
    readonly revision: string;
    readonly note: AlarmNote;
  }): void {
    const doc = this.docs.get(effect.id);
    const { tick, end } = effect.note;
    if (doc === undefined || doc.incarnation !== effect.incarnation) return;
    const isNew = tick !== undefined && tick > doc.lastTick;
    if (isNew) this.noted.set(doc.incarnation, tick);
    const ends = end !== undefined && doc.revision === effect.revision;
    if (!isNew && !ends) return;
    this.put(effect.id, {
      ...(isNew ? { lastTick: tick, fired: doc.fired + 1 } : {}),
      ...(ends ? { active: false } : {}),
    });
  }

  ticksOf(incarnation: string): number[] {
    return [...this.fired.keys()]
      .filter((key) => key.startsWith(`${incarnation}/`))
      .map((key) => Number(key.slice(incarnation.length + 1)))
      .sort((a, b) => a - b);
  }

  #next(): string {
    this.#revisions += 1;
    return `r${this.#revisions}`;
  }
}

type Step = Exclude<AlarmEffect, { kind: "tell-full" }>;

/** One process: a clock and the steps it asked for, done when the test says so. */
export class AlarmProcess {
  readonly clock: AlarmClock;
  readonly store: AlarmStore;
  readonly steps: Step[] = [];
  readonly full: string[] = [];
  /** Set where nobody else fires: then nothing may be fired that is noted already. */
  readonly alone: boolean;
  /** What the store answered to a step, where that is some time ago. */
  readonly #found = new Map<Step, AlarmFacts | undefined>();
  #heard: number;

  constructor(
    store: AlarmStore,
    now: number,
    settings: { alone?: boolean; options?: Partial<AlarmClockOptions> } = {},
  ) {
    this.store = store;
    this.alone = settings.alone ?? true;
    const options = { alarmsMax: 100, stepsMax: 4, ...settings.options };
    this.clock = new AlarmClock({ options, cronNext, random: seededRandom("alarms") });
    this.#heard = store.feed.length;
    for (const facts of store.docs.values()) this.#take(this.clock.on({ kind: "listed", facts }, now), now);
  }

  tick(now: number): void {
    this.#take(this.clock.tick(now), now);
  }

  /** Hears of up to `count` writes. */
  listen(now: number, count = Infinity): void {
    for (let i = 0; i < count; i += 1) {
      const change = this.store.feed[this.#heard];
      if (change === undefined) return;
      this.#heard += 1;
      this.#take(this.clock.on({ kind: "changed", ...change }, now), now);
    }
  }

  /** Does a step to the store; what it says is for `answer`. */
  carryOut(step: Step): "done" | "overtaken" {
    if (this.#found.has(step)) return "done";
    if (step.kind === "save") this.store.note(step);
    if (step.kind === "retire") this.store.delete(step.id);
    if (step.kind === "fire") {
      const doc = this.store.docs.get(step.id);
      const isAsked = doc?.incarnation === step.incarnation && doc.active && doc.lastTick < step.tick;
      if (this.alone && !isAsked) return "overtaken";
      const key = `${step.incarnation}/${step.tick}`;
      this.store.fired.set(key, (this.store.fired.get(key) ?? 0) + 1);
    }
    this.#found.set(step, this.store.docs.get(step.id));
    return "done";
  }

  answer(step: Step, now: number, outcome: "done" | "failed" | "refused" | "overtaken" = "done"): void {
    this.steps.splice(this.steps.indexOf(step), 1);
    const { id } = step;
    const found = this.#found.has(step) ? this.#found.get(step) : this.store.docs.get(id);
    const facts = found === undefined ? {} : { facts: found };
    if (outcome === "failed") this.#take(this.clock.on({ kind: "failed", id }, now), now);
    else if (step.kind === "load") this.#take(this.clock.on({ kind: "loaded", id, ...facts }, now), now);
    else if (step.kind === "save") this.#take(this.clock.on({ kind: "saved", id, ...facts }, now), now);
    else if (step.kind === "retire") this.#take(this.clock.on({ kind: "retired", id }, now), now);
    else if (outcome === "refused") {
      this.#take(this.clock.on({ kind: "refused", id, end: { message: "gone", statusCode: 404 } }, now), now);
    } else this.#take(this.clock.on({ kind: outcome === "overtaken" ? outcome : "fired", id }, now), now);
  }

  /** Does and answers everything, and hears of everything, until there is nothing left to do at this moment. */
  settle(now: number): void {
    for (let i = 0; i < 10_000; i += 1) {
      this.listen(now);
      const step = this.steps[0];
      if (step === undefined) return;
      this.answer(step, now, this.carryOut(step));
    }
    assert.fail("it does not come to rest");
  }

  /** Runs until `until`, waking exactly when the clock asks for it. */
  runTo(from: number, until: number): void {
    this.settle(from);
    for (let at = this.clock.deadline(); at !== undefined && at <= until; at = this.clock.deadline()) {
      this.tick(at);
      this.settle(at);
    }
  }

  #take(effects: readonly AlarmEffect[], now: number): void {
    for (const effect of effects) {
      if (effect.kind === "tell-full") {
        this.full.push(effect.id);
        continue;
      }
      assert.ok(!this.steps.some((step) => step.id === effect.id), `two steps at once for ${effect.id}`);
      this.steps.push(effect);
      if (effect.kind === "fire") this.#check(effect, now);
    }
    assert.equal(this.clock.snapshot().busy, this.steps.length);
  }

  /** Whatever happened before: what fires is a tick, due, not too old, and not noted as fired. */
  #check(effect: Extract<AlarmEffect, { kind: "fire" }>, now: number): void {
    const { tick, id } = effect;
    assert.ok(tick <= now, `${id} fires ${tick - now} ms early`);
    const doc = this.store.docs.get(id);
    if (doc === undefined || doc.incarnation !== effect.incarnation || !this.alone) return;
    assert.ok(tick > (this.store.noted.get(doc.incarnation) ?? 0), `${id} fires ${tick} again`);
    // Of what was written and not heard of, the schedule may be another.
    if (this.#heard < this.store.feed.length) return;
    if (doc.schedule.kind !== "once") assert.ok(now - tick < CATCH_UP_MS, `${id} fires what is ${now - tick} ms old`);
  }
}

/** Every tick of a schedule after `from`, up to `until`, one by one. */
export function ticksBetween(schedule: AlarmSchedule, from: number, until: number): number[] {
  const ticks: number[] = [];
  for (
    let at = nextTick(schedule, from, cronNext);
    at !== undefined && at <= until;
    at = nextTick(schedule, at, cronNext)
  ) {
    ticks.push(at);
  }
  return ticks;
}
