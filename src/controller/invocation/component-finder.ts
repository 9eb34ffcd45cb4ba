import type { Clock } from "../../kernel/clock.ts";
import { isPlatformError } from "../../kernel/errors.ts";
import type { ActivationId } from "../../kernel/ids.ts";
import type { ComponentName, Composed, CompositionEvent, Entry } from "../core/composition-state.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireKind } from "../entitlement/rights.ts";
import { requireLiveKind } from "../entities/action-change.ts";
import { type CodeAction, type EffectiveAction, isSequence, type SequenceAction } from "../entities/action.ts";
import { parseRef, refText } from "../entities/ref.ts";
import type { ActionResolver } from "../entities/resolver.ts";
import type { Runtimes } from "../entities/runtimes.ts";
import { actionRefOf, isConductor, recordAnnotationsOf, templateOf } from "./message.ts";
import type { InvokeRequest } from "./port.ts";

export interface FinderDeps {
  readonly resolver: ActionResolver;
  readonly runtimes: Runtimes;
  readonly clock: Clock;
}

export type Caller = Pick<InvokeRequest, "identity" | "transactionId">;

/** What is behind a component's name; code comes with the action, which the machine has no use for. */
export type Found =
  | { readonly event: CompositionEvent & { kind: "found-code" }; readonly action: EffectiveAction & CodeAction }
  | { readonly event: CompositionEvent & { kind: "found-composition" | "unfound" } };

/** An action that has others run. */
export type ComposedAction = EffectiveAction & (SequenceAction | CodeAction);

/** True for what runs others: sequences and conductors. */
export function isComposed(action: EffectiveAction): action is ComposedAction {
  return isSequence(action) || isConductor(action);
}

/** Finds components under their caller's rights, as the caches know them now. */
export class ComponentFinder {
  readonly #deps: FinderDeps;

  constructor(deps: FinderDeps) {
    this.#deps = deps;
  }

  /** @throws what is nobody's fault but the platform's (`store/unavailable`, `store/corrupted`) */
  async find(caller: Caller, name: ComponentName | string, newId: () => ActivationId): Promise<Found> {
    const ref = typeof name === "string" ? parseRef(name, caller.identity.namespace) : name;
    if (ref === undefined) return unfound("invalid", JSON.stringify(name), "");
    try {
      const action = await this.#deps.resolver.resolve(caller.identity, ref);
      if (isComposed(action)) {
        return { event: { kind: "found-composition", entry: this.entryOf(action, caller, newId()) } };
      }
      this.#requireRunnable(caller.identity, action);
      return { event: { kind: "found-code" }, action: action as EffectiveAction & CodeAction };
    } catch (error) {
      if (isPlatformError(error, "entity/not-found") || isPlatformError(error, "entity/conflict")) {
        return unfound("missing", refText(ref), error.message);
      }
      // Not allowed: the action itself, its kind, or a kind that is no longer run.
      if (isPlatformError(error, "auth/forbidden") || isPlatformError(error, "request/malformed")) {
        return unfound("forbidden", refText(ref), error.message);
      }
      throw error;
    }
  }

  /** What begins when this action is activated. */
  entryOf(action: ComposedAction, caller: Caller, id: ActivationId): Entry {
    const { limits } = action;
    const composed: Composed = { action: actionRefOf(action), limits, annotations: recordAnnotationsOf(action) };
    const startAt = this.#deps.clock.wallMs();
    if ("components" in action.exec) {
      return { kind: "sequence", id, composed, startAt, components: action.exec.components };
    }
    // Plain data throughout, but interfaces have no index signature.
    const call = templateOf(action as EffectiveAction & CodeAction, caller) as unknown as (Entry & {
      kind: "conductor";
    })["call"];
    return { kind: "conductor", id, composed, startAt, call };
  }

  #requireRunnable(identity: Identity, action: EffectiveAction): void {
    requireKind(identity, action.exec.kind);
    requireLiveKind(action.exec, this.#deps.runtimes);
  }
}

function unfound(why: "invalid" | "missing" | "forbidden", name: string, text: string): Found {
  return { event: { kind: "unfound", why, name, text } };
}
