import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { createAdministration } from "../../../src/controller/entitlement/administration.ts";
import { KeyFiles } from "../../../src/controller/entitlement/key-files.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import { memoryStores } from "../../../src/store/memory.ts";

const AUTH = `0a1b2c3d-1111-4222-8333-444455556666:${"K".repeat(64)}`;
const OTHER_KEY = `${AUTH.slice(0, 37)}${"L".repeat(64)}`;
const { limits } = defaultOptions();

function world(keyFiles?: KeyFiles) {
  const { subjects, artifacts, activations } = memoryStores({ clock: systemClock });
  let writes = 0;
  const admin = createAdministration({
    stores: { subjects, artifacts, activations },
    limits,
    inFlight: () => 0,
    caches: [],
    ...(keyFiles === undefined ? {} : { keyFiles }),
    onSubjectWrite: () => void (writes += 1),
  });
  return { ...admin, subjects, writes: () => writes };
}

suite("creating", () => {
  test("a user gets a namespace of its name with a random key, or the key that is given", async () => {
    const { users, subjects, writes } = world();
    const alice = await users.create("alice", {});
    assert.match(alice.auth, /^[0-9a-f-]{36}:[A-Za-z0-9]{64}$/);
    assert.deepEqual(await users.create("babel", { auth: AUTH }), { subject: "babel", namespace: "babel", auth: AUTH });
    assert.equal((await subjects.byUuid(AUTH.slice(0, 36)))?.subject, "babel");
    assert.equal(writes(), 2, "whoever caches identities hears of each");
    assert.deepEqual(await users.whois(AUTH), { subject: "babel", namespace: "babel" });
    await assert.rejects(users.whois(OTHER_KEY), { code: "entity/not-found", message: "Subject id is not recognized" });
  });

  test("what is there is kept, unless its key is revoked or another one forced on it", async () => {
    const { users, limits: limitsAdmin } = world();
    await users.create("alice", { auth: AUTH });
    await limitsAdmin.set("alice", { firesPerMinute: 7 });
    await assert.rejects(users.create("alice", {}), { code: "entity/conflict", message: "Namespace already exists" });
    const revoked = await users.create("alice", { revoke: true });
    assert.equal(revoked.auth.slice(0, 37), AUTH.slice(0, 37), "the uuid stays");
    assert.notEqual(revoked.auth, AUTH);
    await users.create("alice", { auth: OTHER_KEY, force: true });
    assert.deepEqual((await users.identitiesOf("alice"))[0]?.auth, OTHER_KEY);
    const fresh = await users.create("alice", { force: true });
    assert.notEqual(fresh.auth.slice(0, 37), AUTH.slice(0, 37));
    assert.deepEqual(await limitsAdmin.get("alice"), { firesPerMinute: 7 }, "limits are not the key's");
  });

  test("a user may have more namespaces, each with a key and uuid of its own, and nobody those of others", async () => {
    const { users } = world();
    await users.create("alice", { auth: AUTH });
    const space = await users.create("alice", { namespace: "space" });
    assert.deepEqual(
      (await users.get("alice")).namespaces.map(({ name, uuid, key }) => [name, `${uuid}:${key}`]),
      [
        ["alice", AUTH],
        ["space", space.auth],
      ],
    );
    await assert.rejects(users.create("alice", { namespace: "third", auth: OTHER_KEY }), { code: "entity/conflict" });
    await assert.rejects(users.create("babel", { auth: OTHER_KEY }), { code: "entity/conflict" });
    await assert.rejects(users.create("babel", { namespace: "space" }), { code: "entity/conflict" });
    await assert.rejects(users.get("babel"), { code: "entity/not-found" });
  });

  test("names and keys that could not be used are refused, and nothing is made", async () => {
    const { users, writes } = world();
    for (const [name, put, message] of [
      ["ada", {}, /Subject name must be at least 5 characters$/],
      ["alice/x", {}, /illegal characters/],
      ["alice", { namespace: "" }, /illegal characters/],
      ["alice", { namespace: "_" }, /everybody's own$/],
      ["alice", { auth: "key" }, /failed to determine authorization id and key/],
      ["alice", { auth: `${AUTH}:x` }, /failed to determine/],
      ["alice", { auth: `x${AUTH}` }, /authorization id is not a valid UUID/],
      ["alice", { auth: AUTH.slice(0, -1) }, /authorization key must be 64/],
      ["alice", { auth: AUTH, revoke: true }, /revoking makes a key of its own/],
    ] as const) {
      await assert.rejects(users.create(name, put), { code: "request/malformed", message });
    }
    assert.equal(writes(), 0);
  });

  test("two that change one user at the same time both succeed", async () => {
    const { users } = world();
    const names = ["one", "two", "three"];
    await Promise.all(names.map((namespace) => users.create("alice", { namespace })));
    assert.deepEqual((await users.get("alice")).namespaces.map(({ name }) => name).sort(), names.sort());
  });
});

suite("blocking", () => {
  test("a blocked user keeps everything, and cannot be edited until it is unblocked", async () => {
    const { users } = world();
    await users.create("alice", { auth: AUTH });
    await users.setBlocked("alice", true);
    await users.setBlocked("alice", true);
    await assert.rejects(users.create("alice", { namespace: "space" }), {
      code: "request/unprocessable",
      message: "The subject you want to edit is blocked",
    });
    await users.setBlocked("alice", false);
    assert.deepEqual((await users.identitiesOf("alice"))[0]?.auth, AUTH);
    await assert.rejects(users.setBlocked("babel", true), { code: "entity/not-found" });
  });

  test("nobody shuts the platform's own namespace out; what else its subject has may go", async () => {
    const { users } = world();
    await users.create("whisk.system", {});
    await users.create("whisk.system", { namespace: "tools" });
    for (const attempt of [
      () => users.setBlocked("whisk.system", true),
      () => users.remove("whisk.system"),
      () => users.remove("whisk.system", "whisk.system"),
    ]) {
      await assert.rejects(attempt, { code: "request/unprocessable", message: /neither blocked nor deleted/ });
    }
    await users.remove("whisk.system", "tools");
    assert.deepEqual(
      (await users.get("whisk.system")).namespaces.map(({ name }) => name),
      ["whisk.system"],
    );
  });
});

test("the files of the first namespaces' keys follow their keys, and those of others have none", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "skein-keys-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const { users } = world(new KeyFiles(dir));
  const file = (name: string) => readFile(join(dir, "keys", name), "utf8");
  await users.create("guest", { auth: AUTH });
  assert.equal(await file("guest"), `${AUTH}\n`);
  const { auth } = await users.create("guest", { revoke: true });
  assert.equal(await file("guest"), `${auth}\n`);
  await users.create("alice", {});
  await assert.rejects(file("alice"), { code: "ENOENT" });
  await users.remove("guest");
  await assert.rejects(file("guest"), { code: "ENOENT" });
});

