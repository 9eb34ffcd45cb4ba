import assert from "node:assert/strict";
import { test } from "node:test";
import { installCatalog } from "../../src/catalog/install.ts";
import { CATALOG } from "../../src/catalog/packages.ts";
import { createEntities, type Entities } from "../../src/controller/entities/entities.ts";
import { Runtimes } from "../../src/controller/entities/runtimes.ts";
import { ManualClock } from "../../src/kernel/clock.ts";
import { asId, type EntityPath, type Namespace } from "../../src/kernel/ids.ts";
import type { Log } from "../../src/kernel/log.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { optionsSchema } from "../../src/kernel/options/options.ts";
import { memoryStores } from "../../src/store/memory.ts";
import type { ArtifactStore, Stores } from "../../src/store/ports.ts";
import { ADVERT } from "../controller/api/harness.ts";

const NAMESPACE = asId<Namespace>("whisk.system");
const bounds = { ...optionsSchema.parse({}).limits.action, instancesMax: 30 };
const ref = (path: string) => ({ namespace: NAMESPACE, path: asId<EntityPath>(path) });
const ALL = { namespace: NAMESPACE, skip: 0, limit: 200 };

/** A store that counts what it is asked, and the entities over it as another process has them at each call. */
class World {
  readonly stores: Stores;
  readonly asked: string[] = [];
  readonly clock = new ManualClock();

  constructor() {
    const { artifacts, ...rest } = memoryStores({ clock: this.clock });
    const ask = <Result>(verb: string, answer: Result): Result => {
      this.asked.push(verb);
      return answer;
    };
    const counted: ArtifactStore = {
      get: (id) => ask("get", artifacts.get(id)),
      put: (write, expected) => ask("put", artifacts.put(write, expected)),
      delete: (id, expected) => ask("delete", artifacts.delete(id, expected)),
      list: (query) => ask("list", artifacts.list(query)),
      count: (query) => ask("count", artifacts.count(query)),
    };
    this.stores = { ...rest, artifacts: counted };
  }

  entities(): Entities {
    return createEntities({ stores: this.stores, runtimes: new Runtimes(ADVERT), clock: this.clock });
  }

  install(log: Log = silentLog): Promise<void> {
    return installCatalog({ entities: this.entities(), bounds, log });
  }

  /** Everything in the namespace, as it is kept. */
  async everything(): Promise<readonly unknown[]> {
    const { artifacts } = this.stores;
    const [packages, actions] = [
      await artifacts.list({ ...ALL, kind: "package" }),
      await artifacts.list({ ...ALL, kind: "action" }),
    ];
    return [...packages, ...actions].sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

test("an empty store gets every package, published, with every action and what is told of it", async () => {
  const world = new World();
  await world.install();
  const { packages, actions } = world.entities();
  for (const pack of CATALOG) {
    const installed = await packages.read(ref(pack.name));
    assert.equal(installed.publish, true);
    assert.equal(installed.version, "0.0.1");
    for (const action of pack.actions) {
      const found = await actions.read(ref(`${pack.name}/${action.name}`));
      const annotations = Object.fromEntries(found.annotations.map(({ key, value }) => [key, value]));
      for (const [key, value] of Object.entries(action.annotations)) assert.deepEqual(annotations[key], value, key);
      assert.equal(found.exec.kind, "nodejs:24");
      assert.match((await actions.readCode(found)) ?? "", /function main/);
    }
  }
  assert.equal((await actions.read(ref("alarms/once"))).parameters[0]?.key, "fireOnce");
});

test("a start that finds everything as shipped reads one list and writes nothing", async () => {
  const world = new World();
  await world.install();
  world.asked.length = 0;
  await world.install();
  assert.deepEqual(world.asked, ["list"]);
});

test("what an older version left is brought up to date, and nothing else is touched", async () => {
  const world = new World();
  await world.install();
  const before = new Map(
    (await world.everything()).map((doc) => [(doc as { path: string }).path, JSON.stringify(doc)]),
  );
  const { packages, actions } = world.entities();
  const old = [{ key: "skein-catalog", value: "an older one" }];
  await packages.write(
    ref("utils"),
    (found) => ({ ...found!, annotations: old, parameters: [{ key: "mine", value: 1 }] }),
    {
      overwrite: true,
    },
  );
  await actions.write(
    ref("utils/cat"),
    { exec: { kind: "nodejs:24", code: "old" }, annotations: old },
    { overwrite: true, bounds },
  );
  await world.install();
  const { packages: again, actions: acts } = world.entities();
  assert.match((await acts.readCode(await acts.read(ref("utils/cat")))) ?? "", /lines.join|all.join/);
  const changed = (await world.everything()).filter(
    (doc) => before.get((doc as { path: string }).path) !== JSON.stringify(doc),
  );
  assert.deepEqual(
    changed.map((doc) => (doc as { path: string }).path),
    ["utils", "utils/cat"],
  );
  assert.deepEqual(
    (await again.read(ref("utils"))).parameters,
    [{ key: "mine", value: 1 }],
    "its owner's parameters stay",
  );
});

test("an action deleted on purpose and a package made private stay so; a package deleted whole comes back", async () => {
  const world = new World();
  await world.install();
  const { packages, actions } = world.entities();
  await actions.remove(ref("samples/curl"));
  await packages.write(ref("alarms"), (found) => ({ ...found!, publish: false }), { overwrite: true });
  for (const { path } of await actions.list({ ...ALL, package: asId("utils") })) await actions.remove(ref(path));
  await packages.remove(ref("utils"));
  await world.install();
  const { packages: again, actions: left } = world.entities();
  await assert.rejects(left.read(ref("samples/curl")), { code: "entity/not-found" });
  assert.equal((await again.read(ref("alarms"))).publish, false);
  assert.equal((await left.list({ ...ALL, package: asId("utils") })).length, CATALOG[0]?.actions.length);
});

test("an installation that was cut short is finished by the next start", async () => {
  const whole = new World();
  await whole.install();
  const count = (await whole.everything()).length;
  const writes = whole.asked.filter((verb) => verb === "put").length;
  for (let cutAfter = 0; cutAfter < writes; cutAfter += 3) {
    const world = new World();
    const { artifacts } = world.stores;
    const put = artifacts.put.bind(artifacts);
    let left = cutAfter;
    artifacts.put = (write, expected) => {
      left -= 1;
      return left < 0 ? Promise.reject(new Error("cut")) : put(write, expected);
    };
    let failures = 0;
    await world.install({ ...silentLog, error: () => (failures += 1) });
    assert.equal(failures, 1, "a failure is logged, and is no reason not to start");
    artifacts.put = put;
    await world.install();
    assert.equal((await world.everything()).length, count);
    world.asked.length = 0;
    await world.install();
    assert.deepEqual(world.asked, ["list"]);
  }
});

test("two processes that install at once come to the same end", async () => {
  const world = new World();
  let failures = 0;
  const log = { ...silentLog, error: () => (failures += 1) };
  await Promise.all([world.install(log), world.install(log), world.install(log)]);
  await world.install(log);
  assert.equal(failures, 0);
  const alone = new World();
  await alone.install();
  assert.equal((await world.everything()).length, (await alone.everything()).length);
  world.asked.length = 0;
  await world.install();
  assert.deepEqual(world.asked, ["list"]);
});
