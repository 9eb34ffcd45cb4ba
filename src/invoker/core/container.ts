/**
 * One container as the pool sees it: a state machine.
 *
 * Intuition: a container is made for nobody (a stem cell) or for one key, and once initialised it belongs to that key until it
 * is destroyed. Source: OpenWhisk's ContainerProxy (reference 4.1). Changed: its "Running that failed while others run" is a
 * state of its own here, `draining`; the time between an answer and the end of its logs is `settling`; and activations that arrive
 * while a container is about to be usable ride along.
 *
 * Bounded: a container holds at most `concurrency` jobs of one key.
 */
import { assert } from "../../kernel/errors.ts";
import type { ActivationId, ContainerId } from "../../kernel/ids.ts";
import type { Instant } from "../../kernel/instants.ts";
import type { Job, PoolKey } from "./job.ts";
import { Link } from "./line.ts";
import type { Shelf } from "./shelf.ts";

/** Whom a container belongs to, and what is in it. */
export interface Work {
  readonly key: PoolKey;
  readonly shelf: Shelf;
  readonly concurrency: number;
  /** Waiting for init or resume, or running. At most `concurrency`. */
  readonly jobs: Map<ActivationId, Job>;
}

export type ContainerState =
  /** Being made: for a job, or as a stem cell. */
  | { readonly kind: "starting"; readonly work: Work | undefined }
  /** A stem cell: made, not initialised, nobody's. */
  | { readonly kind: "prewarmed"; readonly since: Instant }
  /** Getting the code on behalf of `first`; the other jobs wait. */
  | { readonly kind: "initialising"; readonly work: Work; readonly first: Job }
  /** Warm and idle. */
  | { readonly kind: "free"; readonly work: Work; readonly since: Instant }
  /** Every job in it runs. */
  | { readonly kind: "running"; readonly work: Work }
  /** Its one run has answered and its logs are being collected. Who comes meanwhile waits: that takes less than any other start. */
  | { readonly kind: "settling"; readonly work: Work }
  /** A run failed or the process ended: the jobs left get their own answers, nothing new enters, then it is removed. */
  | { readonly kind: "draining"; readonly work: Work }
  /** Idle and about to stand still. Jobs that came meanwhile wait until it can be resumed. */
  | { readonly kind: "pausing"; readonly work: Work; readonly since: Instant }
  | { readonly kind: "paused"; readonly work: Work; readonly since: Instant }
  /** About to go on; its jobs wait. */
  | { readonly kind: "resuming"; readonly work: Work }
  /** Being destroyed; holds memory until that is done. */
  | { readonly kind: "removing" }
  /** Destroyed, or never made; the pool no longer knows it. */
  | { readonly kind: "gone" };

export type StateKind = ContainerState["kind"];

/** What happens to a container: reports from outside, and decisions of the pool (`assign`, `rest`, `remove`). */
export type ContainerEvent =
  | "assign"
  | "created"
  | "create-failed"
  | "initialised"
  | "init-failed"
  | "answered"
  | "settled"
  | "ran-well"
  | "ran-badly"
  | "withdrawn"
  | "rest"
  | "paused"
  | "pause-failed"
  | "resumed"
  | "resume-failed"
  | "ended"
  | "remove"
  | "removed";

/** The states an event may lead to; `late` for news that no longer matter; `never` for what cannot happen. */
type Verdict = readonly StateKind[] | "late" | "never";

/** What no event may do, spread under the rows so that each row says what is special to it. */
const NEVER = {
  assign: "never",
  created: "never",
  "create-failed": "never",
  initialised: "never",
  "init-failed": "never",
  answered: "never",
  settled: "never",
  "ran-well": "never",
  "ran-badly": "never",
  withdrawn: "never",
  rest: "never",
  paused: "never",
  "pause-failed": "never",
  resumed: "never",
  "resume-failed": "never",
  ended: "never",
  remove: "never",
  removed: "never",
} as const satisfies Record<ContainerEvent, Verdict>;

/** A destroyed container's logs, pause, resume and end may still be reported: they race with the destruction. */
const LATE = {
  ...NEVER,
  settled: "late",
  paused: "late",
  "pause-failed": "late",
  resumed: "late",
  "resume-failed": "late",
  ended: "late",
} as const satisfies Record<ContainerEvent, Verdict>;

