/**
 * Who is entitled to how much memory when there is not enough, and who has to wait a little before taking more.
 *
 * Intuition: memory that nobody else wants is anybody's; what others want is shared equally between namespaces, and within each between
 * its actions. So a namespace gains nothing by having more actions, and an action that bursts first uses what is free, then what it
 * is entitled to, and only then, after a moment in which its own containers may fall free, what keeps others warm.
 *
 * Source: max-min fairness (Bertsekas and Gallager, "Data Networks", section 6.5.2), hierarchical. Changed: the equal split is
 * taken as it is, without pouring what the modest leave over to the greedy. That share is a lower bound of max-min's, costs O(1) instead of
 * O(n log n) per question, and errs to one side only: somebody above it is asked for memory first although all could have been served,
 * which can happen only when memory is short in this moment. Reserving shares was rejected: it leaves memory idle (OpenWhisk's
 * division of memory by controllers, reference 5.1, shows how that ends in refusals with room free).
 *
 * Burst protection. OpenWhisk starts a container for every activation that finds none, and evicts for it; N calls at once of
 * one action then empty the pool of everybody else. Here an action beyond its entitlement whose next container would cost others
 * theirs waits up to 250 ms for one of its own (`PATIENCE_MAX_MS`, the pool's bound for such waits), and then goes on as anybody.
 *
 * Cost: O(1).
 */
import { assert } from "../../../kernel/errors.ts";

/** Memory, and among how many it is divided. */
export interface Share {
  readonly capacityMb: number;
  /** Namespaces that hold containers or wait for some. */
  readonly namespaces: number;
  /** Of the namespace in question: its actions that do. */
  readonly actions: number;
}

/** Megabytes that one action of the namespace is entitled to. */
export function entitledMb({ capacityMb, namespaces, actions }: Share): number {
  assert(namespaces >= 1 && actions >= 1, "who asks is one of them");
  return capacityMb / namespaces / actions;
}

/** What an action holds. */
export interface Holding {
  readonly heldMb: number;
  /** In how many containers. */
  readonly containers: number;
  /** See {@link entitledMb}. */
  readonly entitledMb: number;
}

/** True when it holds too much. One container is never too much: containers are not divisible. */
export function isOverShare({ heldMb, containers, entitledMb }: Holding): boolean {
  return containers > 1 && heldMb > entitledMb;
}

/** One more container, and what is free for it. */
export interface Growth {
  readonly needMb: number;
  /** Held by no container, or about to be. */
  readonly freeMb: number;
  /** Containers of the action in which something runs, so that one falls free without anybody's doing. */
  readonly busy: number;
}

/** True when the next container of this action is to wait for a moment, as it would be others who paid for it. */
export function isBurst(holding: Holding, { needMb, freeMb, busy }: Growth): boolean {
  return busy > 0 && needMb > freeMb && holding.heldMb + needMb > holding.entitledMb;
}
