import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { linkOf } from "../../../src/controller/alarms/alarm.ts";
import { type Administration, createAdministration } from "../../../src/controller/entitlement/administration.ts";
import { Authenticator } from "../../../src/controller/entitlement/authenticator.ts";
import { effectiveLimits } from "../../../src/controller/entitlement/limits.ts";
import type { Clock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import type { Instant } from "../../../src/kernel/instants.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { EntityKind, Stores } from "../../../src/store/ports.ts";
import { actionOf, identityOf } from "../../support/messages.ts";
import { basic, recordOf } from "../api/harness.ts";

const SYSTEM = asId<Namespace>("whisk.system");
/** The subject `alice` has the first two; the last one is somebody else's. */
const SPACES = ["alice", "alice-lab", "neighbour"] as const;
type Space = (typeof SPACES)[number];
const KINDS: readonly EntityKind[] = ["action", "package", "trigger", "rule"];
const CALLS_MAX = 200;

/** How a call fails: before the store did anything, or after it did everything, with the answer lost. */
type Fault = "before" | "after";

interface World {
  readonly stores: Stores;
  readonly users: Administration["users"];
  readonly keys: Readonly<Record<Space, string>>;
  /** Whether a key opens a door. */
  readonly enters: (auth: string) => Promise<boolean>;
  /** The store's `n`-th call from now on fails; true once one has. */
  readonly breakAt: (n: number, fault: Fault) => () => boolean;
}

async function world(clock: Clock): Promise<World> {
  const stores = memoryStores({ clock });
  let left = Infinity;
  let fault: Fault = "before";
  const fail = (): never => {
    throw new PlatformError("store/unavailable", "the store is away");
  };
  const faulty = <Store extends object>(store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...args: readonly unknown[]): Promise<unknown> => {
          left -= 1;
          const fails = left === 0;
          if (fails && fault === "before") fail();
          const answer: unknown = await Reflect.apply(value, target, args);
          return fails ? fail() : answer;
        };
      },
    });
  const { limits } = defaultOptions();
  const authenticator = new Authenticator({ ...stores, limitsOf: (own) => effectiveLimits(limits, own) });
  authenticator.onFollowing();
  const { users } = createAdministration({
    stores: {
      subjects: faulty(stores.subjects),
      artifacts: faulty(stores.artifacts),
      activations: faulty(stores.activations),
    },
    limits,
    inFlight: () => 0,
    caches: [],
    onSubjectWrite: () => authenticator.invalidate(),
  });
  const keyOf = async (subject: string, namespace: string) => (await users.create(subject, { namespace })).auth;
  const keys = {
    alice: await keyOf("alice", "alice"),
    "alice-lab": await keyOf("alice", "alice-lab"),
    neighbour: await keyOf("other", "neighbour"),
  };
  for (const space of SPACES) await fill(stores, asId(space));
  return {
    stores,
    users,
    keys,
    enters: async (auth) => (await authenticator.authenticate(basic(auth))) !== undefined,
    breakAt: (n, how) => {
      left = n;
      fault = how;
      return () => left <= 0;
    },
  };
}

/** One of everything, with code that all have and code of its own. */
async function fill({ artifacts, activations, attachments }: Stores, namespace: Namespace): Promise<void> {
  const code = await Promise.all([attachments.put(Buffer.from("common")), attachments.put(Buffer.from(namespace))]);
  for (const kind of KINDS) {
    const named = kind === "action" ? code : [];
    const write = { kind, namespace, path: asId<never>(kind), updated: 1, body: {}, attachments: named };
    await artifacts.put(write, "absent");
  }
  const alarm = { kind: "alarm", namespace: SYSTEM, path: asId<never>(`@alarm/${namespace}/trigger`) } as const;
  await artifacts.put({ ...alarm, updated: 1, body: {}, attachments: [], link: linkOf(namespace) }, "absent");
  for (let n = 0; n < 2; n += 1) {
    const record = recordOf({ identity: { ...identityOf(), namespace }, action: actionOf() }, { result: {} });
    await activations.finish(record, { path: "hello" });
  }
}

