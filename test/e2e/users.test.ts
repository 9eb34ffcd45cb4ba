import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { assertPrinted, stepsOf } from "../support/console.ts";
import { eventually, type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A platform, and a shell in a folder of its own that calls the built command line `skein`. */
interface World {
  readonly platform: Platform;
  readonly dataDir: string;
  readonly shell: (command: string) => { readonly status: number | null; readonly stdout: string };
  /** What a command prints that must work. */
  readonly skein: (line: string) => string;
}

async function start(t: TestContext): Promise<World> {
  // Hooks run in the order they were given: the platform ends before its folder goes.
  let started: Platform | undefined;
  t.after(() => started?.kill());
  const dataDir = temporaryFolder(t);
  const scratch = temporaryFolder(t);
  const skein = join(scratch, "skein");
  writeFileSync(skein, `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, "bin/skein.js")}" "$@"\n`);
  chmodSync(skein, 0o755);
  const platform = await Platform.start({ dataDir });
  started = platform;
  const shell: World["shell"] = (command) =>
    spawnSync("bash", ["-c", `{ ${command}\n} 2>&1`], {
      cwd: scratch,
      encoding: "utf8",
      timeout: 60_000,
      env: {
        PATH: `${scratch}:${process.env["PATH"]}`,
        HOME: scratch,
        SKEIN_APIHOST: platform.url,
        SKEIN_DATA_DIR: dataDir,
      },
    });
  return {
    platform,
    dataDir,
    shell,
    skein: (line) => {
      const { status, stdout } = shell(`skein ${line}`);
      assert.equal(status, 0, `${line}\n${stdout}`);
      return stdout.trim();
    },
  };
}

/** One request with somebody's key; the path is below `/api/v1/namespaces/_/`. */
async function ask(
  { platform }: World,
  key: string,
  [method, path, body]: readonly [method: string, path: string, body?: unknown],
): Promise<{ readonly status: number; readonly body: JsonBody; readonly headers: Headers }> {
  const response = await fetch(`${platform.url}/api/v1/namespaces/_/${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(key)}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
}

const action = (code: string): object => ({ exec: { kind: "nodejs:default", code } });

/** Fills a namespace with one of everything, and waits until each has left what it leaves. */
async function furnish(world: World, key: string): Promise<void> {
  const done = async (...request: Parameters<typeof ask>[2]): Promise<JsonBody> => {
    const { status, body } = await ask(world, key, request);
    assert.ok(status < 300, `${request[0]} ${request[1]}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  // Code of this namespace alone, so that its attachment is nobody else's.
  await done("PUT", "actions/plain", action(`function main() { return { of: ${JSON.stringify(key)} } }`));
  await done("PUT", "packages/p", {});
  await done("PUT", "actions/p/inner", action("function main() { return { inner: true } }"));
  await done("PUT", "actions/both", { exec: { kind: "sequence", components: ["/_/plain", "/_/p/inner"] } });
  await done("PUT", "triggers/t", {});
  await done("PUT", "rules/r", { trigger: "/_/t", action: "/_/plain" });
  const [namespace] = await done("GET", "../");
  const feed = await fetch(`${world.platform.url}/api/v1/namespaces/whisk.system/actions/alarms/alarm?blocking=true`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(key)}`, "content-type": "application/json" },
    body: JSON.stringify({
      lifecycleEvent: "CREATE",
      triggerName: `/${namespace}/t`,
      authKey: key,
      cron: "* * * * * *",
    }),
  });
  assert.equal(feed.status, 200, await feed.text());
  await done("POST", "actions/plain?blocking=true");
  await done("POST", "actions/both?blocking=true");
  await done("POST", "triggers/t");
  await eventually(async () => {
    const records: JsonBody[] = await done("GET", "activations?limit=200");
    return ["plain", "both", "inner", "t"].every((name) => records.some((record) => record.name === name))
      ? true
      : undefined;
  }, `records of everything in ${namespace}`);
}

/** In how many rows the stopped platform's database still has one of the words anywhere, by table. */
function leftIn(dataDir: string, words: readonly string[]): Record<string, number> {
  const database = new DatabaseSync(join(dataDir, "skein.db"));
  try {
    const tables = database.prepare("select name from sqlite_schema where type = 'table'").all() as { name: string }[];
    const left: Record<string, number> = {};
    for (const { name } of tables) {
      for (const row of database.prepare(`select * from "${name}"`).iterate()) {
        const text = Object.values(row)
          .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value)))
          .join("\n");
        if (words.some((word) => text.includes(word))) left[name] = (left[name] ?? 0) + 1;
      }
    }
    return left;
  } finally {
    database.close();
  }
}

/**
 * Nothing of the words is left but the names themselves: tombstones in the change feed, which tell other processes of the deletion, and the
 * numbers that records had for their namespaces.
 */
function assertGone(dataDir: string, words: readonly string[]): void {
  const tables = Object.keys(leftIn(dataDir, words));
  assert.deepEqual(
    tables.filter((table) => table !== "change" && table !== "namespace"),
    [],
  );
  assert.ok(tables.includes("change"), "a deletion is told");
  const database = new DatabaseSync(join(dataDir, "skein.db"));
  try {
    const orphans = database
      .prepare("select count(*) as n from entity_attachment where entity not in (select seq from entity)")
      .get();
    assert.equal(orphans?.["n"], 0, "code that is named by what is gone");
    for (const word of words) {
      const row = database.prepare("select activations, bytes from namespace where name = ?").get(word);
      assert.deepEqual({ ...row }, row === undefined ? {} : { activations: 0, bytes: 0 }, word);
    }
  } finally {
    database.close();
  }
}

test("every command of the operators' page works, and prints what the page says", async (t) => {
  const world = await start(t);
  try {
    const steps = stepsOf(readFileSync(join(ROOT, "docs/operating/users.md"), "utf8"));
    assert.ok(steps.length > 20, `${steps.length} steps`);
    for (const step of steps) {
      const { status, stdout } = world.shell(step.command);
      assert.equal(status, 0, `line ${step.line}: ${step.command}\n${stdout}`);
      assertPrinted(step, stdout);
    }
  } finally {
    assert.equal(await world.platform.stop(), 0);
  }
});

test("a deleted namespace leaves nothing, and its neighbours everything: the user's other one, and other users'", async (t) => {
  const world = await start(t);
  const going = world.skein("user create keeper -ns going-namespace");
  const staying = world.skein("user create keeper -ns staying-namespace");
  const other = world.skein("user create another-user");
  for (const key of [going, staying, other]) await furnish(world, key);
  const before = (await ask(world, staying, ["GET", "actions"])).body.length;

  assert.equal(world.skein("user delete keeper -ns going-namespace"), "Namespace deleted");
  assert.equal((await ask(world, going, ["GET", "actions"])).status, 401);
  for (const key of [staying, other]) {
    assert.equal((await ask(world, key, ["GET", "actions"])).body.length, before);
    assert.equal((await ask(world, key, ["POST", "actions/both?blocking=true"])).status, 200);
    // Its alarm goes on, as somebody whose neighbour left.
    const since = Date.now();
    await eventually(async () => {
      const { body } = await ask(world, key, ["GET", `activations?since=${since}&name=t`]);
      return body.length > 0 ? true : undefined;
    }, "a tick after the neighbour left");
  }

  // Whoever takes the name again finds it empty.
  const anew = world.skein("user create somebody-new -ns going-namespace");
  for (const collection of ["actions", "packages", "triggers", "rules", "activations"])
    assert.deepEqual((await ask(world, anew, ["GET", collection])).body, [], collection);
  assert.equal(world.skein("user delete somebody-new"), "Subject deleted");

  assert.equal(world.skein("user delete another-user"), "Subject deleted");
  assert.equal(await world.platform.stop(), 0);
  assertGone(world.dataDir, ["going-namespace", "another-user"]);
  const left = leftIn(world.dataDir, ["staying-namespace"]);
  for (const table of ["entity", "activation", "subject"]) assert.ok((left[table] ?? 0) > 0, table);
});

test("limits are met with the numbers that were set, and blocked keys at the next request", async (t) => {
  const world = await start(t);
  try {
    const key = world.skein("user create limited");
    const get = () => ask(world, key, ["GET", "actions/f"]);
    const invoke = () => ask(world, key, ["POST", "actions/f?blocking=true"]);
    assert.equal((await ask(world, key, ["PUT", "actions/f", action("function main() { return {} }")])).status, 200);
    assert.equal((await invoke()).status, 200);
    world.skein("limits set limited --invocationsPerMinute 0");
    const none = await invoke();
    assert.equal(none.status, 429);
    assert.match(none.body.error, /^Too many requests in the last minute \(count: \d+, allowed: 0\)\.$/);
    assert.ok(Number(none.headers.get("retry-after")) >= 1);
    world.skein("limits set limited --invocationsPerMinute 1000 --concurrentInvocations 0");
    const full = await invoke();
    assert.deepEqual(
      [full.status, full.body.error],
      [429, "Too many concurrent requests in flight (count: 0, allowed: 0)."],
    );
    world.skein("limits set limited --concurrentInvocations 10 --storeActivations false");
    const unstored = (await invoke()).body.activationId;
    world.skein("limits delete limited");
    const stored = (await invoke()).body.activationId;
    await eventually(
      async () => ((await ask(world, key, ["GET", `activations/${stored}`])).status === 200 ? true : undefined),
      "a record, as before",
    );
    assert.equal((await ask(world, key, ["GET", `activations/${unstored}`])).status, 404);

    assert.equal(world.skein("user block limited"), '"limited" blocked successfully');
    assert.equal((await get()).status, 401);
    assert.equal(world.skein("user unblock limited"), '"limited" unblocked successfully');
    assert.equal((await get()).status, 200);
  } finally {
    assert.equal(await world.platform.stop(), 0);
  }
});

test("what needs no key rests too while its user is blocked: web actions are not found, alarms switch off and say why", async (t) => {
  const world = await start(t);
  try {
    const key = world.skein("user create resting");
    await furnish(world, key);
    const page = {
      ...action("function main() { return { body: 'hello' }; }"),
      annotations: [{ key: "web-export", value: true }],
    };
    assert.equal((await ask(world, key, ["PUT", "actions/page", page])).status, 200);
    const visit = async (): Promise<number> =>
      (await fetch(`${world.platform.url}/api/v1/web/resting/default/page`)).status;
    assert.equal(await visit(), 200);
    world.skein("user block resting");
    const blockedAt = Date.now();
    assert.equal(await visit(), 404, "as if there were no such namespace");
    await eventually(() => (Date.now() - blockedAt > 2500 ? true : undefined), "two ticks of its alarm");
    world.skein("user unblock resting");
    assert.equal(await visit(), 200);

    const alarm = async () => (await ask(world, key, ["GET", "alarms/t"])).body;
    const off = (await alarm()).status;
    assert.deepEqual([off.active, off.reason.statusCode], [false, 401]);
    assert.equal((await ask(world, key, ["POST", "alarms/t", { active: true }])).status, 200);
    const onAt = Date.now();
    const ticks = async (): Promise<readonly number[]> =>
      (await ask(world, key, ["GET", "activations?name=t&limit=200"])).body.map(({ start: at }: JsonBody) => at);
    await eventually(async () => ((await ticks()).some((at) => at > onAt) ? true : undefined), "a tick after the rest");
    // A tick that was under way at the blocking has half a second to leave its record.
    assert.deepEqual(
      (await ticks()).filter((at) => at > blockedAt + 500 && at < blockedAt + 2500),
      [],
    );
  } finally {
    assert.equal(await world.platform.stop(), 0);
  }
});

test("a deletion waits for what runs, so that its record does not stay behind, and the kill of the platform does not undo it", async (t) => {
  const world = await start(t);
  const key = world.skein("user create leaving");
  const slow = action("function main() { return new Promise((done) => setTimeout(() => done({}), 2500)); }");
  assert.equal((await ask(world, key, ["PUT", "actions/slow", slow])).status, 200);
  assert.equal((await ask(world, key, ["POST", "actions/slow"])).status, 202);
  assert.equal(world.skein("user delete leaving"), "Subject deleted");
  await world.platform.kill();
  const again = await Platform.start({ dataDir: world.dataDir });
  assert.equal(await again.stop(), 0);
  assertGone(world.dataDir, ["leaving"]);
});

test("a deletion that a kill cut off leaves the user out, and the same command finishes it", async (t) => {
  const world = await start(t);
  const key = world.skein("user create cut-short");
  const endless = action("function main() { return new Promise((done) => setTimeout(() => done({}), 50_000)); }");
  assert.equal((await ask(world, key, ["PUT", "actions/endless", endless])).status, 200);
  assert.equal((await ask(world, key, ["POST", "actions/endless"])).status, 202);
  const system = readFileSync(join(world.dataDir, "keys", "whisk.system"), "utf8").trim();
  const cut = fetch(`${world.platform.url}/admin/users/cut-short`, {
    method: "DELETE",
    headers: { authorization: `Basic ${btoa(system)}` },
  }).then(
    () => "answered",
    () => "cut",
  );
  await eventually(
    async () => ((await ask(world, key, ["GET", "actions"])).status === 401 ? true : undefined),
    "the doors closed",
  );
  await world.platform.kill();
  assert.equal(await cut, "cut");

  const again = await Platform.start({ dataDir: world.dataDir });
  try {
    const skein = (line: string) => world.shell(`export SKEIN_APIHOST=${again.url}; skein ${line}`);
    assert.match(skein("user list").stdout, /^cut-short +yes +cut-short$/m);
    assert.equal((await ask({ ...world, platform: again }, key, ["GET", "actions"])).status, 401);
    assert.deepEqual(skein("user delete cut-short").stdout, "Subject deleted\n");
    assert.doesNotMatch(skein("user list").stdout, /cut-short/);
  } finally {
    assert.equal(await again.stop(), 0);
  }
  assertGone(world.dataDir, ["cut-short"]);
});
