import { type ActivationRecord, Status } from "../../kernel/activation.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { PlatformError } from "../../kernel/errors.ts";
import type { ActivationId, EntityPath, TransactionId } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Identity } from "../entitlement/identity.ts";
import { type Catalog, notFound } from "../entities/catalog.ts";
import type { EntityRef } from "../entities/ref.ts";
import type { RuleCatalog } from "../entities/rule-catalog.ts";
import type { Rule } from "../entities/rule.ts";
import type { Trigger } from "../entities/trigger.ts";
import { activationIds } from "../invocation/ids.ts";
import { argsOf, sizeFault, withHeaders } from "./args.ts";
import { inParallel } from "./parallel.ts";
import { type RuleInvocationDeps, RuleInvocations } from "./rule-invocations.ts";
import { logLine, type RuleOutcome } from "./rule-outcome.ts";

/** One event for one trigger. Whether the caller may fire it, and how often, was checked before. */
export interface FireRequest {
  readonly identity: Identity;
  readonly trigger: EntityRef;
  readonly payload: JsonObject;
  readonly transactionId: TransactionId;
  /** What the event came with, names in lower case: actions get it as `__ow_headers`. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Ids derived from what the event stands for (a tick of an alarm): fired again under the same ids, it does what was not done yet and
   * nothing twice. Of a namespace that keeps no records only what still runs is remembered.
   */
  readonly ids?: FiringIds;
}

export interface FiringIds {
  readonly trigger: ActivationId;
  readonly rule: (rule: EntityPath) => ActivationId;
}

/** What became of an event. */
export type FireResult =
  | { readonly kind: "fired"; readonly activationId: ActivationId }
  /** No rule is active: nothing was done, and there is no record. */
  | { readonly kind: "idle" };

/** What a firing needs. */
export interface FiringDeps extends RuleInvocationDeps {
  readonly triggers: Catalog<Trigger>;
  readonly rules: RuleCatalog;
  readonly clock: Clock;
  /** Bytes of the merged arguments, as JSON and without headers: what a caller might send to an action. */
  readonly argsBytesMax: number;
}

/** How many actions of one firing are being started at once (chosen): they share a commit of the journal, and one payload each. */
const PARALLEL_MAX = 32;

/**
 * Fires triggers: starts the action of each active rule, and keeps a record that says what came of each.
 *
 * The caller's answer comes last. When a firing resolves as `fired`, the activations of its rules are journaled and the trigger's own
 * record is stored, so whatever dies afterwards loses nothing (OpenWhisk answers first and starts then). When it rejects, nobody was
 * promised anything, though some rules may have started already.
 */
export class TriggerFiring {
  readonly #deps: FiringDeps;
  readonly #invocations: RuleInvocations;
  readonly #nextId: () => ActivationId;

  constructor(deps: FiringDeps) {
    this.#deps = deps;
    this.#invocations = new RuleInvocations(deps);
    this.#nextId = activationIds(deps.clock);
  }

  /**
   * Resolves when all of it survives the end of this process.
   *
   * @throws `entity/not-found`, `entity/conflict` for a name that is no trigger's, `store/unavailable`; `invoker/*` when no rule could
   * be started for a reason that will pass
   */
  async fire(request: FireRequest): Promise<FireResult> {
    const { triggers, rules: catalog, activations, clock } = this.#deps;
    const { identity, ids } = request;
    const start = clock.wallMs();
    const trigger = await triggers.find(request.trigger);
    if (trigger === undefined) throw notFound();
    if (ids !== undefined && (await activations.get(identity.namespace, ids.trigger)) !== undefined) {
      return { kind: "fired", activationId: ids.trigger };
    }
    const rules = await catalog.ofTrigger(trigger);
    if (!rules.some(({ status }) => status === "active")) return { kind: "idle" };
    const activationId = ids?.trigger ?? this.#nextId();
    const outcomes = await this.#start(request, trigger, rules);
    requireAnyStarted(outcomes);
    await this.#keep(recordOf(request, { trigger, outcomes, activationId, start }), identity);
    return { kind: "fired", activationId };
  }

  #start(request: FireRequest, trigger: Trigger, rules: readonly Rule[]): Promise<readonly RuleOutcome[]> {
    const { identity, payload, headers, transactionId, ids } = request;
    const merged = argsOf(trigger, payload);
    const tooLarge = sizeFault(merged, this.#deps.argsBytesMax);
    const args = withHeaders(merged, headers);
    return inParallel<Rule, RuleOutcome>(rules, PARALLEL_MAX, (rule) => {
      if (rule.status !== "active") return { rule, kind: "inactive" };
      if (tooLarge !== undefined) return { rule, kind: "failed", error: tooLarge };
      const activationId = ids?.rule(rule.path);
      const call = { rule, identity, args, transactionId };
      return this.#invocations.invoke(activationId === undefined ? call : { ...call, activationId });
    });
  }

  async #keep(record: ActivationRecord, { limits }: Identity): Promise<void> {
    const { activations, log } = this.#deps;
    const result = await activations.finish(record, {
      path: record.name,
      keep: limits.storeActivations,
      awaited: true,
    });
    if (result === "stored") return;
    // A second firing of the same ids came first: its record says the same.
    const { activationId } = record;
    log.info({ activationId, result }, "a trigger was fired twice under one id");
  }
}

/**
 * A firing of which nothing was started because the platform could not just now is refused, so that whoever fired may come again;
 * once one rule has started, the others' failures are told in the record alone, as in OpenWhisk.
 */
function requireAnyStarted(outcomes: readonly RuleOutcome[]): void {
  let passing: PlatformError | undefined;
  for (const outcome of outcomes) {
    if (outcome.kind === "started") return;
    if (outcome.kind === "failed" && outcome.error.kind.status === 503) passing ??= outcome.error;
  }
  if (passing !== undefined) throw passing;
}

/** A trigger's record has no end: what it started goes on by itself. */
function recordOf(
  { identity, payload }: FireRequest,
  fired: {
    readonly trigger: Trigger;
    readonly outcomes: readonly RuleOutcome[];
    readonly activationId: ActivationId;
    readonly start: number;
  },
): ActivationRecord {
  const { trigger, outcomes, activationId, start } = fired;
  return {
    namespace: identity.namespace,
    name: trigger.path,
    version: trigger.version,
    subject: identity.subject,
    activationId,
    start,
    response: { statusCode: Status.success, result: payload },
    logs: outcomes.map(logLine),
    annotations: [],
    publish: false,
  };
}
