import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Change } from "../../store/ports.ts";
import type { ChangeListener } from "../cache/changes.ts";
import { AlarmClock, type AlarmClockSnapshot } from "../core/alarm-clock.ts";
import type { AlarmEffect, AlarmEvent, AlarmNote } from "../core/alarm-messages.ts";
import type { Content } from "../entities/catalog.ts";
import { backoff } from "../invocation/backoff.ts";
import { type Alarm, alarmIdOf, factsOf, triggerOf } from "./alarm.ts";
import { ALARMS_MAX, type Alarms } from "./alarms.ts";
import type { CronRules } from "./cron.ts";
import type { AlarmFiring } from "./firing.ts";

/** Chosen: as many as a store's group commit takes well, and no more than a slice of an invoker's buffer at the top of an hour. */
const STEPS_MAX = 32;
const PAGE = 200;
/**
 * Pages overlap by this: one that is deleted while pages are read moves the others up. (What is written meanwhile the feed tells.)
 */
const PAGE_OVERLAP = 50;
/** The timer never sleeps longer, so that a calendar clock that is set or a machine that slept is noticed within it. */
const SLEEP_MS_MAX = 30_000;
const NOTE_TRIES_MAX = 5;

export interface AlarmSchedulerDeps {
  readonly alarms: Alarms;
  readonly firing: Pick<AlarmFiring, "fire" | "retire">;
  readonly rules: CronRules;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type Step = Exclude<AlarmEffect, { kind: "tell-full" }>;

/**
 * Rings the alarms of the store: the shell of {@link AlarmClock}, with one timer. It begins when the change feed is followed, so that
 * nothing is written unseen between the reading of all alarms and the first change, and ends with `close`.
 */
export class AlarmScheduler implements ChangeListener {
  readonly #deps: AlarmSchedulerDeps;
  readonly #clock: AlarmClock;
  readonly #stop = new AbortController();
  readonly #steps = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #loading: Promise<void> | undefined;
  #leftOut = 0;

  constructor(deps: AlarmSchedulerDeps) {
    this.#deps = deps;
    const { rules, random } = deps;
    const options = { alarmsMax: ALARMS_MAX, stepsMax: STEPS_MAX };
    this.#clock = new AlarmClock({ options, cronNext: (rule, after) => rules.next(rule, after), random });
  }

  onFollowing(): void {
    this.#loading ??= this.#loadAll();
  }

  onChange({ kind, id, revision, deleted }: Change): void {
    const alarm = kind === "alarm" ? alarmIdOf(id) : undefined;
    if (alarm !== undefined) this.#on({ kind: "changed", id: alarm, revision, deleted });
  }

  /** For operators. */
  snapshot(): AlarmClockSnapshot {
    return this.#clock.snapshot();
  }

  /** Begins nothing new and waits for the steps under way, which are short. What is not noted then is done again, to no effect. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#loading;
    await Promise.all(this.#steps);
  }

  async #loadAll(): Promise<void> {
    const { alarms, random, log } = this.#deps;
    const { signal } = this.#stop;
    for (let attempt = 1; ; attempt += 1) {
      try {
        for (let skip = 0; !signal.aborted; skip += PAGE - PAGE_OVERLAP) {
          const page = await alarms.list({ skip, limit: PAGE });
          for (const alarm of page) this.#on({ kind: "listed", facts: factsOf(alarm) });
          if (page.length < PAGE) return;
        }
        return;
      } catch (error) {
        log.warn({ error, attempt }, "alarms could not be read; trying again");
        if (!(await backoff(attempt, random, signal))) return;
      }
    }
  }

  #on(event: AlarmEvent): void {
    if (this.#stop.signal.aborted) return;
    this.#follow(this.#clock.on(event, this.#deps.clock.wallMs()));
  }

  #follow(effects: readonly AlarmEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "tell-full") {
        this.#tellFull(effect.id);
        continue;
      }
      const step = this.#take(effect).then((event) => {
        this.#steps.delete(step);
        this.#on(event);
      });
      this.#steps.add(step);
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#clock.deadline();
    if (deadline === undefined || this.#stop.signal.aborted) return;
    const { clock } = this.#deps;
    const waitMs = Math.min(SLEEP_MS_MAX, Math.max(0, deadline - clock.wallMs()));
    this.#timer = setTimeout(() => this.#follow(this.#clock.tick(clock.wallMs())), waitMs);
    this.#timer.unref();
  }

  /** Does one step; its outcome is the event that answers it. */
  async #take(step: Step): Promise<AlarmEvent> {
    const { id, kind } = step;
    // Reads of the store may answer within the turn: thousands of steps would then be one turn, and requests wait for it.
    await nextTurn();
    try {
      return await this.#carryOut(step);
    } catch (error) {
      this.#deps.log.warn({ alarm: id, step: kind, error }, "a step of an alarm failed");
      // What cannot be read is out until somebody writes it anew; any other failure may pass.
      return kind === "load" && isPlatformError(error, "store/corrupted")
        ? { kind: "loaded", id }
        : { kind: "failed", id };
    }
  }

