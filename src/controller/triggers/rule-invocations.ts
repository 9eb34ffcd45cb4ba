import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { ActivationId, TransactionId } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Log } from "../../kernel/log.ts";
import type { ActivationStore } from "../../store/ports.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireKind } from "../entitlement/rights.ts";
import type { Throttles } from "../entitlement/throttles.ts";
import { requireLiveKind } from "../entities/action-change.ts";
import { isCode } from "../entities/action.ts";
import { refText } from "../entities/ref.ts";
import type { ActionResolver } from "../entities/resolver.ts";
import type { Rule } from "../entities/rule.ts";
import type { Runtimes } from "../entities/runtimes.ts";
import type { Invocations } from "../invocation/port.ts";
import type { RuleOutcome } from "./rule-outcome.ts";

const GENERIC = "There was an internal server error.";

/** One action to start on behalf of a rule. */
export interface RuleCall {
  readonly rule: Rule;
  readonly identity: Identity;
  readonly args: JsonObject;
  readonly transactionId: TransactionId;
  /** Derived from what was fired; started once, however often it is asked for. */
  readonly activationId?: ActivationId;
}

export interface RuleInvocationDeps {
  readonly resolver: ActionResolver;
  readonly throttles: Throttles;
  readonly runtimes: Runtimes;
  readonly invocations: Invocations;
  readonly activations: ActivationStore;
  readonly log: Log;
}

/**
 * Starts the actions of rules just as their owner would, calling each without waiting: throttled, with the owner's rights and kinds.
 * (OpenWhisk sends itself a request for each.)
 */
export class RuleInvocations {
  readonly #deps: RuleInvocationDeps;

  constructor(deps: RuleInvocationDeps) {
    this.#deps = deps;
  }

  /** Never rejects: a failure is the rule's outcome. When it is `started`, its activation is journaled. */
  async invoke(call: RuleCall): Promise<RuleOutcome> {
    const { rule } = call;
    try {
      return { rule, kind: "started", activationId: await this.#start(call) };
    } catch (error) {
      return { rule, kind: "failed", error: this.#failureOf(error, call) };
    }
  }

  async #start({ rule, identity, args, transactionId, activationId }: RuleCall): Promise<ActivationId> {
    const { resolver, throttles, runtimes, invocations, activations } = this.#deps;
    if (activationId !== undefined && (await activations.get(identity.namespace, activationId)) !== undefined) {
      // Done at the first try: neither its owner's limits nor what became of the action since matter to it.
      return activationId;
    }
    throttles.takeInvocation(identity);
    const action = await resolver.resolve(identity, rule.action);
    if (isCode(action)) {
      requireKind(identity, action.exec.kind);
      requireLiveKind(action.exec, runtimes);
    }
    const request = { identity, action, payload: args, transactionId };
    const result = await invocations.invoke(activationId === undefined ? request : { ...request, activationId });
    return result.kind === "accepted" ? result.activationId : result.record.activationId;
  }

  #failureOf(error: unknown, { rule, transactionId }: RuleCall): PlatformError {
    const expected = isPlatformError(error) && error.code !== "internal/unexpected";
    if (expected && error.kind.status < 500) return error;
    const fields = { error, transactionId, rule: refText(rule), action: refText(rule.action) };
    this.#deps.log.warn(fields, "the action of a rule could not be started");
    return expected ? error : new PlatformError("internal/unexpected", GENERIC, { cause: error });
  }
}
