import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import type { ArtifactStore } from "../../store/ports.ts";
import type { ActionCatalog } from "./action-catalog.ts";
import { type Catalog, concurrentChange } from "./catalog.ts";
import type { Package } from "./package.ts";
import { type PackagedAction, packagedAction } from "./package-view.ts";
import type { EntityRef } from "./ref.ts";

/** Actions read or deleted at a time. */
const PAGE = 200;
// Chosen: far more than anybody keeps in one package, and an answer of some megabytes.
const SHOWN_MAX = 10_000;
// Rounds of a forced deletion, each of a page: new actions that come as fast as old ones go do not keep it busy for ever.
const ROUNDS_MAX = 1000;

/** What a package's deletion works with. */
export interface PackageStores {
  readonly packages: Catalog<Package>;
  readonly actions: ActionCatalog;
  readonly artifacts: ArtifactStore;
}

/** The actions in a package, newest first: the first 10,000. */
export async function contentsOf(
  actions: ActionCatalog,
  { namespace, path }: EntityRef,
): Promise<readonly PackagedAction[]> {
  const inside = { namespace, package: path };
  const total = Math.min(await actions.count({ ...inside, skip: 0 }), SHOWN_MAX);
  const shown: PackagedAction[] = [];
  for (let skip = 0; skip < total; skip += PAGE) {
    // Page by page, as parameters of up to a megabyte come along and go again.
    const page = await actions.list({ ...inside, skip, limit: Math.min(PAGE, total - skip) });
    shown.push(...page.map(packagedAction));
  }
  return shown;
}

/**
 * Deletes a package that is empty, or with `force` whatever is in it first. A binding goes as it is: what it shows is its provider's.
 * Undefined for a damaged document, which goes too.
 *
 * @throws `entity/not-found`, `entity/conflict`, `entity/concurrent-change`
 */
export async function removePackage(
  stores: PackageStores,
  ref: EntityRef,
  { force }: { readonly force: boolean },
): Promise<Package | undefined> {
  const empty = (): Promise<void> => (force ? removeContents(stores, ref) : requireEmpty(stores, ref));
  const removed = await stores.packages.remove(ref, async (doc) => {
    if (doc?.binding === undefined) await empty();
  });
  if (removed === undefined || removed.binding !== undefined) return removed;
  try {
    // Whoever wrote an action since we looked may have found the package still there. Writers look again as well (`writeOperation`),
    // so one of the two sees the other.
    await empty();
  } catch (error) {
    await putBack(stores, removed);
    throw error;
  }
  return removed;
}

async function requireEmpty({ actions }: PackageStores, { namespace, path }: EntityRef): Promise<void> {
  const count = await actions.count({ namespace, package: path, skip: 0 });
  if (count === 0) return;
  throw new PlatformError(
    "entity/conflict",
    `Package not empty (contains ${count} ${count === 1 ? "entity" : "entities"}). Set force param or delete package contents.`,
  );
}

/** Page by page, and not in one step: what stops it half-way leaves the package with the rest. */
async function removeContents({ actions, artifacts }: PackageStores, { namespace, path }: EntityRef): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    // As documents, so that damaged ones are met and go too.
    const page = await artifacts.list({ namespace, kind: "action", package: path, skip: 0, limit: PAGE });
    if (page.length === 0) return;
    await Promise.all(page.map((entity) => actions.drop(entity)));
  }
  throw concurrentChange();
}

async function putBack({ packages }: PackageStores, removed: Package): Promise<void> {
  const { version, publish, parameters, annotations } = removed;
  try {
    await packages.write(removed, () => ({ version, publish, parameters, annotations }), { overwrite: false });
  } catch (error) {
    // Somebody made it anew, which serves as well.
    if (!isPlatformError(error, "entity/conflict")) throw error;
  }
}
