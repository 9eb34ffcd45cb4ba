import assert from "node:assert/strict";
import { type Instant, instantOf, later } from "../../../src/kernel/instants.ts";
import { type ActivationId, type ContainerId, asId } from "../../../src/kernel/ids.ts";
import { type Job, jobOf } from "../../../src/invoker/core/job.ts";
import type { PoolEffect, PoolEvent, PoolOptions } from "../../../src/invoker/core/messages.ts";
import { Pool } from "../../../src/invoker/core/pool.ts";
import { type MessageChange, message } from "../messages.ts";

export const OPTIONS: PoolOptions = {
  memoryMb: 1024,
  bufferMax: 10,
  idleMs: 10_000,
  keepAlive: "fixed",
  pauseGraceMs: 50,
  parallelism: 2,
  createsMax: 2,
  prewarm: [],
  containerPrefix: "c",
};

/** What the world knows of an activation, told in its own words and not in the pool's key. */
interface Known {
  readonly owner: string;
  readonly job: Job;
  readonly arrivedAt: Instant;
  state: "waiting" | "inside" | "done" | "failed" | "refused";
}

interface Machine {
  readonly memoryMb: number;
  created: boolean;
  ended: boolean;
  /** Whose code it got: caller, action and revision. */
  owner: string | undefined;
  readonly running: Set<ActivationId>;
}

/** What is under way: effects that something follows, and the collection of logs. */
type Pending =
  | Extract<PoolEffect, { kind: "create" | "init" | "run" | "pause" | "resume" | "destroy" }>
  | { readonly kind: "collect"; readonly container: ContainerId };

/** Everything outside the pool: does what the effects say when the test says so, and checks what only an outsider can. */
export class World {
  readonly pool: Pool;
  readonly options: PoolOptions;
  readonly known: Map<ActivationId, Known> = new Map<ActivationId, Known>();
  readonly machines: Map<ContainerId, Machine> = new Map<ContainerId, Machine>();
  /** Effects whose outcome was not reported yet, in the order of their orders. */
  readonly pending: Pending[] = [];
  /** Every effect ever. */
  readonly history: PoolEffect[] = [];
  now: Instant = instantOf(0);
  drained = 0;

  constructor(change: Partial<PoolOptions> = {}) {
    this.options = { ...OPTIONS, ...change };
    this.pool = new Pool(this.options);
    this.tell({ kind: "kinds", kinds: ["nodejs:24", "python:3.13"] });
  }

  /** An activation arrives. */
  arrive(change: MessageChange = {}): ActivationId {
    const one = message(change);
    const { caller, action } = one;
    const owner = `${caller.namespace} ${action.namespace}/${action.path} ${action.revision}`;
    const job = jobOf(one, "");
    this.known.set(job.id, { owner, job, arrivedAt: this.now, state: "waiting" });
    this.tell({ kind: "activation", job });
    return job.id;
  }

  tell(event: PoolEvent): readonly PoolEffect[] {
    return this.#take(this.pool.on(event, this.now));
  }

  advance(ms: number): readonly PoolEffect[] {
    this.now = later(this.now, ms);
    return this.#take(this.pool.tick(this.now));
  }

  /** Reports how a pending effect went: well, or by `fault` in one of its ways to fail. */
  settle(effect: Pending, fault = 0): void {
    this.pending.splice(this.pending.indexOf(effect), 1);
    switch (effect.kind) {
      case "create": {
        const machine = this.machine(effect.container);
        if (fault > 0) {
          this.machines.delete(effect.container);
          this.tell({ kind: "create-failed", container: effect.container });
          return;
        }
        machine.created = true;
        this.tell({ kind: "created", container: effect.container });
        return;
      }
      case "init":
        if (fault === 1) {
          this.withdraw(effect);
          return;
        }
        if (fault > 1 || this.machine(effect.container).ended) {
          this.mark(effect.activation, "inside", "done");
          this.tell({ kind: "init-failed", container: effect.container });
          return;
        }
        this.tell({ kind: "initialised", container: effect.container });
        return;
      case "run":
        this.#settleRun(effect, fault);
        return;
      case "pause":
        this.tell({ kind: fault > 0 ? "pause-failed" : "paused", container: effect.container });
        return;
      case "resume":
        this.tell({ kind: fault > 0 ? "resume-failed" : "resumed", container: effect.container });
        return;
      case "destroy":
        this.machines.delete(effect.container);
        this.tell({ kind: "removed", container: effect.container });
        return;
      case "collect":
        this.tell({ kind: "settled", container: effect.container });
    }
  }

  /** The first pending effect of a kind. */
  next<Kind extends Pending["kind"]>(kind: Kind): Extract<Pending, { kind: Kind }> {
    const found = this.pending.find((effect) => effect.kind === kind);
    assert.ok(found !== undefined, `no ${kind} is pending`);
    return found as Extract<Pending, { kind: Kind }>;
  }

