import type { ActivationMessage, RunOutcome } from "../../src/kernel/activation.ts";
import type { DispatchEvents } from "../../src/kernel/dispatch.ts";
import { asId } from "../../src/kernel/ids.ts";

let made = 0;

/** What a message of a test differs in. */
export interface MessageChange {
  caller?: string;
  path?: string;
  revision?: string;
  kind?: string;
  memoryMb?: number;
  timeoutMs?: number;
  logsMb?: number;
  concurrency?: number;
  apiKey?: string;
  binary?: boolean;
  initEnv?: Record<string, string>;
  retryOnLoss?: boolean;
}

/** A complete message with an id of its own: action guest/hello 0.0.1 of nodejs:24 with 256 MB, called by guest. */
export function message(change: MessageChange = {}): ActivationMessage {
  made += 1;
  const { apiKey } = change;
  return {
    activationId: asId(made.toString(16).padStart(32, "0")),
    transactionId: asId(`t${made}`),
    action: {
      namespace: asId("guest"),
      path: asId(change.path ?? "hello"),
      version: "0.0.1",
      revision: asId(change.revision ?? "1"),
    },
    exec: { kind: change.kind ?? "nodejs:24", binary: change.binary ?? false, code: asId("sha256-0"), codeBytes: 3 },
    limits: {
      timeoutMs: change.timeoutMs ?? 60_000,
      memoryMb: change.memoryMb ?? 256,
      logsMb: change.logsMb ?? 10,
      concurrency: change.concurrency ?? 1,
    },
    caller: {
      subject: "guest",
      namespace: asId(change.caller ?? "guest"),
      ...(apiKey === undefined ? undefined : { apiKey }),
    },
    args: { name: "world" },
    initEnv: change.initEnv ?? {},
    acceptedAt: 1_700_000_000_000,
    recordAnnotations: [],
    retryOnLoss: change.retryOnLoss ?? false,
  };
}

/** What was told of one activation, in order, and a promise of its end. */
export class Told implements DispatchEvents {
  readonly order: string[] = [];
  result: RunOutcome | undefined;
  logs: readonly string[] | undefined;
  refused: Error | undefined;
  readonly over: Promise<void>;
  before: () => Promise<void> | undefined = () => undefined;
  #end: () => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  readonly beforeRun = (): Promise<void> | undefined => {
    this.order.push("before");
    return this.before();
  };

  readonly onResult = (outcome: RunOutcome): void => {
    this.order.push("result");
    this.result = outcome;
  };

  readonly onComplete = (outcome: RunOutcome, logs: readonly string[]): void => {
    this.order.push("complete");
    this.result = outcome;
    this.logs = logs;
    this.#end();
  };

  readonly onRefused = (error: Error): void => {
    this.order.push("refused");
    this.refused = error;
    this.#end();
  };

  /** The same listener with some calls replaced. */
  but(change: Partial<DispatchEvents>): DispatchEvents {
    const { beforeRun, onResult, onComplete, onRefused } = this;
    return { beforeRun, onResult, onComplete, onRefused, ...change };
  }
}
