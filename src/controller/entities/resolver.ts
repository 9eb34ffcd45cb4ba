import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import { asId } from "../../kernel/ids.ts";
import type { Identity } from "../entitlement/identity.ts";
import { forbidden, requireOwner } from "../entitlement/rights.ts";
import type { Action, EffectiveAction } from "./action.ts";
import { type Catalog, notFound } from "./catalog.ts";
import { mergeKeyValues } from "./key-values.ts";
import type { Package } from "./package.ts";
import { type EntityRef, nameOf, packageOf, refText } from "./ref.ts";

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
  readonly action: EffectiveAction;
}

// Chosen: the callers of a shared action at a time, each with a binding; one more costs a merge and no more than that.
const VARIANTS_MAX = 8;

/**
 * Finds actions by the names callers use: through packages and bindings, with parameters merged package < binding < action, and only
 * where the caller may. Everything comes from the caches; with all of it cached, an answer needs no promise (the warm path).
 */
export class ActionResolver {
  readonly #actions: Catalog<Action>;
  readonly #packages: Catalog<Package>;
  /**
   * What each action came to in the folders it was reached through lately: the same objects again give the same effective action, with
   * all that is computed from it.
   */
  readonly #merged = new WeakMap<Action, Map<Package, Effective>>();

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
    const reached = this.reachPackage(access, { namespace: ref.namespace, path: folder });
    return reached instanceof Promise
      ? reached.then((found) => this.#inPackage(found, ref))
      : this.#inPackage(reached, ref);
  }

  /**
   * The package of that name, and the one behind it where it is a binding; refused unless `access` may read both: packages that are
   * published, and those of one's own. A binding is its owner's alone, published or not: it is a name, not a package to share. That
   * someone bound a package gives him no lasting right to it, as its publisher may have withdrawn it since.
   *
   * @throws `auth/forbidden`, `entity/not-found`, `entity/conflict`, `request/malformed` for a binding of a binding,
   * `request/unprocessable` for one of itself
   */
  reachPackage(access: Access, ref: EntityRef): ReachedPackage | Promise<ReachedPackage> {
    const check = (found: Package | undefined): ReachedPackage | Promise<ReachedPackage> => {
      requireReadable(access, found, { of: ref, asked: ref });
      const folder = required(found);
      return folder.binding === undefined ? { provider: folder } : this.#behind(access, folder, folder.binding);
    };
    const found = this.#look(access, ref);
    return found instanceof Promise ? found.then(check) : check(found);
  }

  #behind(access: Access, binding: Package, target: EntityRef): ReachedPackage | Promise<ReachedPackage> {
    if (refText(target) === refText(binding)) throw circular(target);
    const check = (found: Package | undefined): ReachedPackage => {
      requireReadable(access, found, { of: target, asked: binding });
      const provider = required(found);
      // What was bound was a package once: it was deleted, and its name given to a binding.
      if (provider.binding !== undefined) throw bindingOfBinding();
      return { provider, binding };
    };
    const found = this.#look(access, target);
    return found instanceof Promise ? found.then(check) : check(found);
  }

  /** Others are not even told that the name belongs to something else, or to what cannot be read. */
  #look(access: Access, ref: EntityRef): Package | Promise<Package | undefined> {
    const found = this.#packages.find(ref);
    return found instanceof Promise && !isOwner(access, ref) ? found.catch(asMissing) : found;
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
    const folder = binding ?? provider;
    const variants = this.#variantsOf(action);
    const known = variants.get(folder);
    if (known !== undefined && known.provider === provider) return known.action;
    const inherited = binding === undefined ? provider.parameters : mergedOf(provider, binding);
    const effective: EffectiveAction = {
      ...action,
      parameters: mergeKeyValues(inherited, action.parameters),
      ...(binding === undefined ? {} : { binding: { namespace: binding.namespace, path: binding.path } }),
    };
    for (const oldest of variants.keys()) {
      if (variants.size < VARIANTS_MAX) break;
      variants.delete(oldest);
    }
    variants.set(folder, { provider, action: effective });
    return effective;
  }

  #variantsOf(action: Action): Map<Package, Effective> {
    let variants = this.#merged.get(action);
    if (variants === undefined) {
      variants = new Map();
      this.#merged.set(action, variants);
    }
    return variants;
  }
}

/** Parameters of a binding: the provider's, with its own over them. */
export function mergedOf(provider: Package, binding: Package): Package["parameters"] {
  return mergeKeyValues(provider.parameters, binding.parameters);
}

/** The refusal of a binding whose target is no package but a binding too. */
export function bindingOfBinding(): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", "Cannot bind to another package binding.");
}

function circular(target: EntityRef): PlatformError<"request/unprocessable"> {
  return new PlatformError(
    "request/unprocessable",
    `Package binding '${refText(target)}' contains a circular reference.`,
  );
}

function isOwner(access: Access, ref: EntityRef): boolean {
  return access !== "anyone" && access.namespace === ref.namespace;
}

/** Whether it is missing or private is its owner's to know. A refusal names what was asked for. */
function requireReadable(
  access: Access,
  found: Package | undefined,
  { of, asked }: { readonly of: EntityRef; readonly asked: EntityRef },
): void {
  if (access === "anyone" || access.namespace === of.namespace) return;
  if (found?.publish !== true || found.binding !== undefined) throw forbidden(refText(asked));
}

function asMissing(error: unknown): undefined {
  if (!isPlatformError(error, "entity/conflict") && !isPlatformError(error, "store/corrupted")) throw error;
}

function required<Doc>(doc: Doc | undefined): Doc {
  if (doc === undefined) throw notFound();
  return doc;
}
