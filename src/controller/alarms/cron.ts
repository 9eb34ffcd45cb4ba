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
const HOUR_MS = 3_600_000;
/**
 * Where clocks change by half an hour (Lord Howe), the library gives up on, or goes back before, some matches around the change:
 * there it is asked again from an hour later, two, four, up to half a year. Elsewhere the first answer stands.
 */
const SKIP_MS_MAX = 4096 * HOUR_MS;
/** `H` of Jenkins stands for a random value, which would be another one after each restart. */
const HASHED = /(?:^|[\s,])H(?:$|[\s,/(])/i;

/**
 * Cron expressions as `cron-parser` reads them, each parsed once.
 *
 * Around a change of the clocks: a time that a spring night skips fires at the first moment after it (02:30 at 03:30 of Berlin's
 * summer time); one that an autumn night has twice fires at the first.
 */
export class CronRules {
  readonly #parsed = new Lru<CronExpression>({ weightMax: EXPRESSIONS_MAX });

  /** Epoch milliseconds of the first match after `afterMs`, a whole second; undefined when there is none any more. */
  next(rule: CronRule, afterMs: number): number | undefined {
    const expression = this.#expressionOf(rule);
    for (let skippedMs = 0; skippedMs < SKIP_MS_MAX; skippedMs = skippedMs === 0 ? HOUR_MS : 2 * skippedMs) {
      const found = nextOf(expression, afterMs + skippedMs);
      if (found !== undefined && found > afterMs) return found;
    }
    return undefined;
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
      this.#expressionOf(rule);
    } catch (error) {
      throw invalid(error);
    }
    if (this.next(rule, afterMs) === undefined) throw invalid();
  }

  #expressionOf({ cron, timezone = "UTC" }: CronRule): CronExpression {
    const key = `${timezone} ${cron}`;
    const known = this.#parsed.get(key);
    if (known !== undefined) return known;
    const expression = CronExpressionParser.parse(cron.trim(), { tz: timezone });
    this.#parsed.set(key, expression);
    return expression;
  }
}

function nextOf(expression: CronExpression, afterMs: number): number | undefined {
  try {
    expression.reset(new Date(afterMs));
    return expression.next().getTime();
  } catch {
    return undefined; // The library gives up after a bounded number of steps, and says so by throwing.
  }
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false; // A RangeError is how Intl says that it knows no such zone.
  }
}
