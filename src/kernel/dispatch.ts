import type { ActivationMessage, RunOutcome } from "./activation.ts";

/** What a controller hears of an activation it handed over. Called in this order; never after `onComplete` or `onRefused`. */
export interface DispatchEvents {
  /**
   * The activation is about to enter a container. Undefined lets it run at once; a promise holds it back until it resolves, so that
   * a durable *running* mark can precede the first effect; a rejection gives the activation back as refused.
   */
  readonly beforeRun: () => Promise<void> | undefined;
  /** The container answered (or never will). Logs are still being collected. */
  readonly onResult: (outcome: RunOutcome) => void;
  /** Logs are in and the container is free or gone. */
  readonly onComplete: (outcome: RunOutcome, logs: readonly string[]) => void;
  /** It never started and will not: a full buffer, a closing invoker. The error has a code of the registry. */
  readonly onRefused: (error: Error) => void;
}

/** The controller's side of an invoker: one in this process today, one per link in a cluster. */
export interface InvokerPort {
  /** Takes one activation. Never throws and never blocks: everything is told through `events`. */
  dispatch(message: ActivationMessage, events: DispatchEvents): void;
}
