import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import { type Catalog, type Content, type ListQuery, notFound } from "./catalog.ts";
import { commonContentOf } from "./put-fields.ts";
import { type EntityRef, refText } from "./ref.ts";
import type { ActionResolver } from "./resolver.ts";
import type { RulePut } from "./rule-put.ts";
import { type Rule, type RuleStatus, statusUnder } from "./rule.ts";
import type { Trigger } from "./trigger.ts";

/**
 * Rules that may hang on one trigger (chosen; OpenWhisk has no bound): a firing reads them all at once, so that none is missed or met
 * twice while others change, and its record has a line for each, 250 KB at this number.
 */
export const RULES_PER_TRIGGER_MAX = 1000;
// Writers that count at the same time may exceed the bound by their number; what they wrote is still seen.
const RULES_READ_MAX = 2 * RULES_PER_TRIGGER_MAX;

const NO_TRIGGER = "Only rules with existing triggers can be activated";

/** Rules, and what they are to the triggers that they hang on. */
export class RuleCatalog {
  readonly #rules: Catalog<Rule>;
  readonly #triggers: Catalog<Trigger>;
  readonly #resolver: ActionResolver;

  constructor(deps: {
    readonly rules: Catalog<Rule>;
    readonly triggers: Catalog<Trigger>;
    readonly resolver: ActionResolver;
  }) {
    this.#rules = deps.rules;
    this.#triggers = deps.triggers;
    this.#resolver = deps.resolver;
  }

  get cache(): Catalog<Rule>["cache"] {
    return this.#rules.cache;
  }

  /** As the store has it now. @throws `entity/not-found`, `entity/conflict` for another kind of entity */
  read(ref: EntityRef): Promise<Rule> {
    return this.#rules.read(ref);
  }

  list(query: ListQuery): Promise<readonly Rule[]> {
    return this.#rules.list(query);
  }

  count(query: Omit<ListQuery, "limit">): Promise<number> {
    return this.#rules.count(query);
  }

  /** Active or not. @throws `entity/not-found`, `entity/conflict`, `entity/concurrent-change` */
  remove(ref: EntityRef): Promise<Rule | undefined> {
    return this.#rules.remove(ref);
  }

  /**
   * The rules that hang on this very trigger, and not on a former one of its name: at most {@link RULES_PER_TRIGGER_MAX}. Asked of the
   * store's index each time: a change counts as soon as it is acknowledged, whoever made it. A cache would spare 45 us of the 6 ms that
   * a firing takes, and would have to drop a whole namespace's rules with each change, as the feed does not say what a rule hung on.
   */
  async ofTrigger({ namespace, path, incarnation }: Trigger): Promise<readonly Rule[]> {
    const rules = await this.#rules.list({ namespace, link: path, skip: 0, limit: RULES_READ_MAX });
    return rules.filter((rule) => rule.incarnation === incarnation);
  }

  /** Whether it is in force. */
  async statusOf(rule: Rule): Promise<RuleStatus> {
    return statusUnder(await this.#triggerOf(rule.trigger), rule);
  }

  /**
   * Creates the rule, active, or updates it when `overwrite`: its status stays as it was in force, its link moves.
   *
   * @throws `auth/forbidden` for a trigger or an action that the caller may not read, `request/malformed` when one is missing,
   * `entity/conflict`, `entity/concurrent-change`, `request/too-large`, `limits/rules`
   */
  async write(
    ref: EntityRef,
    put: RulePut,
    options: { readonly identity: Identity; readonly overwrite: boolean; readonly bytesMax: number },
  ): Promise<Rule> {
    const { identity, bytesMax } = options;
    // Who may not know of them is told nothing else, not even that the rule exists.
    if (put.trigger !== undefined) requireOwner(identity, put.trigger.namespace, put.trigger.path);
    if (put.action !== undefined) await this.#exists(identity, put.action).catch(asRefusal);
    return await this.#rules.write(ref, (old) => this.#contentOf(old, put, { identity, bytesMax }), options);
  }

  /**
   * Enables or disables the rule. A rule whose trigger was replaced by another of the same name is linked to that one.
   *
   * @throws `entity/not-found` for the rule, and for the trigger of a rule to be enabled; `entity/conflict`, `entity/concurrent-change`
   */
  async setStatus(ref: EntityRef, status: RuleStatus): Promise<void> {
    const rule = await this.#rules.read(ref);
    if ((await this.statusOf(rule)) === status) return;
    const plan = async (old: Rule | undefined): Promise<Content<Rule>> => {
      if (old === undefined) throw notFound();
      const trigger = await this.#triggerOf(old.trigger);
      if (trigger === undefined) throw new PlatformError("entity/not-found", NO_TRIGGER);
      return { ...contentOf(old), status, incarnation: trigger.incarnation };
    };
    await this.#rules.write(ref, plan, { overwrite: true });
  }

  async #contentOf(
    old: Rule | undefined,
    put: RulePut,
    { identity, bytesMax }: { readonly identity: Identity; readonly bytesMax: number },
  ): Promise<Content<Rule>> {
    const [named, action] = [put.trigger ?? old?.trigger, put.action ?? old?.action];
    if (named === undefined || action === undefined) throw refused("rule requires a valid trigger and a valid action");
    const trigger = await this.#triggers.load(named).catch(asRefusal);
    if (trigger === undefined) throw refused(`trigger /${refText(named)} does not exist`);
    if (!(await this.#exists(identity, action).catch(asRefusal))) {
      throw refused(`action /${refText(action)} does not exist`);
    }
    if (old?.trigger.path !== named.path) await this.#requireRoom(named);
    const { parameters: _, ...common } = commonContentOf(old && { ...old, parameters: [] }, put, bytesMax);
    const status = old === undefined ? "active" : await this.statusOf(old);
    return { ...common, trigger: named, action, status, incarnation: trigger.incarnation };
  }

  /** What can no longer be read, or is something else by now, is no trigger. */
  async #triggerOf(ref: EntityRef): Promise<Trigger | undefined> {
    try {
      return await this.#triggers.load(ref);
    } catch (error) {
      if (isPlatformError(error, "entity/conflict") || isPlatformError(error, "store/corrupted")) return undefined;
      throw error;
    }
  }

  /** @throws `auth/forbidden`, `entity/conflict` for what is not an action */
  async #exists(identity: Identity, action: EntityRef): Promise<boolean> {
    try {
      await this.#resolver.resolve(identity, action);
      return true;
    } catch (error) {
      if (isPlatformError(error, "entity/not-found")) return false;
      throw error;
    }
  }

  /** Rules left over from a former trigger of the name count too: a firing has to read past them. */
  async #requireRoom({ namespace, path }: EntityRef): Promise<void> {
    const linked = await this.#rules.count({ namespace, link: path, skip: 0 });
    if (linked < RULES_PER_TRIGGER_MAX) return;
    throw new PlatformError(
      "limits/rules",
      `Too many rules for the trigger /${namespace}/${path} (count: ${linked}, allowed: ${RULES_PER_TRIGGER_MAX}).`,
    );
  }
}

function contentOf({ version, publish, annotations, trigger, action, status, incarnation }: Rule): Content<Rule> {
  return { version, publish, annotations, trigger, action, status, incarnation };
}

/** What is wrong with the things a rule names is wrong with the request. */
function asRefusal(error: unknown): never {
  throw isPlatformError(error, "entity/conflict") ? refused(error.message) : error;
}

function refused(message: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", message);
}
