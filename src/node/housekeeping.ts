import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { StoreOptions } from "../kernel/options/options.ts";
import type { Stores } from "../store/ports.ts";

const DAY_MS = 86_400_000;
const MIB = 1_048_576;
/** Records dropped in one step, so that a sweep never holds up the writes between its steps for long. */
const PRUNE_STEP = 500;
/** Code that no action has named for this long is nobody's: uploads are named within seconds. */
const ATTACHMENT_GRACE_MS = 3_600_000;

/** Keeps the store within its bounds: one sweep at a time, until stopped. */
export class Housekeeping {
  readonly #stores: Stores;
  readonly #options: StoreOptions["retention"];
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: { stores: Stores; options: StoreOptions["retention"]; clock: Clock; log: Log }) {
    this.#stores = deps.stores;
    this.#options = deps.options;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#sweeping = this.sweep().finally(() => {
        if (!this.#stopped) this.start();
      });
    }, this.#options.sweepSeconds * 1000);
    this.#timer.unref();
  }

  /** Drops records that are too old or too many, and code that nobody names. Failures are logged; the next sweep tries again. */
  async sweep(): Promise<void> {
    const { activationDays, activationMb } = this.#options;
    try {
      let records = 0;
      if (activationDays > 0 || activationMb > 0) {
        let dropped: number;
        do {
          dropped = await this.#stores.activations.prune({
            ...(activationDays > 0 ? { before: this.#clock.wallMs() - activationDays * DAY_MS } : undefined),
            ...(activationMb > 0 ? { bytesMax: activationMb * MIB } : undefined),
            limit: PRUNE_STEP,
          });
          records += dropped;
        } while (dropped === PRUNE_STEP && !this.#stopped);
      }
      const attachments = await this.#stores.attachments.sweep(ATTACHMENT_GRACE_MS);
      if (records + attachments > 0) this.#log.info({ records, attachments }, "swept what was too old");
    } catch (error) {
      this.#log.warn({ err: error }, "a sweep of old records failed");
    }
  }

  /** Ends after the step that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#sweeping;
  }
}
