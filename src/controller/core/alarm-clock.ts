/**
 * The clock of all alarms: which tick of which alarm is to fire now, and when to look again.
 *
 * Intuition: nothing is counted down. For each alarm the clock asks, whenever something happened to it, what its document asks for at
 * this moment (`#plan`): be read, be noted, fire one tick, be deleted, or sleep until its next tick. A crash at any point, a clock that
 * jumps or a change by a user then need no cases of their own: the question is asked again.
 *
 * *Never twice, and once while up.* A tick fires under ids made of it, so that firing it again changes nothing; only then `lastTick`
 * moves on, durably, and it is not even tried again. Two controllers over one store may both fire it, to the same effect.
 *
 * Failures are tried again after 1 s, doubling to 60 s. A recurring tick is given up for the next one, or when it is an hour old
 * (alarm-ticks.ts); a `once` after `ONCE_FAILURES_MAX` failures, which is an hour too. Reading and noting go on being tried, at most
 * once a minute: the document is still there, and the store will be.
 *
 * Bounded: `alarmsMax` alarms, the rest are told of and left out; `stepsMax` steps under way, the others wait in line (an alarm at a
 * time, in the order they became ready, notes first), so that the top of the hour is no stampede. docs/protocols/alarms.md has the table.
 */
import { assert } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { WakeHeap } from "./alarm-heap.ts";
import type { AlarmEffect, AlarmEnd, AlarmEvent, AlarmFacts, AlarmNote } from "./alarm-messages.ts";
import { type CronNext, dueTick, nextTick } from "./alarm-ticks.ts";

const BACKOFF_MS = 1000;
const BACKOFF_MS_MAX = 60_000;
/** 1 + 2 + 4 + ... + 32 s, then a minute each: about an hour. */
export const ONCE_FAILURES_MAX = 65;

/** OpenWhisk's words, as are those of `lastFired`. */
const FIRED_ALL: AlarmEnd = { message: "Automatically disabled after reaching max triggers" };

export interface AlarmClockOptions {
  /** Alarms held. */
  readonly alarmsMax: number;
  /** Steps under way at once. */
  readonly stepsMax: number;
}

type Step = Exclude<AlarmEffect, { kind: "tell-full" }>;

type Phase =
  | Sleep
  /** In line for its next step. */
  | { readonly kind: "ready" }
  /** The shell is at it. `heard` is the revision somebody wrote meanwhile. */
  | { readonly kind: "busy"; readonly step: Step; heard?: string };

interface Sleep {
  readonly kind: "asleep";
  readonly held: Held;
  readonly wakeAt: number;
}

/** One alarm. */
interface Held {
  readonly id: string;
  phase: Phase;
  /** Absent until it was read. */
  facts?: AlarmFacts;
  /** What has happened and is not in the document yet. */
  note?: AlarmNote;
  /** In a row. */
  failures: number;
}

type Plan = Step | { readonly kind: "sleep"; readonly until: number } | { readonly kind: "forget" };

/** What the clock is doing, for operators and tests. */
export interface AlarmClockSnapshot {
  readonly alarms: number;
  readonly ready: number;
  readonly busy: number;
  /** Moments kept to wake at, those taken back included. */
  readonly wakeUps: number;
}

export class AlarmClock {
  readonly #options: AlarmClockOptions;
  readonly #cronNext: CronNext;
  readonly #random: Random;
  readonly #alarms = new Map<string, Held>();
  readonly #asleep = new WakeHeap<Sleep>((sleep) => sleep.held.phase === sleep);
  /** In the order they became ready. What has fired is noted before anything else fires: it would fire again after a crash. */
  readonly #unnoted = new Set<Held>();
  readonly #ready = new Set<Held>();
  #busy = 0;

  constructor(deps: { readonly options: AlarmClockOptions; readonly cronNext: CronNext; readonly random: Random }) {
    this.#options = deps.options;
    this.#cronNext = deps.cronNext;
    this.#random = deps.random;
  }

