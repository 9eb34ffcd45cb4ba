import assert from "node:assert/strict";
import { createEntities, type Entities } from "../../../src/controller/entities/entities.ts";
import type { EffectiveAction } from "../../../src/controller/entities/action.ts";
import { Runtimes } from "../../../src/controller/entities/runtimes.ts";
import type { Identity } from "../../../src/controller/entitlement/identity.ts";
import { Compositions } from "../../../src/controller/invocation/compositions.ts";
import { LocalInvocations } from "../../../src/controller/invocation/invocations.ts";
import type { InvokeResult } from "../../../src/controller/invocation/port.ts";
import { type RecoveryReport, recoverJournal } from "../../../src/controller/invocation/recovery.ts";
import type { ActivationMessage, ActivationRecord } from "../../../src/kernel/activation.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import type { DispatchEvents, InvokerPort } from "../../../src/kernel/dispatch.ts";
import { type ActivationId, asId, type Incarnation } from "../../../src/kernel/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/kernel/json.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { defaultOptions, type InvocationOptions } from "../../../src/kernel/options/options.ts";
import { seededRandom } from "../../../src/kernel/random.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { ActivationStore, Stores } from "../../../src/store/ports.ts";
import { identityOf } from "../../support/messages.ts";
import { ADVERT } from "../api/harness.ts";

export const guest = asId<never>("guest");
const transactionId = asId<never>("tid");

/** What a run does: gives a result, or stays until the test lets it go on, or is refused. */
export type Act = (
  args: ActivationMessage["args"],
  message: ActivationMessage,
) => JsonValue | Promise<JsonValue> | Error;

/** An invoker that runs functions of this process, one turn of the loop later. */
class ActingInvoker implements InvokerPort {
  readonly acts: Map<string, Act>;
  /** Every run that was begun: its action's path and its id. */
  readonly begun: { readonly path: string; readonly message: ActivationMessage }[] = [];
  isDead = false;

  constructor(acts: Map<string, Act>) {
    this.acts = acts;
  }

  dispatch(message: ActivationMessage, events: DispatchEvents): void {
    setImmediate(() => void this.#run(message, events));
  }

  async #run(message: ActivationMessage, events: DispatchEvents): Promise<void> {
    const { path } = message.action;
    const act = this.acts.get(path) ?? ((args) => args);
    try {
      await events.beforeRun();
    } catch (error) {
      events.onRefused(error as Error);
      return;
    }
    if (this.isDead) return;
    this.begun.push({ path, message });
    const result = await act(message.args, message);
    if (this.isDead) return;
    if (result instanceof Error) {
      events.onRefused(result);
      return;
    }
    const isError = isJsonObject(result) && "error" in result;
    const startAt = systemClock.wallMs();
    const outcome = {
      response: { statusCode: isError ? 1 : 0, result },
      startAt,
      endAt: startAt + 5,
      timedOut: false,
    } as const;
    events.onResult(outcome);
    setImmediate(() => events.onComplete(outcome, ["a line"]));
  }
}

/** A platform without HTTP and containers, on stores that outlive it. */
export class House {
  readonly stores: Stores;
  readonly entities: Entities;
  readonly code: LocalInvocations;
  readonly compositions: Compositions;
  readonly invoker: ActingInvoker;
  readonly me: Incarnation;
  identity: Identity | undefined;
  readonly #activations: ActivationStore;

  constructor(
    over: {
      readonly stores?: Stores;
      readonly acts?: Record<string, Act>;
      readonly identity?: Identity;
      readonly inFlightMax?: number;
      readonly options?: Partial<InvocationOptions>;
      readonly me?: string;
      readonly wrap?: (activations: ActivationStore) => ActivationStore;
    } = {},
  ) {
    const clock = systemClock;
    this.stores = over.stores ?? memoryStores({ clock });
    this.me = asId(over.me ?? "first");
    this.identity = over.identity ?? identityOf();
    this.invoker = new ActingInvoker(new Map(Object.entries(over.acts ?? {})));
    const activations = over.wrap?.(this.stores.activations) ?? this.stores.activations;
    this.#activations = activations;
    const options = { ...defaultOptions().invocation, inFlightMax: over.inFlightMax ?? 100, ...over.options };
    const random = seededRandom(this.me);
    const ground = { activations, me: this.me, clock, random, log: silentLog };
    this.code = new LocalInvocations({ ...ground, options, invoker: this.invoker });
    const runtimes = new Runtimes(ADVERT);
    this.entities = createEntities({ stores: this.stores, runtimes, clock });
    this.compositions = new Compositions({
      ...ground,
      ...this.entities,
      runtimes,
      code: this.code,
      identityOf: () => this.identity,
    });
  }

  /** Code, unless `components` or `conductor` say otherwise. */
  async put(
    name: string,
    what: {
      readonly components?: readonly string[];
      readonly annotations?: JsonObject;
      readonly parameters?: JsonObject;
      readonly memory?: number;
      readonly kind?: string;
    } = {},
  ): Promise<void> {
    const pairs = (object: JsonObject = {}) => Object.entries(object).map(([key, value]) => ({ key, value }));
    const components = what.components?.map((path) => {
      const [space, ...rest] = path.startsWith("/") ? path.slice(1).split("/") : ["guest", path];
      return { namespace: asId<never>(space!), path: asId<never>(rest.join("/")) };
    });
    const exec =
      components === undefined
        ? { kind: what.kind ?? "nodejs:24", code: "function main(args) { return args }" }
        : ({ kind: "sequence", components } as const);
    await this.entities.actions.write(
      { namespace: guest, path: asId(name) },
      {
        exec,
        annotations: pairs(what.annotations),
        parameters: pairs(what.parameters),
        ...(what.memory === undefined ? {} : { limits: { memory: what.memory } }),
      },
      { overwrite: true, bounds: { ...defaultOptions().limits.action, instancesMax: 30 } },
    );
  }

  async invoke(
    name: string,
    payload: JsonObject = {},
    how: { readonly waitMs?: number; readonly activationId?: ActivationId } = {},
  ): Promise<InvokeResult> {
    const identity = this.identity ?? identityOf();
    const action: EffectiveAction = await this.entities.resolver.resolve(identity, {
      namespace: guest,
      path: asId(name),
    });
    return await this.compositions.invoke({ identity, action, payload, transactionId, ...how });
  }

  /** Blocking, to its end. */
  async run(name: string, payload: JsonObject = {}): Promise<ActivationRecord> {
    const result = await this.invoke(name, payload, { waitMs: 60_000 });
    assert(result.kind === "done", "it ended within a minute");
    return result.record;
  }

  /** The final record, when it is there. */
  async record(id: string): Promise<ActivationRecord> {
    return await until(async () => {
      const stored = await this.stores.activations.get(guest, asId(id));
      return stored?.kind === "final" ? stored.record : undefined;
    }, `the record of ${id}`);
  }

  /** As a kill would: nothing more comes of it, and what runs is never heard of again. */
  kill(): void {
    this.invoker.isDead = true;
    void this.code.close(0);
  }

  recover(): Promise<RecoveryReport> {
    const { code, compositions, me } = this;
    const deps = {
      activations: this.#activations,
      invocations: code,
      compositions,
      me,
      page: 2,
      random: seededRandom("recovery"),
      log: silentLog,
    };
    return recoverJournal(deps, new AbortController().signal);
  }
}

export async function until<T>(probe: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/** A gate that a test opens. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

export function annotation(record: ActivationRecord, key: string): JsonValue | undefined {
  return record.annotations.find((pair) => pair.key === key)?.value;
}