suite("limits of a namespace", () => {
  test("are set one over the other and taken back at once", async () => {
    const { users, limits: admin } = world();
    await users.create("alice", { namespace: "space" });
    assert.deepEqual(await admin.get("space"), {});
    await admin.set("space", { invocationsPerMinute: 1, allowedKinds: ["nodejs:24"] });
    const both = { invocationsPerMinute: 2, allowedKinds: ["nodejs:24"], storeActivations: false };
    assert.deepEqual(await admin.set("space", { invocationsPerMinute: 2, storeActivations: false }), both);
    assert.deepEqual(await admin.remove("space"), both);
    await assert.rejects(admin.remove("space"), { code: "entity/not-found", message: /^No limits found for "space"/ });
    await assert.rejects(admin.set("alice", {}), {
      code: "entity/not-found",
      message: 'there is no namespace "alice"',
    });
  });

  test("stay within the platform's own bounds, and the least below the most, also over two settings", async () => {
    const { users, limits: admin } = world();
    await users.create("alice", {});
    const { memoryMb, timeoutMs, parameterBytesMax } = limits.action;
    for (const [set, message] of [
      [{ maxActionMemory: memoryMb.max + 1 }, /maxActionMemory: the platform's own bounds are 128 to 512$/],
      [{ minActionTimeout: timeoutMs.min - 1 }, /minActionTimeout: the platform's own bounds/],
      [{ maxParameterSize: parameterBytesMax + 1 }, /maxParameterSize: the platform's own bound is/],
    ] as const) {
      await assert.rejects(admin.set("alice", set), { code: "request/malformed", message });
    }
    await admin.set("alice", { maxActionMemory: 256 });
    await assert.rejects(admin.set("alice", { minActionMemory: 512 }), {
      message: /minActionMemory: 512 is above maxActionMemory, 256$/,
    });
    assert.deepEqual(await admin.get("alice"), { maxActionMemory: 256 });
  });
});
