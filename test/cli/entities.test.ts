import assert from "node:assert/strict";
import { after, afterEach, before, suite, test } from "node:test";
import { type FakePlatform, fakePlatform, ID, KEY, refusal } from "./platform.ts";
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

const TREE = "/api/v1/namespaces/_";
const run = (...argv: readonly string[]) => runBare(argv, { env: { SKEIN_APIHOST: platform.url, SKEIN_AUTH: KEY } });
/** What it answers next, each with 200. */
const answers = (...bodies: readonly unknown[]): void => {
  platform.next.push(...bodies.map((body) => ({ status: 200, body })));
};
/** The requests that were made: method, path, query, body. */
const requests = () =>
  platform.seen.map(({ method, path, query, body }) => {
    const text = new URLSearchParams(query).toString();
    return [`${method} ${path}${text === "" ? "" : `?${text}`}`, ...(body === undefined ? [] : [body])];
  });

suite("packages", () => {
  test("are created once and updated over what is there, with parameters, annotations and their sharing", async () => {
    answers({}, {});
    const created = await run(
      "package",
      "create",
      "p",
      "-p",
      "city",
      "Oslo",
      "-a",
      "description",
      "x",
      "--shared",
      "yes",
    );
    assert.equal(created.stdout, "ok: created package /_/p\n");
    const updated = await run("package", "update", "/guest/p", "--shared", "no");
    assert.equal(updated.stdout, "ok: updated package /guest/p\n");
    assert.deepEqual(requests(), [
      [
        `PUT ${TREE}/packages/p?overwrite=false`,
        {
          parameters: [{ key: "city", value: "Oslo" }],
          annotations: [{ key: "description", value: "x" }],
          publish: true,
        },
      ],
      ["PUT /api/v1/namespaces/guest/packages/p?overwrite=true", { publish: false }],
    ]);
    assert.equal((await run("package", "create", "p", "--shared", "perhaps")).exit, 2);
  });

  test("are bound by a name of one's own", async () => {
    answers({});
    const bound = await run("package", "bind", "/whisk.system/utils", "tools", "-p", "a", "1");
    assert.equal(bound.stdout, "ok: created binding /_/tools of /whisk.system/utils\n");
    assert.deepEqual(requests()[0]?.[1], {
      binding: { namespace: "whisk.system", name: "utils" },
      parameters: [{ key: "a", value: 1 }],
    });
  });

  test("are shown with what is in them, and deleted with it where that is said", async () => {
    const entity = { namespace: "guest", name: "p", version: "0.0.2", publish: true, binding: {} };
    answers(
      { ...entity, actions: [{ name: "f" }], feeds: [] },
      [{ ...entity, binding: { namespace: "o", name: "q" } }],
      {},
    );
    const shown = await run("package", "get", "p");
    assert.match(shown.stdout, /^name +\/guest\/p\n/);
    assert.match(shown.stdout, /actions\n {2}f\nfeeds\n {2}none\n$/);
    const listed = await run("package", "list");
    assert.match(listed.stdout, /NAME +BINDING OF +SHARED +VERSION\n\/guest\/p +\/o\/q +yes +0\.0\.2\n/);
    assert.equal((await run("package", "delete", "p", "--force")).stdout, "ok: deleted package /_/p\n");
    assert.equal(requests()[2]?.[0], `DELETE ${TREE}/packages/p?force=true`);
  });
});

suite("rules", () => {
  test("link a trigger with an action, and are switched", async () => {
    answers({}, {}, {}, { status: "inactive" });
    assert.equal((await run("rule", "create", "r", "t", "pkg/a")).stdout, "ok: created rule /_/r\n");
    assert.equal((await run("rule", "disable", "r")).stdout, "ok: rule /_/r is inactive\n");
    assert.equal((await run("rule", "enable", "r")).stdout, "ok: rule /_/r is active\n");
    assert.equal((await run("rule", "status", "r")).stdout, "ok: rule /_/r is inactive\n");
    assert.deepEqual(requests(), [
      [`PUT ${TREE}/rules/r?overwrite=false`, { trigger: "/_/t", action: "/_/pkg/a" }],
      [`POST ${TREE}/rules/r`, { status: "inactive" }],
      [`POST ${TREE}/rules/r`, { status: "active" }],
      [`GET ${TREE}/rules/r`],
    ]);
  });

  test("that are not there end with 5, and say so", async () => {
    platform.next.push(refusal(404, "The requested resource does not exist.", "entity/not-found"));
    const ran = await run("rule", "get", "r");
    assert.equal(ran.exit, 5);
    assert.match(ran.stderr, /error: cannot get rule \/_\/r\n {2}why: The requested resource does not exist/);
  });
});

