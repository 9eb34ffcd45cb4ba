import { setTimeout as sleep } from "node:timers/promises";
import { asId, type Namespace } from "../../kernel/ids.ts";
import type { EntityKind, EntityQuery, Stores } from "../../store/ports.ts";
import { linkOf } from "../alarms/alarm.ts";
import { SYSTEM_NAMESPACE } from "./rights.ts";

/** Rules before what they link, actions before the packages they lie in: a stop in between leaves nothing that points nowhere. */
const KINDS: readonly EntityKind[] = ["rule", "trigger", "action", "package"];
const PAGE = 200;
const RECORDS = 1000;
/** How long what still runs is waited for, so that its record goes too. */
const QUIET_MS_MAX = 5000;
const QUIET_POLL_MS = 50;

export interface EraserDeps {
  readonly stores: Pick<Stores, "artifacts" | "activations">;
  /** Activations of a namespace that are not over. */
  readonly inFlight: (namespace: Namespace) => number;
}

/** What went. */
export interface Erased {
  readonly entities: number;
  readonly records: number;
}

/**
 * Deletes everything of a namespace: entities, alarms, records. Code goes with the sweep that removes what no action names any more.
 * Whoever calls it has closed the namespace's doors before; again is harmless, and goes on where a crash left it.
 *
 * @throws `store/unavailable`
 */
export async function eraseNamespace(deps: EraserDeps, namespace: Namespace): Promise<Erased> {
  let entities = await eraseAll(deps, { namespace: asId(SYSTEM_NAMESPACE), kind: "alarm", link: linkOf(namespace) });
  for (const kind of KINDS) entities += await eraseAll(deps, { namespace, kind });
  const until = performance.now() + QUIET_MS_MAX;
  while (deps.inFlight(namespace) > 0 && performance.now() < until) await sleep(QUIET_POLL_MS);
  let records = 0;
  while (true) {
    const gone = await deps.stores.activations.erase(namespace, RECORDS);
    records += gone;
    if (gone < RECORDS) return { entities, records };
  }
}

type Where = Omit<EntityQuery, "skip" | "limit">;

async function eraseAll({ stores }: EraserDeps, where: Where): Promise<number> {
  const { artifacts } = stores;
  let gone = 0;
  while (true) {
    const page = await artifacts.list({ ...where, skip: 0, limit: PAGE });
    let moved = 0;
    for (const { path, revision } of page) {
      // A conflict is somebody else's write in between, or deletion: the next page shows which.
      if ((await artifacts.delete({ namespace: where.namespace, path }, revision)).kind === "ok") moved += 1;
    }
    gone += moved;
    if (moved === 0) return gone;
  }
}
