import type { Clock } from "../../kernel/clock.ts";
import type { Stores } from "../../store/ports.ts";
import type { ChangeListener } from "../cache/changes.ts";
import type { CacheFigures } from "../cache/entity-cache.ts";
import type { Action } from "./action.ts";
import { ActionCatalog } from "./action-catalog.ts";
import { actionForm } from "./action-document.ts";
import { Catalog } from "./catalog.ts";
import { type Package, packageForm } from "./package.ts";
import { ActionResolver } from "./resolver.ts";
import { RuleCatalog } from "./rule-catalog.ts";
import { type Rule, ruleForm } from "./rule.ts";
import type { Runtimes } from "./runtimes.ts";
import { type Trigger, triggerForm } from "./trigger.ts";

const MIB = 1_048_576;
// Chosen: room for some tens of thousands of ordinary actions, or for 32 with the largest parameters; the others are asked for less.
const ACTION_CACHE_BYTES = 64 * MIB;
const CACHE_BYTES = 16 * MIB;

/** Everything users keep in their namespaces. */
export interface Entities {
  readonly actions: ActionCatalog;
  readonly packages: Catalog<Package>;
  readonly triggers: Catalog<Trigger>;
  readonly rules: RuleCatalog;
  readonly resolver: ActionResolver;
  /** What must hear of changes made by other processes. */
  readonly caches: readonly ChangeListener[];
  /** How often each kind was found in its cache, by now. */
  readonly cacheFigures: () => Readonly<Record<string, CacheFigures>>;
}

export function createEntities(deps: {
  readonly stores: Pick<Stores, "artifacts" | "attachments">;
  readonly runtimes: Runtimes;
  readonly clock: Clock;
}): Entities {
  const { stores, runtimes, clock } = deps;
  const ground = { artifacts: stores.artifacts, clock };
  const actions = new Catalog<Action>({ ...ground, form: actionForm, cacheBytesMax: ACTION_CACHE_BYTES });
  const packages = new Catalog<Package>({ ...ground, form: packageForm, cacheBytesMax: CACHE_BYTES });
  const triggers = new Catalog<Trigger>({ ...ground, form: triggerForm, cacheBytesMax: CACHE_BYTES });
  const rules = new Catalog<Rule>({ ...ground, form: ruleForm, cacheBytesMax: CACHE_BYTES });
  const resolver = new ActionResolver({ actions, packages });
  return {
    actions: new ActionCatalog({ actions, attachments: stores.attachments, runtimes }),
    packages,
    triggers,
    rules: new RuleCatalog({ rules, triggers, resolver }),
    resolver,
    caches: [actions.cache, packages.cache, triggers.cache, rules.cache],
    cacheFigures: () => ({
      action: actions.cache.figures,
      package: packages.cache.figures,
      trigger: triggers.cache.figures,
      rule: rules.cache.figures,
    }),
  };
}