  /** Takes in what happened; `now` is epoch milliseconds. */
  on(event: AlarmEvent, now: number): readonly AlarmEffect[] {
    const effects: AlarmEffect[] = [];
    switch (event.kind) {
      case "listed":
        if (!this.#alarms.has(event.facts.id)) this.#add(event.facts.id, event.facts, effects);
        break;
      case "changed":
        this.#changed(event, effects);
        break;
      case "loaded":
      case "saved":
        this.#read(this.#ended(event.id, event.kind === "loaded" ? "load" : "save"), event.facts);
        break;
      case "fired": {
        const held = this.#ended(event.id, "fire");
        held.note = this.#noteOf(held);
        this.#stir(held);
        break;
      }
      case "refused": {
        const held = this.#ended(event.id, "fire");
        held.note = { end: event.end };
        this.#stir(held);
        break;
      }
      case "overtaken": {
        const held = this.#ended(event.id, "fire");
        delete held.facts;
        this.#stir(held);
        break;
      }
      case "retired":
        this.#read(this.#ended(event.id, "retire"), undefined);
        break;
      case "failed":
        this.#failed(event.id, now);
        break;
    }
    return this.#run(now, effects);
  }

  /** Wakes whatever is due. */
  tick(now: number): readonly AlarmEffect[] {
    for (let sleep = this.#asleep.take(now); sleep !== undefined; sleep = this.#asleep.take(now)) {
      this.#stir(sleep.held);
    }
    return this.#run(now, []);
  }

  /** When to call `tick`, in epoch milliseconds; undefined when there is nothing to wait for. */
  deadline(): number | undefined {
    return this.#asleep.peek()?.wakeAt;
  }

  snapshot(): AlarmClockSnapshot {
    return {
      alarms: this.#alarms.size,
      ready: this.#unnoted.size + this.#ready.size,
      busy: this.#busy,
      wakeUps: this.#asleep.size,
    };
  }

  #add(id: string, facts: AlarmFacts | undefined, effects: AlarmEffect[]): void {
    if (facts !== undefined && !facts.active && !facts.retires) return;
    if (this.#alarms.size >= this.#options.alarmsMax) {
      effects.push({ kind: "tell-full", id });
      return;
    }
    const held: Held = { id, phase: { kind: "ready" }, failures: 0, ...(facts === undefined ? {} : { facts }) };
    this.#alarms.set(id, held);
    this.#ready.add(held);
  }

