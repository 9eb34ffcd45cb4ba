import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import { type FakePlatform, fakePlatform, ID, KEY, record, refusal } from "./platform.ts";
import { run as runBare } from "./run.ts";

let platform: FakePlatform;
before(async () => {
  platform = await fakePlatform();
});
after(() => platform.close());
afterEach(() => {
  platform.seen.length = 0;
  platform.next.length = 0;
});
const run = (...argv: readonly string[]) => runBare([...argv, "--apihost", platform.url, "--auth", KEY]);

suite("activations", () => {
  test("list is a table of the newest runs", async () => {
    const { stdout } = await run("activation", "list");
    const [head, row] = stdout.split("\n");
    assert.match(head ?? "", /^START +ACTIVATION +ACTION +BEGAN +DURATION +STATUS$/);
    assert.match(
      row ?? "",
      new RegExp(`^2023-11-1\\d [\\d:]{8}  ${ID}  /guest/hello:0\\.0\\.1  cold   42 ms     success$`),
    );
  });

  test("list takes an action, bounds and times", async () => {
    await run(
      "activation",
      "list",
      "pkg/hello",
      "--limit",
      "2",
      "--since",
      "5",
      "--upto",
      "2023-11-14T22:13:20Z",
      "--json",
    );
    const { query } = platform.seen[0] ?? assert.fail("nothing was sent");
    assert.deepEqual(query, { name: "pkg/hello", limit: "2", since: "5", upto: "1700000000000" });
    assert.equal((await run("activation", "list", "--since", "lunch")).exit, 2);
  });

  test("get shows the record, with its logs", async () => {
    const { stdout } = await run("activation", "get", ID);
    assert.match(stdout, /status +success\n/);
    assert.match(stdout, /waited +3 ms\ninit +20 ms\nresult +\{"greeting":"Hello Ada"\}\nlogs\n {2}.* stdout: hi\n$/);
    assert.deepEqual(JSON.parse((await run("activation", "get", ID, "--json")).stdout), record);
  });

  test("logs and result print just that", async () => {
    assert.equal((await run("activation", "logs", ID)).stdout, `${record.logs[0] ?? ""}\n`);
    assert.equal((await run("activation", "result", ID)).stdout, '{"greeting":"Hello Ada"}\n');
  });

  test("the result of a failed run ends with 1, of a broken one with 70", async () => {
    for (const [status, exit] of [
      ["application error", 1],
      ["action developer error", 1],
      ["whisk internal error", 70],
    ] as const) {
      platform.next.push({ status: 200, body: { result: { error: "x" }, success: false, status } });
      const ran = await run("activation", "result", ID);
      assert.deepEqual([ran.exit, ran.stdout], [exit, '{"error":"x"}\n']);
      assert.match(ran.stderr, new RegExp(`ended as ${status}`));
    }
  });

  test("--last asks for the newest one first", async () => {
    assert.equal((await run("activation", "logs", "--last")).exit, 0);
    assert.deepEqual(
      platform.seen.map((seen) => seen.path.split("/_/")[1]),
      ["activations", `activations/${ID}/logs`],
    );
    platform.next.push({ status: 200, body: [] });
    const none = await run("activation", "get", "--last");
    assert.equal(none.exit, 5);
    assert.match(none.stderr, /there are no activations yet/);
  });

  test("a record that is not there yet is explained", async () => {
    platform.next.push(refusal(404, "The requested resource does not exist.", "entity/not-found"));
    const ran = await run("activation", "get", ID);
    assert.equal(ran.exit, 5);
    assert.match(ran.stderr, /why: records appear when an activation has ended/);
  });

  test("what is no id is refused here", async () => {
    assert.equal((await run("activation", "get", "abc")).exit, 2);
    assert.equal((await run("activation", "get")).exit, 2);
    assert.equal((await run("activation", "get", ID, "--last")).exit, 2);
    assert.equal(platform.seen.length, 0);
  });
});

suite("namespace and status", () => {
  test("namespace list prints the key's namespace", async () => {
    assert.equal((await run("namespace", "list")).stdout, "guest\n");
    assert.equal((await run("namespace", "list", "--json")).stdout, '["guest"]\n');
  });

  test("status says what is there", async () => {
    const { exit, stdout } = await run("status");
    assert.equal(exit, 0);
    assert.match(
      stdout,
      /ping +[\d.]+ ms\nplatform +Skein\nnamespace +guest\nruntimes +nodejs:24\ninFlight +0\ninvoker +\{"freeMb":512\}\n$/,
    );
    const json = JSON.parse((await run("status", "--json")).stdout) as Record<string, unknown>;
    assert.deepEqual([json["namespace"], json["roles"]], ["guest", { inFlight: 0, invoker: { freeMb: 512 } }]);
  });

  test("status leaves out what the key may not know", async () => {
    for (const body of [{ description: "Skein" }, "pong", ["guest"]]) platform.next.push({ status: 200, body });
    platform.next.push(refusal(403, "not authorized", "auth/forbidden"));
    const ran = await run("status");
    assert.equal(ran.exit, 0);
    assert.doesNotMatch(ran.stdout, /inFlight/);
  });

  test("status is worth reading without a key, and with a wrong one", async () => {
    const wrong = await runBare(["status", "--apihost", platform.url, "--auth", `a:${"b".repeat(64)}`]);
    assert.match(wrong.stdout, /namespace +\(the key is not known there\)/);
    const none = await runBare(["status", "--apihost", platform.url]);
    assert.equal(none.exit, 0);
    assert.match(none.stdout, /namespace +\(there is no key for/);
  });
});