  async #carryOut(step: Step): Promise<AlarmEvent> {
    const { alarms, firing } = this.#deps;
    const { id } = step;
    if (step.kind === "fire") return await firing.fire(step);
    if (step.kind === "load") return answerOf("loaded", id, await alarms.load(triggerOf(id)));
    if (step.kind === "save") return answerOf("saved", id, await this.#note(step));
    return { kind: (await firing.retire(id)) ? "retired" : "failed", id };
  }

  /** Writes down what happened, and says how the alarm is then; undefined when it is gone. */
  async #note(step: Extract<Step, { kind: "save" }>): Promise<Alarm | undefined> {
    const { alarms, clock, log } = this.#deps;
    for (let attempt = 1; attempt <= NOTE_TRIES_MAX; attempt += 1) {
      const alarm = await alarms.load(triggerOf(step.id));
      if (alarm === undefined) return undefined;
      const content = notedOn(alarm, step, clock.wallMs());
      if (content === undefined) return alarm;
      try {
        const noted = await alarms.rewrite(alarm, () => content);
        if (!noted.active) log.info({ alarm: step.id, reason: noted.reason }, "an alarm has ended");
        return noted;
      } catch (error) {
        // Somebody wrote it in between, or deleted it: what happened is noted on what is there now.
        if (!isPlatformError(error, "entity/concurrent-change") && !isPlatformError(error, "entity/not-found"))
          throw error;
      }
    }
    throw new PlatformError("entity/concurrent-change", `the alarm ${step.id} is being written by others all the time`);
  }

  #tellFull(alarm: string): void {
    this.#leftOut += 1;
    // Once for each tenfold: a flood of alarms need not flood the log.
    if (!/^10*$/.test(String(this.#leftOut))) return;
    const fields = { alarm, leftOut: this.#leftOut, alarmsMax: ALARMS_MAX };
    this.#deps.log.error(fields, "there are more alarms than this platform holds; some do not ring");
  }
}

function answerOf(kind: "loaded" | "saved", id: string, alarm: Alarm | undefined): AlarmEvent {
  return alarm === undefined ? { kind, id } : { kind, id, facts: factsOf(alarm) };
}

/** The alarm with what happened; undefined when that changes nothing: another controller noted it, or it is another alarm by now. */
function notedOn(
  alarm: Alarm,
  step: { readonly incarnation: string; readonly revision: string; readonly note: AlarmNote },
  now: number,
): Content<Alarm> | undefined {
  const { tick, end } = step.note;
  if (alarm.incarnation !== step.incarnation) return undefined;
  const isNew = tick !== undefined && tick > alarm.lastTick;
  const ends = end !== undefined && alarm.active && alarm.revision === step.revision;
  if (!isNew && !ends) return undefined;
  const { namespace: _, path: __, revision: ___, updated: ____, ...content } = alarm;
  return {
    ...content,
    ...(isNew ? { lastTick: tick, fired: alarm.fired + 1 } : {}),
    ...(ends ? { active: false, activeSince: now, reason: { kind: "AUTO" as const, ...end } } : {}),
  };
}
