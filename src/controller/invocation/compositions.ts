import type { CompositionMessage } from "../../kernel/activation.ts";
import { assert } from "../../kernel/errors.ts";
import type { Namespace } from "../../kernel/ids.ts";
import { Composition } from "../core/composition.ts";
import type { ActionResolver } from "../entities/resolver.ts";
import { requireReachable } from "../entities/sequence.ts";
import { type ComposedAction, ComponentFinder, type FinderDeps, isComposed } from "./component-finder.ts";
import { composedMessage, readComposed } from "./composition-message.ts";
import { CompositionRun, type RunDeps } from "./composition-run.ts";
import { actionRefOf, callerOf, recordAnnotationsOf, requireAllowed } from "./message.ts";
import type { Invocations, InvokeRequest, InvokeResult } from "./port.ts";

export type CompositionDeps = Omit<RunDeps, "finder"> & FinderDeps;

/**
 * Invokes whatever there is to invoke: code goes to those who run it, sequences and conductors are composed of such runs here. They
 * take a place in flight each; no container is held for them, nor by them between two components.
 */
export class Compositions implements Invocations {
  readonly #deps: RunDeps;
  readonly #resolver: ActionResolver;

  constructor(deps: CompositionDeps) {
    this.#resolver = deps.resolver;
    this.#deps = { ...deps, finder: new ComponentFinder(deps) };
  }

  inFlight(namespace: Namespace): number {
    return this.#deps.code.inFlight(namespace);
  }

  invoke(request: InvokeRequest): Promise<InvokeResult> {
    const { action } = request;
    return isComposed(action) ? this.#compose(request, action) : this.#deps.code.invoke(request);
  }

  /** Takes a composition whose journal entry this process has just adopted, and goes on with it. @throws `store/corrupted` */
  resume(message: CompositionMessage): void {
    const { state, current } = readComposed(message);
    const leave = this.#deps.code.enter(message.caller.namespace, { promised: true });
    new CompositionRun(this.#deps, { message, composition: Composition.restore(state), leave }).resume(current);
  }

  async #compose(request: InvokeRequest, action: ComposedAction): Promise<InvokeResult> {
    const { code, finder, clock } = this.#deps;
    const { identity, payload, waitMs, activationId } = request;
    assert(activationId === undefined || waitMs === undefined, "only a non-blocking call may bring its id");
    const acceptedAt = clock.wallMs();
    requireAllowed(action, payload);
    // All of them, before any runs. One that is missing is found out in its turn.
    if ("components" in action.exec) await requireReachable(this.#resolver, identity, action.exec.components);
    const leave = code.enter(identity.namespace);
    const entry = finder.entryOf(action, request, activationId ?? code.nextId());
    const { composition, effects } = Composition.begin(entry, payload);
    const message: Omit<CompositionMessage, "composition"> = {
      activationId: entry.id,
      transactionId: request.transactionId,
      action: actionRefOf(action),
      caller: callerOf(identity, false),
      acceptedAt,
      recordAnnotations: recordAnnotationsOf(action),
      retryOnLoss: false,
      ...(identity.limits.storeActivations ? undefined : { unstored: true as const }),
      ...(request.storedAlways === true ? { storedAlways: true as const } : undefined),
    };
    const whole = composedMessage({ ...message, composition: {} }, composition.snapshot(), undefined);
    const run = new CompositionRun(this.#deps, { message: whole, composition, identity, leave });
    if (waitMs !== undefined) return await run.wait(effects, waitMs);
    return await run.promise(effects, { repeatable: activationId !== undefined });
  }
}
