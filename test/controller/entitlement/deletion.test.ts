import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { linkOf } from "../../../src/controller/alarms/alarm.ts";
import { createAdministration } from "../../../src/controller/entitlement/administration.ts";
import { eraseNamespace } from "../../../src/controller/entitlement/namespace-eraser.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { PlatformError } from "../../../src/kernel/errors.ts";
import { asId, type EntityPath, type Namespace } from "../../../src/kernel/ids.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import type { Change, EntityKind, Stores } from "../../../src/store/ports.ts";
import { recordOf } from "../api/harness.ts";
import { actionOf, identityOf, messageNumber } from "../../support/messages.ts";

const ALICE = asId<Namespace>("alice");
const NEIGHBOUR = asId<Namespace>("alice2");
const SYSTEM = asId<Namespace>("whisk.system");
const LATER = performance.now() + 60_000;
const NOW = 0;

function world() {
  const memory = memoryStores({ clock: systemClock });
  const told: Change[] = [];
  /** How often it is seen to run still. */
  let runs = 0;
  const stores = { ...memory };
  const inFlight = (): number => {
    runs -= 1;
    return runs >= 0 ? 1 : 0;
  };
  const eraser = { stores, inFlight, caches: [{ onChange: (change: Change) => void told.push(change) }] };
  const admin = createAdministration({ ...eraser, limits: defaultOptions().limits, onSubjectWrite: () => undefined });
  return { ...admin, stores, eraser, told, runFor: (looks: number) => void (runs = looks) };
}

async function fill(stores: Pick<Stores, "artifacts" | "activations">, namespace: Namespace): Promise<void> {
  const put = (kind: EntityKind, path: string, where = namespace, link?: EntityPath) =>
    stores.artifacts.put(
      {
        kind,
        namespace: where,
        path: asId(path),
        updated: 1,
        body: {},
        attachments: [],
        ...(link === undefined ? {} : { link }),
      },
      "absent",
    );
  // More than one page of them.
  for (let n = 0; n < 250; n += 1) await put("action", `p/a${n}`);
  await put("package", "p");
  await put("trigger", "t");
  await put("rule", "r");
  await put("alarm", `@alarm/${namespace}/t`, SYSTEM, linkOf(namespace));
  await fillRecords(stores, namespace);
}

async function fillRecords({ activations }: Pick<Stores, "activations">, namespace: Namespace): Promise<void> {
  for (let n = 0; n < 3; n += 1) {
    const identity = { ...identityOf(), namespace };
    const record = recordOf({ identity, action: actionOf() }, { result: {} });
    await activations.finish(record, { path: "hello" });
  }
}

async function countsOf({ artifacts, activations }: Pick<Stores, "artifacts" | "activations">, namespace: Namespace) {
  const count = (kind: EntityKind) => artifacts.count({ namespace, kind, skip: 0 });
  const kinds = await Promise.all((["action", "package", "trigger", "rule"] as const).map(count));
  const alarms = await artifacts.count({ namespace: SYSTEM, kind: "alarm", link: linkOf(namespace), skip: 0 });
  return [...kinds, alarms, await activations.count({ namespace, skip: 0 })];
}

