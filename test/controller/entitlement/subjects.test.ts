import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ensureDefaultSubjects, newAuthKey } from "../../../src/controller/entitlement/subjects.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { isPlatformError } from "../../../src/kernel/errors.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { AUTH_KEY } from "../../../src/kernel/options/options.ts";
import { memoryStores } from "../../../src/store/memory.ts";

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "skein-subjects-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("the first start makes both namespaces, and writes keys that only their owner reads", async (t) => {
  const dir = await folder(t);
  const { subjects } = memoryStores({ clock: systemClock });
  const made = await ensureDefaultSubjects({ subjects, options: { data: { dir } }, log: silentLog });
  for (const [name, subject] of [
    ["guest", made.guest],
    ["whisk.system", made.system],
  ] as const) {
    assert.ok(subject !== undefined);
    assert.match(subject.authKey, AUTH_KEY);
    assert.equal(subject.file, join(dir, "keys", name));
    assert.equal(await readFile(subject.file, "utf8"), `${subject.authKey}\n`);
    assert.equal((await stat(subject.file)).mode & 0o777, 0o600);
    const stored = await subjects.get(name);
    assert.equal(stored?.blocked, false);
    assert.equal(`${stored?.namespaces[0]?.uuid}:${stored?.namespaces[0]?.key}`, subject.authKey);
  }
  assert.equal((await stat(join(dir, "keys"))).mode & 0o777, 0o700);
  assert.notEqual(made.guest?.authKey, made.system.authKey);
});

test("a later start keeps the keys, mends their files, and says when other keys are wished for", async (t) => {
  const dir = await folder(t);
  const { subjects } = memoryStores({ clock: systemClock });
  const guestKey = newAuthKey();
  const first = await ensureDefaultSubjects({ subjects, options: { data: { dir }, guestKey }, log: silentLog });
  assert.ok(first.guest !== undefined);
  assert.equal(first.guest.authKey, guestKey);
  await rm(first.guest.file);
  await writeFile(first.system.file, "something else");
  const warnings: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) };
  const second = await ensureDefaultSubjects({ subjects, options: { data: { dir }, guestKey: newAuthKey() }, log });
  assert.deepEqual(second, first);
  assert.equal(await readFile(first.guest.file, "utf8"), `${guestKey}\n`);
  assert.equal(await readFile(first.system.file, "utf8"), `${first.system.authKey}\n`);
  assert.deepEqual(warnings, [{ namespace: "guest", setting: "SKEIN_GUEST_KEY" }]);
  await chmod(first.guest.file, 0o644);
  await ensureDefaultSubjects({ subjects, options: { data: { dir }, guestKey }, log });
  assert.equal((await stat(first.guest.file)).mode & 0o777, 0o600);
  assert.equal(warnings.length, 1);
});

test("a key that is another namespace's, or a folder that cannot be written, is told by name", async (t) => {
  const dir = await folder(t);
  const { subjects } = memoryStores({ clock: systemClock });
  const guestKey = newAuthKey();
  const options = { data: { dir }, guestKey, systemKey: guestKey };
  await assert.rejects(ensureDefaultSubjects({ subjects, options, log: silentLog }), (error) =>
    isPlatformError(error, "options/invalid"),
  );
  await writeFile(join(dir, "file"), "");
  const blocked = { data: { dir: join(dir, "file") } };
  await assert.rejects(ensureDefaultSubjects({ subjects, options: blocked, log: silentLog }), (error) =>
    isPlatformError(error, "data/unusable"),
  );
});

test("a guest that was deleted does not come back by a restart", async (t) => {
  const dir = await folder(t);
  const { subjects } = memoryStores({ clock: systemClock });
  const deps = { subjects, options: { data: { dir } }, log: silentLog };
  const first = await ensureDefaultSubjects(deps);
  const guest = await subjects.get("guest");
  assert.ok(guest !== undefined);
  await subjects.delete("guest", guest.revision);
  assert.deepEqual(await ensureDefaultSubjects(deps), { system: first.system });
  assert.equal(await subjects.get("guest"), undefined);
});

test("a first start that was cut short between the two makes the other one later", async (t) => {
  const dir = await folder(t);
  const { subjects } = memoryStores({ clock: systemClock });
  const deps = { subjects, options: { data: { dir } }, log: silentLog };
  const first = await ensureDefaultSubjects(deps);
  const system = await subjects.get("whisk.system");
  assert.ok(system !== undefined);
  await subjects.delete("whisk.system", system.revision);
  const second = await ensureDefaultSubjects(deps);
  assert.deepEqual(second.guest, first.guest);
  assert.notEqual(second.system.authKey, first.system.authKey);
});
