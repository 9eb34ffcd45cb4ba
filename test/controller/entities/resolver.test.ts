import assert from "node:assert/strict";
import { test } from "node:test";
import { type Entities, createEntities } from "../../../src/controller/entities/entities.ts";
import type { Package } from "../../../src/controller/entities/package.ts";
import { refText } from "../../../src/controller/entities/ref.ts";
import { Runtimes } from "../../../src/controller/entities/runtimes.ts";
import type { Identity } from "../../../src/controller/entitlement/identity.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { asId, type Namespace } from "../../../src/kernel/ids.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { memoryStores } from "../../../src/store/memory.ts";
import { identityOf } from "../../support/messages.ts";

const GUEST = identityOf();
const OTHER: Identity = { ...identityOf(), namespace: asId<Namespace>("other") };

/** `guest` has a published package `shared` and a private one `own`, each with an action `a`; `other` has bound `shared` as `mine`. */
async function entitiesOf(): Promise<Entities> {
  const entities = createEntities({
    stores: memoryStores({ clock: systemClock }),
    runtimes: new Runtimes({ families: {}, aliases: {} }),
    clock: systemClock,
  });
  // The caches hold nothing before the feed is followed.
  for (const cache of entities.caches) cache.onFollowing();
  for (const [name, publish] of [
    ["shared", true],
    ["own", false],
  ] as const) {
    await writePackage(entities, `guest/${name}`, { publish, parameters: [{ key: "from", value: name }] });
    await writeAction(entities, `guest/${name}/a`);
  }
  await writePackage(entities, "other/mine", {
    binding: refOf("guest/shared"),
    parameters: [{ key: "to", value: "mine" }],
  });
  return entities;
}

test("what is cached is found without a promise, also through a binding, and is the same object again", async () => {
  const { resolver } = await entitiesOf();
  for (const [identity, path] of [
    [GUEST, "guest/own/a"],
    [OTHER, "guest/shared/a"],
    [OTHER, "other/mine/a"],
  ] as const) {
    const first = resolver.resolve(identity, refOf(path));
    assert.ok(first instanceof Promise, "the first look goes to the store");
    await first;
    const second = resolver.resolve(identity, refOf(path));
    assert.ok(!(second instanceof Promise), path);
    assert.equal(resolver.resolve(identity, refOf(path)), second, "what is computed from it can be kept with it");
  }
});

test("a merge is made anew once any of its three parts has changed", async () => {
  const entities = await entitiesOf();
  const parameters = async (): Promise<object> => {
    const action = await entities.resolver.resolve(OTHER, refOf("other/mine/a"));
    return Object.fromEntries(action.parameters.map(({ key, value }) => [key, value]));
  };
  assert.deepEqual(await parameters(), { from: "shared", to: "mine" });
  await writePackage(entities, "guest/shared", { publish: true, parameters: [{ key: "from", value: "changed" }] });
  assert.deepEqual(await parameters(), { from: "changed", to: "mine" });
  await writePackage(entities, "other/mine", {
    binding: refOf("guest/shared"),
    parameters: [{ key: "to", value: "new" }],
  });
  assert.deepEqual(await parameters(), { from: "changed", to: "new" });
  await writeAction(entities, "guest/shared/a", [{ key: "to", value: "action" }]);
  assert.deepEqual(await parameters(), { from: "changed", to: "action" });
});

test("callers with bindings of their own do not take each other's merge away, up to eight of them", async () => {
  const entities = await entitiesOf();
  const reach = async (i: number) => await entities.resolver.resolve(OTHER, refOf(`other/b${i}/a`));
  for (let i = 0; i < 9; i += 1) {
    const parameters = [{ key: "to", value: i }];
    await writePackage(entities, `other/b${i}`, { binding: refOf("guest/shared"), parameters });
  }
  const first = [];
  for (let i = 0; i < 8; i += 1) first.push(await reach(i));
  for (const [i, action] of first.entries()) {
    assert.equal(await reach(i), action);
    assert.deepEqual(action.parameters.at(-1), { key: "to", value: i });
  }
  assert.deepEqual((await reach(8)).parameters.at(-1), { key: "to", value: 8 });
  assert.notEqual(await reach(0), first[0], "the oldest made room");
  assert.deepEqual((await reach(0)).parameters, first[0]?.parameters);
});

test("a refusal names the package that was asked for, and tells strangers nothing else", async () => {
  const entities = await entitiesOf();
  await writePackage(entities, "guest/shy", { publish: true, binding: refOf("guest/shared") });
  await writeAction(entities, "guest/action");
  for (const name of ["own", "missing", "action", "shy"]) {
    const refusal = {
      code: "auth/forbidden",
      message: `The supplied authentication is not authorized to access 'guest/${name}'.`,
    };
    // Twice: uncached, then cached.
    for (let i = 0; i < 2; i += 1) {
      await assert.rejects(async () => await entities.resolver.resolve(OTHER, refOf(`guest/${name}/a`)), refusal);
      await assert.rejects(async () => await entities.resolver.reachPackage(OTHER, refOf(`guest/${name}`)), refusal);
    }
  }
  await writePackage(entities, "guest/shared", { publish: false });
  await assert.rejects(async () => await entities.resolver.resolve(OTHER, refOf("other/mine/a")), {
    code: "auth/forbidden",
    message: "The supplied authentication is not authorized to access 'other/mine'.",
  });
});

test("web actions are reached through private packages and others' bindings, and what is not there is only missing", async () => {
  const entities = await entitiesOf();
  for (const path of ["guest/own/a", "other/mine/a"]) {
    const action = await entities.resolver.resolve("anyone", refOf(path));
    assert.equal(action.path, path === "guest/own/a" ? "own/a" : "shared/a");
  }
  await writeAction(entities, "guest/action");
  for (const path of ["guest/missing/a", "guest/own/b", "nowhere/own/a", "guest/none", "guest/action/a"]) {
    await assert.rejects(
      async () => await entities.resolver.resolve("anyone", refOf(path)),
      { code: "entity/not-found" },
      path,
    );
  }
});

function refOf(path: string): { namespace: Namespace; path: Package["path"] } {
  const slash = path.indexOf("/");
  return { namespace: asId(path.slice(0, slash)), path: asId(path.slice(slash + 1)) };
}

async function writePackage(entities: Entities, path: string, over: Partial<Package>): Promise<void> {
  const content = { version: "0.0.1", publish: false, parameters: [], annotations: [], ...over };
  const written = await entities.packages.write(refOf(path), () => content, { overwrite: true });
  assert.equal(refText(written), path);
}

async function writeAction(
  entities: Entities,
  path: string,
  parameters: readonly { key: string; value: string }[] = [],
): Promise<void> {
  const bounds = { ...defaultOptions().limits.action, instancesMax: 1 };
  const put = { exec: { kind: "nodejs:24", code: "" }, parameters };
  await entities.actions.write(refOf(path), put, { overwrite: true, bounds });
}