/** The machine, in full: docs/protocols/pool.md shows it as a table, and a test keeps the two the same. */
export const TRANSITIONS: Readonly<Record<StateKind, Readonly<Record<ContainerEvent, Verdict>>>> = {
  starting: {
    ...NEVER,
    assign: ["starting"],
    created: ["prewarmed", "initialising", "removing"],
    "create-failed": ["gone"],
  },
  prewarmed: { ...NEVER, assign: ["initialising"], ended: ["removing"], remove: ["removing"] },
  initialising: {
    ...NEVER,
    assign: ["initialising"],
    initialised: ["running"],
    "init-failed": ["removing"],
    withdrawn: ["initialising", "removing"],
    // The pending init will say so itself.
    ended: ["initialising"],
  },
  free: { ...NEVER, assign: ["running"], rest: ["pausing"], ended: ["removing"], remove: ["removing"] },
  running: {
    ...NEVER,
    assign: ["running"],
    answered: ["settling"],
    "ran-well": ["running", "free", "removing"],
    "ran-badly": ["draining", "removing"],
    withdrawn: ["running", "free", "removing"],
    ended: ["draining"],
  },
  settling: { ...NEVER, assign: ["settling"], settled: ["free", "running", "removing"], ended: ["removing"] },
  draining: {
    ...NEVER,
    answered: ["draining", "removing"],
    "ran-well": ["draining", "removing"],
    "ran-badly": ["draining", "removing"],
    withdrawn: ["draining", "removing"],
    ended: ["draining"],
  },
  pausing: {
    ...NEVER,
    assign: ["pausing"],
    paused: ["paused", "resuming"],
    "pause-failed": ["removing"],
    ended: ["removing"],
    remove: ["removing"],
  },
  paused: { ...NEVER, assign: ["resuming"], ended: ["removing"], remove: ["removing"] },
  resuming: {
    ...NEVER,
    assign: ["resuming"],
    resumed: ["running"],
    "resume-failed": ["removing"],
    ended: ["removing"],
  },
  removing: { ...LATE, removed: ["gone"] },
  gone: LATE,
};

/** A container and its places in the pool's lines. Only {@link Inventory} changes its state. */
export class PooledContainer {
  readonly id: ContainerId;
  /** The runtime it is made for, e.g. `nodejs:24`. */
  readonly runtime: string;
  readonly memoryMb: number;
  state: ContainerState;
  /** When it was ordered for an activation; undefined for a stem cell. */
  orderedAt: Instant | undefined;
  /** When its newest run began. */
  runSince: Instant | undefined;
  /** Among those of its key, or among the stem cells of its kind and memory. */
  readonly place: Link<PooledContainer> = new Link<PooledContainer>(this);
  /** Among all that may be evicted, oldest first. */
  readonly age: Link<PooledContainer> = new Link<PooledContainer>(this);
  /** Among those in a short run, the one that began first in front. */
  readonly sprint: Link<PooledContainer> = new Link<PooledContainer>(this);
  /** Among all that are free and not yet pausing, oldest first. */
  readonly awake: Link<PooledContainer> = new Link<PooledContainer>(this);
  /** Among the idle ones that are kept equally long, first idle first; in no line where all are. */
  readonly expiry: Link<PooledContainer> = new Link<PooledContainer>(this);

  constructor(id: ContainerId, spec: { runtime: string; memoryMb: number; work: Work | undefined }) {
    this.id = id;
    this.runtime = spec.runtime;
    this.memoryMb = spec.memoryMb;
    this.state = { kind: "starting", work: spec.work };
  }
}

/** Whom the state belongs to; undefined for stem cells and for what is being removed. */
export function workOf(state: ContainerState): Work | undefined {
  switch (state.kind) {
    case "starting":
    case "initialising":
    case "free":
    case "running":
    case "settling":
    case "draining":
    case "pausing":
    case "paused":
    case "resuming":
      return state.work;
    case "prewarmed":
    case "removing":
    case "gone":
      break;
  }
  return undefined;
}

/** Since when an idle container is idle. */
export function sinceOf(container: PooledContainer): Instant {
  const { state } = container;
  assert(state.kind === "free" || state.kind === "pausing" || state.kind === "paused", "an idle line holds a busy one");
  return state.since;
}

/** True when the machine allows the event to lead there. */
export function mayBecome(from: StateKind, event: ContainerEvent, to: StateKind): boolean {
  const verdict = TRANSITIONS[from][event];
  return typeof verdict !== "string" && verdict.includes(to);
}

/** True when the event no longer matters to a container in this state; throws when it cannot happen there. */
export function isLate(from: StateKind, event: ContainerEvent): boolean {
  const verdict = TRANSITIONS[from][event];
  assert(verdict !== "never", `container event ${event} in state ${from}`);
  return verdict === "late";
}
