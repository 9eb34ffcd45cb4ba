import type { Alarm } from "./alarm.ts";

/** An alarm as OpenWhisk's package shows it (`config` and `status`), with its name before and the state of its clock in `status`. */
export function alarmView(alarm: Alarm, nextTick: number | undefined): object {
  const { trigger, updated, schedule, dates, strict, payload, deleteAfterFire, firesMax } = alarm;
  const { startDate, stopDate, date } = dates;
  const name = { namespace: trigger.namespace, name: trigger.path };
  return {
    ...name,
    updated,
    config: {
      name: trigger.path,
      namespace: trigger.namespace,
      payload,
      ...(schedule.kind === "once" ? { date, deleteAfterFire } : {}),
      ...(schedule.kind === "interval" ? { minutes: schedule.minutes } : {}),
      ...(schedule.kind === "cron" ? { cron: schedule.cron, strict } : {}),
      ...(schedule.kind === "cron" && schedule.timezone !== undefined ? { timezone: schedule.timezone } : {}),
      ...(startDate === undefined ? {} : { startDate }),
      ...(stopDate === undefined ? {} : { stopDate }),
      ...(firesMax === undefined ? {} : { maxTriggers: firesMax }),
    },
    status: {
      active: alarm.active,
      dateChanged: alarm.activeSince,
      dateChangedISO: new Date(alarm.activeSince).toISOString(),
      ...(alarm.reason === undefined ? {} : { reason: alarm.reason }),
      fired: alarm.fired,
      ...(nextTick === undefined ? {} : { next: new Date(nextTick).toISOString() }),
    },
  };
}
