import { assert } from "../../kernel/errors.ts";
import type { ActivationId } from "../../kernel/ids.ts";
import { type PooledContainer, type StateKind, workOf } from "./container.ts";
import { type Inventory, hasRoom } from "./inventory.ts";
import type { PoolOptions } from "./messages.ts";
import type { Placement } from "./placement.ts";
import type { Shelf } from "./shelf.ts";

/**
 * Checks the numbered invariants of docs/protocols/pool.md, and that every sum and line is what the containers say.
 * @throws InvariantError naming the first one broken
 */
export function auditPool(options: PoolOptions, inventory: Inventory, placement: Placement): void {
  auditSums(options, inventory);
  auditActivations(inventory, placement);
  for (const container of inventory.containers.values()) auditContainer(container, options.keepAlive === "adaptive");
  auditShelves(inventory);
  assert(placement.waiting.size <= options.bufferMax, "P5: the buffer is over its bound");
  assert(inventory.counts.starting <= options.createsMax, "P4: too many creations at once");
}

function auditSums(options: PoolOptions, inventory: Inventory): void {
  const sum = (kinds?: readonly StateKind[]): number =>
    [...inventory.containers.values()]
      .filter(({ state }) => kinds === undefined || kinds.includes(state.kind))
      .reduce((total, { memoryMb }) => total + memoryMb, 0);
  assert(inventory.usedMb === sum() && sum() <= options.memoryMb, "P2: memory held");
  assert(inventory.removingMb === sum(["removing"]), "P2: memory coming back");
  const evictable = [...inventory.idle, ...inventory.cells].reduce((total, { memoryMb }) => total + memoryMb, 0);
  assert(inventory.evictableMb === evictable, "P2: memory that can be evicted");
  for (const [kind, count] of Object.entries(inventory.counts)) {
    const real = [...inventory.containers.values()].filter(({ state }) => state.kind === kind).length;
    assert(count === real, `P7: ${count} containers counted as ${kind}, there are ${real}`);
  }
}

function auditShelves({ containers, shelves, owners }: Inventory): void {
  const held = new Map<Shelf, number>();
  for (const { state, memoryMb } of containers.values()) {
    const shelf = workOf(state)?.shelf;
    if (shelf !== undefined) held.set(shelf, (held.get(shelf) ?? 0) + memoryMb);
  }
  const owned = new Map<string, number>();
  for (const shelf of shelves.values()) {
    assert(!shelf.empty, "P7: an empty shelf is kept");
    assert(shelf.heldMb === (held.get(shelf) ?? 0), "P7: memory of a key");
    owned.set(shelf.owner.name, (owned.get(shelf.owner.name) ?? 0) + 1);
  }
  assert(owned.size === owners.size, "P7: a namespace without keys is kept");
  for (const { name, shelves: count } of owners.values()) assert(owned.get(name) === count, "P7: keys of a namespace");
}

function auditActivations(inventory: Inventory, placement: Placement): void {
  const seen = new Set<ActivationId>();
  const see = (id: ActivationId): void => {
    assert(!seen.has(id), `P3: activation ${id} is in two places`);
    assert(placement.live.has(id), `P3: activation ${id} is not the pool's`);
    seen.add(id);
  };
  for (const container of inventory.containers.values()) {
    for (const id of workOf(container.state)?.jobs.keys() ?? []) see(id);
  }
  assert(placement.inside === seen.size, "P3: activations inside containers");
  for (const { job } of placement.waiting) see(job.id);
  assert(placement.live.size === seen.size, "P3: an activation is nowhere");
}

function auditContainer(container: PooledContainer, adaptive: boolean): void {
  const { state, place, age, awake } = container;
  const work = workOf(state);
  if (work !== undefined) {
    assert(work.jobs.size <= work.concurrency, "P6: more runs than the action's concurrency");
    for (const job of work.jobs.values()) assert(job.key === work.key, "A2: a foreign activation is in a container");
    assert(work.shelf.key === work.key, "A2: a container is on a foreign shelf");
  }
  const idle = state.kind === "free" || state.kind === "paused" || (state.kind === "pausing" && work?.jobs.size === 0);
  assert((age.line !== undefined) === (idle || state.kind === "prewarmed"), `P7: ${state.kind} in the line of age`);
  assert((awake.line !== undefined) === (state.kind === "free"), `P7: ${state.kind} among the awake`);
  assert((container.expiry.line !== undefined) === (adaptive && idle), `P10: ${state.kind} in a line of expiry`);
  if (work === undefined) return;
  const open = state.kind !== "draining" && hasRoom(work);
  assert((place.line !== undefined) === open, `P7: ${state.kind} on its shelf, room ${open}`);
  if (idle) assert(place.line === work.shelf.idle, "P7: an idle container is elsewhere");
}
