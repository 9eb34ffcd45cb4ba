import { createHash } from "node:crypto";
import { type CronExpression, CronExpressionParser } from "cron-parser";
import { PlatformError } from "../../kernel/errors.ts";
import { Lru } from "../cache/lru.ts";

/** When, by the calendar, in which zone. */
export interface CronRule {
  /** Five fields (minute, hour, day of month, month, day of week), or six with seconds before them. */
  readonly cron: string;
  /** An IANA name such as `Europe/Berlin`; UTC when absent. */
  readonly timezone?: string;
}

// Chosen: an expression takes about 3 KB; parsing one anew costs 80 to 200 us, asking a parsed one 25 us.
const EXPRESSIONS_MAX = 2000;
const CRON_LENGTH_MAX = 256;
/**
 * Its clocks change by half an hour, around which cron-parser gives up on some matches after a third of a second of searching. Every
 * other zone of the tz database was walked through its changes of two years.
 */
const UNSUPPORTED_ZONE = "Australia/Lord_Howe";
/** `H` of Jenkins stands for a random value, which would be another one after each restart. */
const HASHED = /(?:^|[\s,])H(?:$|[\s,/(])/i;

/** An expression and its last answer, which holds for every moment from `from` until `next`: most alarms share a few patterns. */
interface Parsed {
  readonly expression: CronExpression;
  from: number;
  next: number;
}

/**
 * Cron expressions as `cron-parser` reads them, each parsed once.
 *
 * Around a change of the clocks: a time that a spring night skips fires at the first moment after it (02:30 at 03:30 of Berlin's
 * summer time); one that an autumn night has twice fires at the first.
 */
export class CronRules {
  readonly #parsed = new Lru<Parsed>({ weightMax: EXPRESSIONS_MAX });

  /** Epoch milliseconds of the first match after `afterMs`, a whole second; undefined when there is none any more. */
  next(rule: CronRule, afterMs: number): number | undefined {
    const parsed = this.#parse(rule);
    if (afterMs >= parsed.from && afterMs < parsed.next) return parsed.next;
    try {
      parsed.expression.reset(new Date(afterMs));
      const found = parsed.expression.next().getTime();
      if (found <= afterMs) return undefined;
      parsed.from = afterMs;
      parsed.next = found;
      return found;
    } catch {
      return undefined; // The library gives up after a bounded number of steps, and says so by throwing.
    }
  }

  /** @throws `request/malformed` in OpenWhisk's words, for what is no cron pattern, no timezone, or never matches after `afterMs` */
  check(rule: CronRule, afterMs: number): void {
    if (rule.timezone !== undefined && !isTimezone(rule.timezone)) {
      throw new PlatformError("request/malformed", "Invalid timezone.");
    }
    const invalid = (cause?: unknown): PlatformError =>
      new PlatformError("request/malformed", `cron pattern '${rule.cron}' is not valid`, { cause });
    const fields = rule.cron.trim().split(/\s+/).length;
    if (fields < 5 || fields > 6 || rule.cron.length > CRON_LENGTH_MAX || HASHED.test(rule.cron)) throw invalid();
    try {
      this.#parse(rule);
    } catch (error) {
      throw invalid(error);
    }
    if (this.next(rule, afterMs) === undefined) throw invalid();
  }

  #parse({ cron, timezone = "UTC" }: CronRule): Parsed {
    const key = `${timezone} ${cron}`;
    const known = this.#parsed.get(key);
    if (known !== undefined) return known;
    const expression = CronExpressionParser.parse(cron.trim(), { tz: timezone });
    const parsed = { expression, from: 0, next: 0 };
    this.#parsed.set(key, parsed);
    return parsed;
  }
}

/**
 * A pattern of five fields moved to one second of the minute, which follows from the name: alarms of the same minute then do not all
 * fire at its beginning, and each keeps its distance from one tick to the next. One of six fields is left as it is.
 */
export function delayedCron(cron: string, name: string): string {
  if (cron.trim().split(/\s+/).length !== 5) return cron;
  return `${createHash("sha256").update(name).digest().readUInt32BE() % 60} ${cron}`;
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== UNSUPPORTED_ZONE;
  } catch {
    return false; // A RangeError is how Intl says that it knows no such zone.
  }
}
