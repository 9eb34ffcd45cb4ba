import { asId } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import { requireOwner } from "../entitlement/rights.ts";
import type { Action, EffectiveAction } from "./action.ts";
import { type Catalog, notFound } from "./catalog.ts";
import { mergeKeyValues } from "./key-values.ts";
import type { Package } from "./package.ts";
import { type EntityRef, nameOf, packageOf } from "./ref.ts";

/** Who asks; `anyone` asks for web actions, which say themselves whom they serve. */
export type Access = Identity | "anyone";

/** What is known of a packaged action's surroundings. */
export interface ReachedPackage {
  /** The package that holds the actions. */
  readonly provider: Package;
  /** The binding it was reached through. */
  readonly binding?: Package;
}

interface Effective {
  readonly provider: Package;
  readonly binding: Package | undefined;
  readonly action: EffectiveAction;
}

/**
 * Finds actions by the names callers use: through packages and bindings, with parameters merged package < binding < action, and only
 * where the caller may. Everything comes from the caches; with all of it cached, an answer needs no promise (the warm path).
 */
export class ActionResolver {
  readonly #actions: Catalog<Action>;
  readonly #packages: Catalog<Package>;
  /** The last merge of each action: the same objects again give the same effective action, with all that is computed from it. */
  readonly #merged = new WeakMap<Action, Effective>();

  constructor(deps: { readonly actions: Catalog<Action>; readonly packages: Catalog<Package> }) {
    this.#actions = deps.actions;
    this.#packages = deps.packages;
  }

  /**
   * The action as `access` may invoke it.
   *
   * @throws `auth/forbidden`, `entity/not-found`, `entity/conflict` for a name of another kind; as a rejection where it takes a step
   */
  resolve(access: Access, ref: EntityRef): EffectiveAction | Promise<EffectiveAction> {
    const folder = packageOf(ref.path);
    if (folder === undefined) {
      if (access !== "anyone") requireOwner(access, ref.namespace, ref.path);
      const action = this.#actions.find(ref);
      return action instanceof Promise ? action.then(required) : action;
    }
    const reached = this.reachPackage(access, { namespace: ref.namespace, path: folder }, ref);
    return reached instanceof Promise
      ? reached.then((found) => this.#inPackage(found, ref))
      : this.#inPackage(reached, ref);
  }

  /**
   * The package of that name, and the one behind it where it is a binding; refused unless `access` may use both: what is published, and
   * what is one's own. `asked` is what a refusal names.
   *
   * @throws `auth/forbidden`, `entity/not-found`, `entity/conflict`
   */
  reachPackage(access: Access, ref: EntityRef, asked: EntityRef = ref): ReachedPackage | Promise<ReachedPackage> {
    const check = (found: Package | undefined): ReachedPackage | Promise<ReachedPackage> => {
      // Whether it is missing or private is its owner's to know.
      if (found?.publish !== true && access !== "anyone") requireOwner(access, asked.namespace, asked.path);
      const folder = required(found);
      return folder.binding === undefined ? { provider: folder } : this.#behind(access, folder, folder.binding);
    };
    const found = this.#packages.find(ref);
    return found instanceof Promise ? found.then(check) : check(found);
  }

  #behind(access: Access, binding: Package, target: EntityRef): ReachedPackage | Promise<ReachedPackage> {
    const check = (provider: Package | undefined): ReachedPackage => {
      // That its owner bound it gives nobody else a right to it, and its publisher may have withdrawn it since.
      if (provider?.publish !== true && access !== "anyone") requireOwner(access, target.namespace, target.path);
      return { provider: required(provider), binding };
    };
    const found = this.#packages.find(target);
    return found instanceof Promise ? found.then(check) : check(found);
  }

  #inPackage({ provider, binding }: ReachedPackage, ref: EntityRef): EffectiveAction | Promise<EffectiveAction> {
    const name = nameOf(ref.path);
    const found = this.#actions.find({
      namespace: provider.namespace,
      path: asId(`${provider.path}/${name}`),
    });
    return found instanceof Promise
      ? found.then((action) => this.#merge(required(action), provider, binding))
      : this.#merge(found, provider, binding);
  }

  #merge(action: Action, provider: Package, binding: Package | undefined): EffectiveAction {
    const known = this.#merged.get(action);
    if (known !== undefined && known.provider === provider && known.binding === binding) return known.action;
    const inherited = binding === undefined ? provider.parameters : mergedOf(provider, binding);
    const effective: EffectiveAction = {
      ...action,
      parameters: mergeKeyValues(inherited, action.parameters),
      ...(binding === undefined ? {} : { binding: { namespace: binding.namespace, path: binding.path } }),
    };
    this.#merged.set(action, { provider, binding, action: effective });
    return effective;
  }
}

/** Parameters of a binding: the provider's, with its own over them. */
export function mergedOf(provider: Package, binding: Package): Package["parameters"] {
  return mergeKeyValues(provider.parameters, binding.parameters);
}

function required<Doc>(doc: Doc | undefined): Doc {
  if (doc === undefined) throw notFound();
  return doc;
}