/** How much a namespace holds: entities, alarms, records. */
async function heldBy({ artifacts, activations }: Stores, space: Space): Promise<readonly number[]> {
  const namespace = asId<Namespace>(space);
  const counts = await Promise.all(KINDS.map((kind) => artifacts.count({ namespace, kind, skip: 0 })));
  const alarms = await artifacts.count({ namespace: SYSTEM, kind: "alarm", link: linkOf(namespace), skip: 0 });
  return [...counts, alarms, await activations.count({ namespace, skip: 0 })];
}

const FULL = [1, 1, 1, 1, 1, 2];
const EMPTY = [0, 0, 0, 0, 0, 0];
const clock: Clock = { now: () => 0 as Instant, wallMs: () => 0 };

suite("a deletion that the store cuts off at any of its calls", () => {
  for (const [what, only, going] of [
    ["a whole user", undefined, ["alice", "alice-lab"]],
    ["one namespace", "alice-lab", ["alice-lab"]],
  ] as const) {
    for (const fault of ["before", "after"] as const) {
      const answer = fault === "before" ? "is not carried out" : "is, and its answer lost";
      test(`${what}, where the call ${answer}: it is asked for again, and nothing is left but what is others'`, async () => {
        let cuts = 0;
        for (let n = 1; n <= CALLS_MAX; n += 1) {
          const { stores, users, keys, enters, breakAt } = await world(clock);
          const broke = breakAt(n, fault);
          const first = await users.remove("alice", only).catch((error: unknown) => error);
          const where = `call ${n}`;
          if (!broke()) break;
          cuts += 1;
          assert.ok(first instanceof PlatformError && first.code === "store/unavailable", where);
          await requireNoHalf({ stores, enters, keys }, going, where);

          // What was cut off after its last write has nothing left to do.
          const again = await users.remove("alice", only).catch((error: unknown) => error);
          if (again instanceof Error) assert.equal((again as PlatformError).code, "entity/not-found", where);
          for (const space of SPACES) {
            const gone = (going as readonly Space[]).includes(space);
            assert.deepEqual(await heldBy(stores, space), gone ? EMPTY : FULL, `${where}: ${space}`);
            assert.equal(await enters(keys[space]), !gone, `${where}: the key of ${space}`);
            // Only now may somebody else have the name.
            const taken = await users.create("next-one", { namespace: space }).then(
              () => false,
              () => true,
            );
            assert.equal(taken, !gone, `${where}: the name ${space}`);
          }
        }
        assert.ok(cuts > 10 && cuts < CALLS_MAX, `${cuts} calls`);
      });
    }
  }

  /** Where anything is missing, nobody has the key any more; and nobody has the name before everything is gone. */
  async function requireNoHalf(
    { stores, enters, keys }: Pick<World, "stores" | "enters" | "keys">,
    going: readonly Space[],
    where: string,
  ): Promise<void> {
    for (const space of going) {
      const held = await heldBy(stores, space);
      const missing = held.some((count, i) => count !== FULL[i]);
      if (missing) assert.equal(await enters(keys[space]), false, `${where}: ${space} has ${held.join()}`);
      const named = await stores.subjects.byNamespace(asId(space));
      if (named === undefined) assert.deepEqual(held, EMPTY, `${where}: ${space} is free`);
    }
  }
});

test("code goes with the sweep after its namespace, unless another one's action is of the same", async () => {
  let wallMs = 0;
  const { stores, users } = await world({ now: () => 0 as Instant, wallMs: () => wallMs });
  const { attachments } = stores;
  const [common, own] = [await attachments.put(Buffer.from("common")), await attachments.put(Buffer.from("alice"))];
  await users.remove("alice");
  wallMs = 1000;
  assert.equal(await attachments.sweep(5000), 0, "not at once: somebody may be about to name it");
  wallMs = 10_000;
  assert.equal(await attachments.sweep(5000), 2, "the code of each of the two namespaces");
  assert.equal(await attachments.get(own), undefined);
  assert.notEqual(await attachments.get(common), undefined);
});
