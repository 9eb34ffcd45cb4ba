import { type Summary, summarize } from "../report/summary.ts";

/** Durations of single calls, in microseconds. */
export interface Timing {
  readonly us: Summary;
}

/** What many callers at once came to. */
export interface Rate extends Timing {
  readonly perSecond: number;
}

/** Calls one after the other. */
export async function timingOf(calls: number, call: (at: number) => Promise<unknown>): Promise<Timing> {
  return { us: (await rateOf(calls, 1, call)).us };
}

/** `calls` calls by `callers` at once, each of whom calls again when its last call is done. */
export async function rateOf(calls: number, callers: number, call: (at: number) => Promise<unknown>): Promise<Rate> {
  const us = new Float64Array(calls);
  let next = 0;
  const startedAt = performance.now();
  const drive = async (): Promise<void> => {
    while (next < calls) {
      const at = next;
      next += 1;
      const calledAt = performance.now();
      await call(at);
      us[at] = (performance.now() - calledAt) * 1000;
    }
  };
  await Promise.all(Array.from({ length: Math.min(callers, calls) }, drive));
  return { us: summarize(us), perSecond: calls / ((performance.now() - startedAt) / 1000) };
}