suite("a deletion", () => {
  test("takes entities of every kind, alarms and records along, and nothing of a namespace with a similar name", async () => {
    const { users, stores, told } = world();
    await users.create("alice", {});
    await users.create("neighbour", { namespace: NEIGHBOUR });
    await fill(stores, ALICE);
    await fill(stores, NEIGHBOUR);
    assert.deepEqual(await users.remove("alice"), { entities: 254, records: 3 });
    assert.deepEqual(await countsOf(stores, ALICE), [0, 0, 0, 0, 0, 0]);
    assert.deepEqual(await countsOf(stores, NEIGHBOUR), [250, 1, 1, 1, 1, 3]);
    await assert.rejects(users.get("alice"), { code: "entity/not-found" });
    await assert.rejects(users.remove("alice"), { code: "entity/not-found" });
    assert.equal(told.length, 254, "caches hear of each");
    assert.ok(told.some(({ id, deleted }) => id === "alice/p/a0" && deleted));
  });

  test("of one namespace leaves the others their keys, and the last one takes the subject along", async () => {
    const { users, stores } = world();
    const kept = await users.create("alice", {});
    await users.create("alice", { namespace: NEIGHBOUR });
    await fill(stores, ALICE);
    await fill(stores, NEIGHBOUR);
    await users.remove("alice", NEIGHBOUR);
    assert.deepEqual((await countsOf(stores, NEIGHBOUR)).at(0), 0);
    assert.deepEqual((await countsOf(stores, ALICE)).at(0), 250);
    assert.deepEqual(await users.identitiesOf(NEIGHBOUR), []);
    assert.equal((await users.identitiesOf("alice"))[0]?.auth, kept.auth);
    await assert.rejects(users.remove("alice", NEIGHBOUR), {
      code: "entity/not-found",
      message: 'Namespace "alice2" does not exist for "alice"',
    });
    await users.setBlocked("alice", true);
    await users.remove("alice", "alice");
    await assert.rejects(users.get("alice"), { code: "entity/not-found" });
  });

  test("of one namespace does not let a blocked user in again", async () => {
    const { users } = world();
    await users.create("alice", {});
    await users.create("alice", { namespace: "space" });
    await users.setBlocked("alice", true);
    await users.remove("alice", "space");
    assert.equal((await users.get("alice")).blocked, true);
  });

  test("that a fault of the store cuts off leaves the doors closed, and goes on when it is asked for again", async () => {
    const { users, stores, eraser } = world();
    const { auth } = await users.create("alice", {});
    await users.create("alice", { namespace: "space" });
    await fill(stores, asId("space"));
    const { activations } = stores;
    let faults = 1;
    eraser.stores.activations = overriding(activations, {
      erase: async (namespace, limit) => {
        faults -= 1;
        if (faults === 0) throw new PlatformError("store/unavailable", "no disk");
        return await activations.erase(namespace, limit);
      },
    });
    const before = (await users.identitiesOf("space"))[0]?.auth;
    await assert.rejects(users.remove("alice", "space"), { code: "store/unavailable" });
    const between = (await users.identitiesOf("space"))[0]?.auth;
    assert.notEqual(between, before, "the old key opens nothing");
    await assert.rejects(users.create("other-user", { namespace: "space" }), { code: "entity/conflict" });
    assert.deepEqual(await users.remove("alice", "space"), { entities: 0, records: 3 });
    assert.equal((await users.identitiesOf("alice"))[0]?.auth, auth);
  });
});

suite("records", () => {
  test("stay until nothing runs any more, so that none comes after them", async () => {
    const { stores, eraser, runFor } = world();
    await fillRecords(stores, ALICE);
    runFor(1);
    await assert.rejects(eraseNamespace(eraser, ALICE, NOW), {
      code: "subject/leaving",
      message: "activations of alice still run",
    });
    assert.deepEqual(await countsOf(stores, ALICE), [0, 0, 0, 0, 0, 3]);
    runFor(2);
    assert.deepEqual(await eraseNamespace(eraser, ALICE, LATER), { entities: 0, records: 3 });
  });

  test("wait for what other processes have promised, too, and for nobody else's", async () => {
    const { stores, eraser } = world();
    const message = messageNumber(1, { caller: { subject: "alice", namespace: ALICE } });
    await stores.activations.accept({ message, state: "accepted", owner: asId("another") });
    await assert.rejects(eraseNamespace(eraser, ALICE, NOW), { code: "subject/leaving" });
    assert.deepEqual(await eraseNamespace(eraser, NEIGHBOUR, NOW), { entities: 0, records: 0 });
  });
});

test("an entity that a late writer adds while records go is gone too", async () => {
  const { stores, eraser } = world();
  await fillRecords(stores, ALICE);
  const { activations } = stores;
  eraser.stores.activations = overriding(activations, {
    erase: async (namespace, limit) => {
      const late = { kind: "trigger", namespace, path: asId<EntityPath>("late"), updated: 1 } as const;
      await stores.artifacts.put({ ...late, body: {}, attachments: [] }, "absent");
      return await activations.erase(namespace, limit);
    },
  });
  assert.deepEqual(await eraseNamespace(eraser, ALICE, LATER), { entities: 1, records: 3 });
  assert.deepEqual(await countsOf(stores, ALICE), [0, 0, 0, 0, 0, 0]);
});

test("entities that somebody keeps writing are told, not left behind", async () => {
  const { stores, eraser } = world();
  await fill(stores, ALICE);
  eraser.stores.artifacts = overriding(stores.artifacts, { delete: async () => ({ kind: "conflict" }) });
  await assert.rejects(eraseNamespace(eraser, ALICE, LATER), { code: "entity/concurrent-change" });
});

function overriding<Store extends object>(store: Store, over: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(over, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
