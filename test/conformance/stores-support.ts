import { test } from "node:test";
import type { ActivationRecord, CompositionMessage, JournalEntry } from "../../src/kernel/activation.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import {
  type ActivationId,
  activationIdOf,
  asId,
  type EntityPath,
  type Incarnation,
  type Namespace,
} from "../../src/kernel/ids.ts";
import type { ActivationQuery, ActivationStore, EntityWrite, Stores, Subject } from "../../src/store/ports.ts";

/** Stores under test. */
export interface StoresUnderTest {
  readonly stores: Stores;
  /** Opens the same data again, as after a crash where the store can; absent where nothing outlives the process. */
  readonly reopen?: () => Promise<Stores>;
  readonly close: () => Promise<void>;
}

export type MakeStores = (clock: ManualClock) => Promise<StoresUnderTest>;

export interface Scene {
  readonly stores: Stores;
  readonly clock: ManualClock;
  readonly reopen: (() => Promise<Stores>) | undefined;
}

/** One claim about stores: on fresh ones, closed afterwards whatever happens. */
export type Claim = (name: string, check: (scene: Scene) => Promise<void>) => void;

export function claimsOf(suite: string, make: MakeStores): Claim {
  return (name, check) => {
    test(`${suite}: ${name}`, async () => {
      const clock = new ManualClock();
      const made = await make(clock);
      try {
        await check({ stores: made.stores, clock, reopen: made.reopen });
      } finally {
        await made.close();
      }
    });
  };
}

export const guest = asId<Namespace>("guest");
export const other = asId<Namespace>("other");
export const alice = asId<Incarnation>("alice");
export const bob = asId<Incarnation>("bob");
export const pathOf = (path: string): EntityPath => asId(path);
export const T0 = 1_700_000_000_000;

/** What lists and finishes of guest's `hello` say. */
export const all = { namespace: guest, skip: 0, limit: 100 } as const;
export const hello = { path: "hello" } as const;

/** The n-th activation id, in the order of acceptance. */
export function idOf(n: number): ActivationId {
  return activationIdOf(T0 + n, n.toString(16).padStart(20, "0"));
}

export function recordOf(n: number, fields: Partial<ActivationRecord> = {}): ActivationRecord {
  return {
    namespace: guest,
    name: "hello",
    version: "0.0.1",
    subject: "guest",
    activationId: idOf(n),
    start: T0 + n,
    end: T0 + n + 5,
    duration: 5,
    response: { statusCode: 0, result: { greeting: "hällo \u{1F600}", n } },
    logs: ["2024-01-01T00:00:00.000Z stdout: hi"],
    annotations: [{ key: "path", value: "guest/hello" }],
    publish: false,
    ...fields,
  };
}

export function entryOf(n: number, owner = alice, namespace = guest): JournalEntry {
  return {
    message: {
      activationId: idOf(n),
      transactionId: asId(`t${n}`),
      action: { namespace, path: pathOf("hello"), version: "0.0.1", revision: asId("1") },
      exec: { kind: "nodejs:24", binary: false, code: asId("sha256-0"), codeBytes: 10 },
      limits: { timeoutMs: 60_000, memoryMb: 256, logsMb: 10, concurrency: 1 },
      caller: { subject: "guest", namespace },
      args: { n },
      initEnv: {},
      acceptedAt: T0 + n,
      recordAnnotations: [],
      retryOnLoss: false,
    },
    state: "accepted",
    owner,
  };
}

/** A composition that has come to its `step`-th component. */
export function compositionOf(n: number, step: number, namespace = guest): CompositionMessage {
  return {
    activationId: idOf(n),
    transactionId: asId(`t${n}`),
    action: { namespace, path: pathOf("sequence"), version: "0.0.1", revision: asId("1") },
    caller: { subject: "guest", namespace },
    acceptedAt: T0 + n,
    recordAnnotations: [],
    retryOnLoss: false,
    composition: { kind: "sequence", step, result: { text: "x".repeat(step) } },
  };
}

export function compositionEntryOf(n: number, step: number, owner = alice): JournalEntry {
  return { message: compositionOf(n, step), state: "accepted", owner };
}

export function entityOf(path: string, fields: Partial<EntityWrite> = {}): EntityWrite {
  return {
    namespace: guest,
    path: pathOf(path),
    kind: "action",
    updated: T0,
    body: { name: path },
    attachments: [],
    ...fields,
  };
}

export function subjectOf(subject: string, ...names: string[]): Omit<Subject, "revision"> {
  const namespaces = (names.length > 0 ? names : [subject]).map((name) => ({
    name: asId<Namespace>(name),
    uuid: `uuid-of-${name}`,
    key: "k".repeat(64),
  }));
  return { subject, namespaces, blocked: false };
}

/** What is listed, by its start after {@link T0}. */
export async function starts(activations: ActivationStore, query: ActivationQuery): Promise<number[]> {
  return (await activations.list(query)).map((record) => record.start - T0);
}
