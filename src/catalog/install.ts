import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SYSTEM_NAMESPACE } from "../controller/entitlement/rights.ts";
import type { ActionBounds } from "../controller/entities/action-change.ts";
import type { ActionPut } from "../controller/entities/action-put.ts";
import type { Entities } from "../controller/entities/entities.ts";
import type { Package } from "../controller/entities/package.ts";
import { FIRST_VERSION, nextPatch } from "../controller/entities/put-fields.ts";
import type { KeyValue } from "../kernel/action.ts";
import { isPlatformError } from "../kernel/errors.ts";
import { asId, type EntityPath, type Namespace } from "../kernel/ids.ts";
import type { JsonValue } from "../kernel/json.ts";
import type { Log } from "../kernel/log.ts";
import { CATALOG, type CatalogAction, type CatalogPackage } from "./packages.ts";

export interface InstallDeps {
  readonly entities: Pick<Entities, "packages" | "actions">;
  readonly bounds: ActionBounds;
  readonly log: Log;
}

const KIND = "nodejs:24";
const NAMESPACE = asId<Namespace>(SYSTEM_NAMESPACE);
/** On a package and on each action: the digest of what was installed. */
const MARK = "skein-catalog";
/** What a package is marked with while its actions are being written. */
const UNFINISHED = "unfinished";
/** More packages than this in the namespace, and the rest are looked up one by one. */
const LIST_MAX = 200;
const TRIES_MAX = 3;

/** What was shipped of one package, with the digest that marks it. */
interface Shipped {
  readonly source: CatalogPackage;
  readonly mark: string;
  readonly actions: readonly ShippedAction[];
}

interface ShippedAction {
  readonly source: CatalogAction;
  readonly code: string;
  readonly mark: string;
}

/** A start waits no longer for it; it then goes on beside. Chosen: a first start takes a tenth of a second. */
const WAIT_MS_MAX = 3000;

/**
 * Puts the catalog's packages into `whisk.system`, published, where they are missing or others than this version ships; where nothing
 * changed it reads one list. Several processes may do so at once: who is overtaken looks again. A failure is logged and is no reason
 * not to start: the next start tries again.
 *
 * Whoever holds the system's key may change it: an action deleted from a package, or a package made private, stays so until a version
 * ships something else in that package. A package deleted as a whole comes back at the next start.
 */
export async function installCatalog(deps: InstallDeps): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, WAIT_MS_MAX);
  await Promise.race([install(deps), enough]);
  clearTimeout(timer);
}

async function install(deps: InstallDeps): Promise<void> {
  try {
    const shipped = await Promise.all(CATALOG.map(shippedOf));
    const installed = await deps.entities.packages.list({ namespace: NAMESPACE, skip: 0, limit: LIST_MAX });
    const outdated = shipped.filter(({ source, mark }) => {
      const found = installed.find(({ path }) => path === source.name);
      return found === undefined || markOf(found.annotations) !== mark;
    });
    await Promise.all(outdated.map((pack) => installPackage(deps, pack)));
  } catch (error) {
    deps.log.error({ error }, "the catalog could not be installed; the next start tries again");
  }
}

async function installPackage(deps: InstallDeps, shipped: Shipped): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // First and last: an installation that is cut short is seen and done again.
      const isOurs = await writePackage(deps, shipped, UNFINISHED);
      if (!isOurs) return;
      await Promise.all(shipped.actions.map((action) => installAction(deps, shipped.source.name, action)));
      await writePackage(deps, shipped, shipped.mark);
      deps.log.info(
        { package: shipped.source.name, actions: shipped.actions.length },
        "a package of the catalog was installed",
      );
      return;
    } catch (error) {
      // Another process installs the same.
      const isOvertaken =
        isPlatformError(error, "entity/concurrent-change") || isPlatformError(error, "entity/conflict");
      if (!isOvertaken || attempt === TRIES_MAX) throw error;
    }
  }
}

/** False when what is there is what was shipped. */
async function writePackage({ entities }: InstallDeps, { source, mark }: Shipped, next: string): Promise<boolean> {
  const ref = { namespace: NAMESPACE, path: asId<EntityPath>(source.name) };
  const found = await entities.packages.load(ref);
  if (found !== undefined && markOf(found.annotations) === mark) return false;
  const plan = (old: Package | undefined) => ({
    version: versionAfter(old),
    publish: old?.publish ?? true,
    parameters: old?.parameters ?? [],
    annotations: pairsOf({ ...source.annotations, [MARK]: next }),
  });
  await entities.packages.write(ref, plan, { overwrite: true });
  return true;
}

/** One patch for the whole installation, which its first write takes. */
function versionAfter(old: Package | undefined): string {
  if (old === undefined) return FIRST_VERSION;
  return markOf(old.annotations) === UNFINISHED ? old.version : nextPatch(old.version);
}

async function installAction({ entities, bounds }: InstallDeps, folder: string, action: ShippedAction): Promise<void> {
  const { source, code, mark } = action;
  const ref = { namespace: NAMESPACE, path: asId<EntityPath>(`${folder}/${source.name}`) };
  const found = await entities.actions.read(ref).catch(ifMissing);
  if (found !== undefined && markOf(found.annotations) === mark) return;
  const put: ActionPut = {
    exec: { kind: KIND, code },
    parameters: pairsOf(source.parameters ?? {}),
    annotations: pairsOf({ ...source.annotations, [MARK]: mark }),
  };
  await entities.actions.write(ref, put, { overwrite: true, bounds });
}

async function shippedOf(source: CatalogPackage): Promise<Shipped> {
  const actions = await Promise.all(
    source.actions.map(async (action) => {
      const code = await readFile(join(import.meta.dirname, action.file), "utf8");
      return { source: action, code, mark: digestOf([action, code]) };
    }),
  );
  return { source, actions, mark: digestOf([source, actions.map(({ mark }) => mark)]) };
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

function markOf(annotations: readonly KeyValue[]): JsonValue | undefined {
  return annotations.find(({ key }) => key === MARK)?.value;
}

function pairsOf(record: Readonly<Record<string, JsonValue>>): readonly KeyValue[] {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}

function ifMissing(error: unknown): undefined {
  if (!isPlatformError(error, "entity/not-found")) throw error;
}