  /** Settles everything well until nothing is pending. */
  quiet(): void {
    for (let turns = 0; this.pending.length > 0; turns += 1) {
      assert.ok(turns < 100_000, "the pool never comes to rest");
      this.settle(this.pending[0]!);
    }
  }

  /** The container's process ends by itself. */
  end(container: ContainerId): void {
    this.machine(container).ended = true;
    this.tell({ kind: "ended", container });
  }

  stateOf(id: ActivationId): string {
    return this.known.get(id)?.state ?? "unknown";
  }

  /** The states of all containers, in order of creation. */
  states(): readonly string[] {
    return this.pool.snapshot().containers.map(({ state }) => state);
  }

  machine(id: ContainerId): Machine {
    const machine = this.machines.get(id);
    assert.ok(machine !== undefined, `container ${id} does not exist`);
    return machine;
  }

  mark(id: ActivationId, from: Known["state"], to: Known["state"]): void {
    const known = this.known.get(id);
    assert.ok(known !== undefined);
    assert.equal(known.state, from, `activation ${id} goes from ${known.state} to ${to}`);
    known.state = to;
  }

  withdraw(effect: Extract<PoolEffect, { kind: "init" | "run" }>): void {
    this.mark(effect.activation, "inside", "refused");
    this.machine(effect.container).running.delete(effect.activation);
    this.tell({ kind: "withdrawn", container: effect.container, activation: effect.activation });
  }

  #settleRun(effect: Extract<PoolEffect, { kind: "run" }>, fault: number): void {
    const { container, activation } = effect;
    if (fault === 1) return this.withdraw(effect);
    const healthy = fault === 0 && !this.machine(container).ended;
    this.machine(container).running.delete(activation);
    this.mark(activation, "inside", "done");
    const single = this.known.get(activation)?.job.concurrency === 1;
    // Actions whose log limit is 0 skip the wait for logs: let odd ids stand for them.
    if (healthy && single && Number.parseInt(activation.slice(-1), 16) % 2 === 0) {
      this.pending.push({ kind: "collect", container });
      this.tell({ kind: "answered", container, activation });
      return;
    }
    this.tell({ kind: "ran", container, activation, healthy });
  }

  /** Takes in what the pool wants, and checks it against what the world has seen. */
  #take(effects: readonly PoolEffect[]): readonly PoolEffect[] {
    for (const effect of effects) {
      this.history.push(effect);
      this.#see(effect);
    }
    this.pool.audit();
    const held = [...this.machines.values()].reduce((sum, { memoryMb }) => sum + memoryMb, 0);
    assert.ok(held <= this.options.memoryMb, `containers hold ${held} MB`);
    const creating = this.pending.filter(({ kind }) => kind === "create").length;
    assert.ok(creating <= this.options.createsMax, `${creating} creations at once`);
    assert.ok(this.pool.snapshot().waiting.length <= this.options.bufferMax, "the buffer is over its bound");
    return effects;
  }

  #see(effect: PoolEffect): void {
    switch (effect.kind) {
      case "create": {
        const { container, memoryMb } = effect;
        assert.ok(!this.machines.has(container), "an id is used twice");
        this.machines.set(container, {
          memoryMb,
          created: false,
          ended: false,
          owner: undefined,
          running: new Set(),
        });
        this.pending.push(effect);
        return;
      }
      case "init": {
        const machine = this.machine(effect.container);
        assert.ok(machine.created && machine.owner === undefined, "init of a container that is not new");
        assert.equal(machine.memoryMb, this.known.get(effect.activation)?.job.memoryMb);
        this.#enter(effect.activation);
        this.pending.push(effect);
        return;
      }
      case "run": {
        const machine = this.machine(effect.container);
        const owner = this.known.get(effect.activation)?.owner;
        // A2, in the words of the design: caller namespace, action, revision.
        machine.owner ??= owner;
        assert.equal(machine.owner, owner, "A2: a warm container serves somebody else");
        machine.running.add(effect.activation);
        assert.ok(machine.running.size <= (this.known.get(effect.activation)?.job.concurrency ?? 0), "too many runs");
        this.#enter(effect.activation);
        this.pending.push(effect);
        return;
      }
      case "destroy":
        assert.equal(this.machine(effect.container).running.size, 0, "a container is destroyed under a run");
        this.pending.push(effect);
        return;
      case "pause":
      case "resume":
        this.pending.push(effect);
        return;
      case "refuse":
        this.mark(effect.activation, "waiting", "refused");
        return;
      case "fail":
        this.mark(effect.activation, "waiting", "failed");
        return;
      case "drained":
        this.drained += 1;
        assert.equal(this.machines.size, 0, "drained with containers left");
        return;
      case "prewarm-abandoned":
        return;
    }
  }

  #enter(id: ActivationId): void {
    const known = this.known.get(id);
    assert.ok(known !== undefined && (known.state === "waiting" || known.state === "inside"), `${id} begins twice`);
    known.state = "inside";
  }
}

/** An id of a container by its number. */
export function containerId(n: number): ContainerId {
  return asId(`c-${n}`);
}