suite("triggers", () => {
  test("are created, fired and shown with their rules", async () => {
    const rules = { "guest/r": { status: "active", action: { path: "guest/pkg", name: "a" } } };
    answers({}, { activationId: ID }, { namespace: "guest", name: "t", version: "0.0.1", annotations: [], rules });
    assert.equal((await run("trigger", "create", "t", "-p", "a", "1")).stdout, "ok: created trigger /_/t\n");
    assert.equal((await run("trigger", "fire", "t", "-p", "b", "2")).stdout, `ok: fired trigger /_/t with id ${ID}\n`);
    assert.match((await run("trigger", "get", "t")).stdout, /rules\n {2}\/guest\/r: active, runs \/guest\/pkg\/a\n$/);
    assert.deepEqual(requests().slice(0, 2), [
      [`PUT ${TREE}/triggers/t?overwrite=false`, { parameters: [{ key: "a", value: 1 }], annotations: [] }],
      [`POST ${TREE}/triggers/t`, { b: 2 }],
    ]);
  });

  test("without an active rule run nothing, and that is said", async () => {
    platform.next.push({ status: 204, body: "" });
    assert.equal((await run("trigger", "fire", "t")).stdout, "ok: trigger /_/t has no active rule: nothing ran\n");
  });

  test("with a feed are made by both: the parameters go to the feed, with the key that fires", async () => {
    answers({}, ["guest"], {});
    const made = await run("trigger", "create", "t", "--feed", "/whisk.system/alarms/alarm", "-p", "cron", "* * * * *");
    assert.equal(made.stdout, "ok: created trigger /_/t, fired by /whisk.system/alarms/alarm\n");
    const [put, , call] = requests();
    assert.deepEqual(put?.[1], { annotations: [{ key: "feed", value: "/whisk.system/alarms/alarm" }] });
    assert.equal(call?.[0], "POST /api/v1/namespaces/whisk.system/actions/alarms/alarm?blocking=true&result=true");
    assert.deepEqual(call[1], { cron: "* * * * *", lifecycleEvent: "CREATE", triggerName: "/guest/t", authKey: KEY });
  });

  test("whose feed refuses them are not left behind, and the feed's words are told", async () => {
    answers({}, ["guest"]);
    platform.next.push({ status: 502, body: { error: "the cron pattern has no minutes" } });
    answers({});
    const ran = await run("trigger", "create", "t", "--feed", "f", "-p", "cron", "x");
    assert.equal(ran.exit, 1);
    assert.match(
      ran.stderr,
      /feed \/_\/f did not take CREATE of trigger \/guest\/t\n {2}why: the cron pattern has no minutes/,
    );
    assert.equal(requests().at(-1)?.[0], `DELETE ${TREE}/triggers/t`);
  });

  test("with a feed are read, changed and deleted through it", async () => {
    const trigger = { namespace: "guest", name: "t", annotations: [{ key: "feed", value: "/_/f" }] };
    answers(trigger, ["guest"], { cron: "*" }, trigger, ["guest"], {}, {}, trigger, ["guest"], {}, {});
    assert.match((await run("trigger", "get", "t")).stdout, /feed says +\{"cron":"\*"\}/);
    assert.equal((await run("trigger", "update", "t", "-p", "cron", "x")).exit, 0);
    assert.equal((await run("trigger", "delete", "t")).exit, 0);
    const events = platform.seen.filter(({ method }) => method === "POST").map(({ body }) => body);
    assert.deepEqual(
      events.map((body) => (body as { lifecycleEvent: string }).lifecycleEvent),
      ["READ", "UPDATE", "DELETE"],
    );
    assert.equal(requests().at(-1)?.[0], `DELETE ${TREE}/triggers/t`);
  });
});

suite("the rest", () => {
  test("a sequence is its components", async () => {
    answers({ version: "0.0.1" });
    const ran = await run("action", "sequence", "s", "a, pkg/b,/other/p/c", "--web");
    assert.equal(ran.stdout, "ok: created sequence /_/s of 3 actions\n");
    const body = platform.seen[0]?.body as { exec: unknown };
    assert.deepEqual(body.exec, { kind: "sequence", components: ["/_/a", "/_/pkg/b", "/other/p/c"] });
  });

  test("a web action has a URL, another action has none", async () => {
    const action = { namespace: "guest/pkg", name: "a b", annotations: [{ key: "web-export", value: true }] };
    answers(action, { ...action, namespace: "guest" }, { ...action, annotations: [] });
    assert.equal(
      (await run("action", "get", "pkg/a b", "--url")).stdout,
      `${platform.url}/api/v1/web/guest/pkg/a%20b\n`,
    );
    assert.equal(
      (await run("action", "get", "a b", "--url")).stdout,
      `${platform.url}/api/v1/web/guest/default/a%20b\n`,
    );
    assert.equal((await run("action", "get", "a b", "--url")).exit, 2);
  });

  test("polling prints each record once, the oldest first", async () => {
    const record = (id: string) => ({
      activationId: id,
      name: "a",
      start: 1,
      response: { status: "success" },
      logs: ["l"],
    });
    answers([record("2"), record("1")], [record("3"), record("2"), record("1")]);
    let now = 0;
    const env = { SKEIN_APIHOST: platform.url, SKEIN_AUTH: KEY };
    const ran = await runBare(["activation", "poll", "--exit", "2", "--since", "0"], {
      env,
      nowMs: () => (now += 800),
    });
    assert.equal(ran.exit, 0);
    assert.equal(ran.stdout, ["1", "2", "3"].map((id) => `${id} a: success\n  l\n`).join(""));
  });

  test("everything of a namespace is listed by its kind", async () => {
    answers([{ namespace: "guest", name: "p" }], [], [], [{ namespace: "guest", name: "r" }]);
    const ran = await run("namespace", "get");
    assert.equal(ran.stdout, "packages\n  /guest/p\nactions\n  none\ntriggers\n  none\nrules\n  /guest/r\n");
  });
});
