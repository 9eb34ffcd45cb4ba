/**
 * When an alarm is due.
 *
 * Intuition: a schedule is a set of moments, the *ticks*, that depends on nothing but the schedule. What has happened is one number,
 * `lastTick`: nothing at or before it fires. So whatever stops and starts in between, the same question has the same answer.
 *
 * Missed ticks (chosen): of those that passed unfired, because nothing ran or a clock jumped, the latest one fires if it is less than
 * `CATCH_UP_MS` old, and the others never. One, since a hundred late backups in a row help nobody; the latest, since an older one of
 * the same schedule says nothing more; an hour, since a restart or a short outage should not cost a day's report, while what was meant
 * for the night should not come up in the middle of the working day. (It is less than one period old by itself: were it older, a later
 * one had passed.) A `once` stands for no other tick, and is fired however late it is.
 *
 * OpenWhisk's provider forgets what passed while it was down, fires every interval alarm at its own start, and deactivates a `once`
 * whose date has passed.
 */

/** A tick older than this is left out. See above. */
export const CATCH_UP_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** When, in epoch milliseconds throughout. Ticks lie at or after `startAt` and before `stopAt`. */
export type AlarmSchedule =
  | {
      readonly kind: "cron";
      readonly cron: string;
      readonly timezone?: string;
      readonly startAt?: number;
      readonly stopAt?: number;
    }
  | { readonly kind: "interval"; readonly minutes: number; readonly startAt: number; readonly stopAt?: number }
  | { readonly kind: "once"; readonly at: number };

/** What reads cron patterns, as the core cannot: the first match after a moment, undefined when there is none. */
export type CronNext = (
  rule: { readonly cron: string; readonly timezone?: string },
  after: number,
) => number | undefined;

/** The first tick after `after`; undefined when there is none any more. */
export function nextTick(schedule: AlarmSchedule, after: number, cronNext: CronNext): number | undefined {
  if (schedule.kind === "once") return schedule.at > after ? schedule.at : undefined;
  const tick = unstoppedTick(schedule, after, cronNext);
  return tick !== undefined && (schedule.stopAt === undefined || tick < schedule.stopAt) ? tick : undefined;
}

function unstoppedTick(
  schedule: Exclude<AlarmSchedule, { kind: "once" }>,
  after: number,
  cronNext: CronNext,
): number | undefined {
  if (schedule.kind === "cron") return cronNext(schedule, Math.max(after, (schedule.startAt ?? after + 1) - 1));
  const period = schedule.minutes * MINUTE_MS;
  const passed = Math.floor((after - schedule.startAt) / period);
  return schedule.startAt + Math.max(0, passed + 1) * period;
}

/** The one tick that is to fire at `now`, by the rule for missed ones; undefined when there is none. */
export function dueTick(
  { schedule, lastTick }: { readonly schedule: AlarmSchedule; readonly lastTick: number },
  now: number,
  cronNext: CronNext,
): number | undefined {
  const isDue = (tick: number | undefined): tick is number => tick !== undefined && tick <= now;
  const first = nextTick(
    schedule,
    schedule.kind === "once" ? lastTick : Math.max(lastTick, now - CATCH_UP_MS),
    cronNext,
  );
  if (!isDue(first)) return undefined;
  // The latest one, by halving what lies between: at most 22 rounds for the milliseconds of an hour, and one where one has passed.
  let latest = first;
  let end = now;
  for (;;) {
    const following = nextTick(schedule, latest, cronNext);
    if (!isDue(following)) return latest;
    const middle = Math.floor((following + end) / 2);
    const beyond = nextTick(schedule, middle, cronNext);
    if (isDue(beyond)) {
      latest = beyond;
    } else {
      latest = following;
      end = middle;
    }
  }
}
