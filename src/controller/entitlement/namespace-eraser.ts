import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "../../kernel/errors.ts";
import { type ActivationId, asId, type Namespace } from "../../kernel/ids.ts";
import type { EntityKind, EntityQuery, Stores } from "../../store/ports.ts";
import { linkOf } from "../alarms/alarm.ts";
import type { ChangeListener } from "../cache/changes.ts";
import { SYSTEM_NAMESPACE } from "./rights.ts";

/** Rules before what they link, actions before the packages they lie in: a stop in between leaves nothing that points nowhere. */
const KINDS: readonly EntityKind[] = ["rule", "trigger", "action", "package"];
const PAGE = 200;
const RECORDS = 1000;
/** Pages in which nothing could be deleted, one after another: more than a few are a writer that does not let go. */
const STUCK_MAX = 5;
const QUIET_POLL_MS = 100;

export interface EraserDeps {
  readonly stores: Pick<Stores, "artifacts" | "activations">;
  /** Activations of a namespace that are not over, in this process. */
  readonly inFlight: (namespace: Namespace) => number;
  /** What caches entities of this process, and must not wait for the change feed to forget them. */
  readonly caches: readonly Pick<ChangeListener, "onChange">[];
}

/** What went. */
export interface Erased {
  readonly entities: number;
  readonly records: number;
}

/**
 * Deletes everything of a namespace: entities, alarms, and, once nothing of it runs any more, records. Code goes with the sweep that removes
 * what no action names. Whoever calls it has closed the namespace's doors before; again is harmless, and goes on where a crash or `until` (a
 * time of `performance.now`) cut it off.
 *
 * @throws `subject/leaving` when `until` has come, `entity/concurrent-change`, `store/unavailable`
 */
export async function eraseNamespace(deps: EraserDeps, namespace: Namespace, until: number): Promise<Erased> {
  let entities = await eraseKinds(deps, namespace, until);
  // A record that came after the others went would be the next owner's to read.
  while (await isRunning(deps, namespace)) {
    requireTime(until, `activations of ${namespace} still run`);
    await sleep(QUIET_POLL_MS);
  }
  const records = await eraseRecords(deps, namespace, until);
  // So would be an entity of a write that was past the doors when they closed.
  while (true) {
    const late = await eraseKinds(deps, namespace, until);
    if (late === 0) return { entities, records };
    entities += late;
  }
}

async function eraseKinds(deps: EraserDeps, namespace: Namespace, until: number): Promise<number> {
  const alarms = { namespace: asId<Namespace>(SYSTEM_NAMESPACE), kind: "alarm", link: linkOf(namespace) } as const;
  let gone = await eraseEntities(deps, alarms, until);
  for (const kind of KINDS) gone += await eraseEntities(deps, { namespace, kind }, until);
  return gone;
}

async function eraseEntities(
  { stores: { artifacts }, caches }: EraserDeps,
  where: Omit<EntityQuery, "skip" | "limit">,
  until: number,
): Promise<number> {
  let gone = 0;
  let stuck = 0;
  while (true) {
    const page = await artifacts.list({ ...where, skip: 0, limit: PAGE });
    if (page.length === 0) return gone;
    requireTime(until, `entities of ${where.namespace} are still being deleted`);
    const before = gone;
    for (const { namespace, kind, path, revision } of page) {
      // A conflict is somebody else's write in between, or deletion: the next page shows which.
      if ((await artifacts.delete({ namespace, path }, revision)).kind !== "ok") continue;
      gone += 1;
      const change = { cursor: "", kind, id: `${namespace}/${path}`, revision, deleted: true };
      for (const cache of caches) cache.onChange(change);
    }
    stuck = gone > before ? 0 : stuck + 1;
    if (stuck === STUCK_MAX) {
      throw new PlatformError("entity/concurrent-change", `entities of ${where.namespace} are being changed`);
    }
  }
}

async function eraseRecords({ stores }: EraserDeps, namespace: Namespace, until: number): Promise<number> {
  let gone = 0;
  while (true) {
    const count = await stores.activations.erase(namespace, RECORDS);
    gone += count;
    if (count < RECORDS) return gone;
    requireTime(until, `records of ${namespace} are still being deleted`);
  }
}

/** Runs here, or was promised by some process and is not over: the journal has those of all. */
async function isRunning({ stores, inFlight }: EraserDeps, namespace: Namespace): Promise<boolean> {
  if (inFlight(namespace) > 0) return true;
  let after: ActivationId | undefined;
  while (true) {
    const page = await stores.activations.unfinished(after, PAGE);
    if (page.some(({ message }) => message.caller.namespace === namespace)) return true;
    if (page.length < PAGE) return false;
    after = page.at(-1)?.message.activationId;
  }
}

function requireTime(until: number, what: string): void {
  if (performance.now() >= until) throw new PlatformError("subject/leaving", what);
}