  #changed(event: Extract<AlarmEvent, { kind: "changed" }>, effects: AlarmEffect[]): void {
    const held = this.#alarms.get(event.id);
    if (held === undefined) {
      if (!event.deleted) this.#add(event.id, undefined, effects);
    } else if (held.phase.kind === "busy") {
      held.phase.heard = event.revision;
    } else if (held.facts?.revision !== event.revision && held.note === undefined) {
      delete held.facts;
      this.#stir(held);
    }
  }

  /** The alarm whose step was answered; whoever asks says what comes next. */
  #ended(id: string, kind: Step["kind"]): Held {
    const held = this.#alarms.get(id);
    assert(held !== undefined && held.phase.kind === "busy", `an answer for alarm ${id}, which has no step under way`);
    assert(
      held.phase.step.kind === kind,
      `a ${kind} of alarm ${id} was answered while it was at ${held.phase.step.kind}`,
    );
    this.#busy -= 1;
    held.failures = 0;
    return held;
  }

  /** The document as it was at some moment since the step began; something written since has to be read again. */
  #read(held: Held, facts: AlarmFacts | undefined): void {
    const heard = heardOf(held);
    delete held.note;
    if (facts === undefined && heard === undefined) {
      this.#forget(held);
      return;
    }
    if (facts !== undefined && (heard === undefined || heard === facts.revision)) held.facts = facts;
    else delete held.facts;
    this.#stir(held);
  }

  /** A tick has fired: note it, and that it was the last one where it was. */
  #noteOf(held: Held): AlarmNote {
    const { phase, facts } = held;
    assert(phase.kind === "busy" && phase.step.kind === "fire" && facts !== undefined, "a firing of nothing");
    const { tick } = phase.step;
    const isFull = facts.firesMax !== undefined && facts.fired + 1 >= facts.firesMax;
    if (isFull) return { tick, end: FIRED_ALL };
    return nextTick(facts.schedule, tick, this.#cronNext) === undefined ? { tick, end: lastFired(facts) } : { tick };
  }

  #failed(id: string, now: number): void {
    const held = this.#alarms.get(id);
    assert(held !== undefined && held.phase.kind === "busy", `a failure of alarm ${id}, which has no step under way`);
    const { step } = held.phase;
    this.#busy -= 1;
    held.failures += 1;
    // What a note waits to be written against stays: writing it brings the document as it is.
    if (heardOf(held) !== undefined && held.note === undefined) delete held.facts;
    if (step.kind === "fire" && held.facts?.schedule.kind === "once" && held.failures >= ONCE_FAILURES_MAX) {
      held.note = { end: { message: `Automatically disabled after ${held.failures} attempts to fire the trigger` } };
      held.failures = 0;
      this.#stir(held);
      return;
    }
    const full = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** Math.min(held.failures - 1, 16));
    const until = now + Math.ceil(full * (0.5 + this.#random.next() / 2));
    // The next tick does not wait for the one that failed.
    const next = step.kind === "fire" && held.facts ? nextTick(held.facts.schedule, now, this.#cronNext) : undefined;
    this.#sleep(held, next === undefined ? until : Math.min(until, next));
  }

  /** Starts what there is room for. */
  #run(now: number, effects: AlarmEffect[]): readonly AlarmEffect[] {
    for (const line of [this.#unnoted, this.#ready]) {
      for (const held of line) {
        if (this.#busy >= this.#options.stepsMax) return effects;
        line.delete(held);
        this.#start(held, this.#plan(held, now), effects);
      }
    }
    return effects;
  }

  #start(held: Held, plan: Plan, effects: AlarmEffect[]): void {
    if (plan.kind === "sleep") {
      this.#sleep(held, plan.until);
    } else if (plan.kind === "forget") {
      this.#forget(held);
    } else {
      held.phase = { kind: "busy", step: plan };
      this.#busy += 1;
      effects.push(plan);
    }
  }

  /** What the alarm asks for at this moment. */
  #plan(held: Held, now: number): Plan {
    const { id, facts, note } = held;
    if (facts === undefined) return { kind: "load", id };
    const { incarnation, revision } = facts;
    if (note !== undefined) return { kind: "save", id, incarnation, revision, note };
    if (facts.retires) return { kind: "retire", id };
    if (!facts.active) return { kind: "forget" };
    if (facts.firesMax !== undefined && facts.fired >= facts.firesMax) {
      return { kind: "save", id, incarnation, revision, note: { end: FIRED_ALL } };
    }
    const tick = dueTick(facts, now, this.#cronNext);
    if (tick !== undefined) return { kind: "fire", id, incarnation, tick };
    const next = nextTick(facts.schedule, Math.max(facts.lastTick, now), this.#cronNext);
    if (next !== undefined) return { kind: "sleep", until: next };
    const end = { message: "Automatically disabled: its last date has passed" };
    return { kind: "save", id, incarnation, revision, note: { end } };
  }

  #stir(held: Held): void {
    held.phase = { kind: "ready" };
    (held.note === undefined ? this.#ready : this.#unnoted).add(held);
  }

  #sleep(held: Held, wakeAt: number): void {
    const sleep: Sleep = { kind: "asleep", held, wakeAt };
    held.phase = sleep;
    this.#asleep.push(sleep);
    if (this.#asleep.size > 2 * this.#alarms.size + 64) this.#asleep.sweep();
  }

  #forget(held: Held): void {
    this.#alarms.delete(held.id);
  }
}

function heardOf(held: Held): string | undefined {
  return held.phase.kind === "busy" ? held.phase.heard : undefined;
}

function lastFired({ schedule }: AlarmFacts): AlarmEnd {
  return {
    message:
      schedule.kind === "once"
        ? "Automatically disabled after firing once"
        : `Automatically disabled after firing last scheduled ${schedule.kind} trigger`,
  };
}
