import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { GUEST, type Harness, OTHER, startApi, SYSTEM } from "../controller/api/harness.ts";
import { fakePlatform, KEY as FAKE_KEY, refusal } from "./platform.ts";
import { run as runBare } from "./run.ts";

const KEY = `aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee:${"K".repeat(64)}`;
const KEY_LINE = /^[0-9a-f-]{36}:[A-Za-z0-9]{64}\n$/;

let api: Harness;
before(async () => {
  api = await startApi();
});
after(() => api[Symbol.asyncDispose]());

const run = (...argv: readonly string[]) =>
  runBare(argv, { env: { SKEIN_APIHOST: api.url, SKEIN_SYSTEM_KEY: SYSTEM, SKEIN_AUTH: GUEST } });
/** What a command prints that must work. */
const out = async (...argv: readonly string[]): Promise<string> => {
  const ran = await run(...argv);
  assert.equal(ran.exit, 0, ran.stderr);
  return ran.stdout;
};
const namespacesOf = async (auth: string) => (await api.call("GET", "/api/v1/namespaces", { auth: auth.trim() })).body;

suite("user create", () => {
  test("prints a key that works, for a namespace of the user's name", async () => {
    const key = await out("user", "create", "ada-lovelace");
    assert.match(key, KEY_LINE);
    assert.deepEqual(await namespacesOf(key), ["ada-lovelace"]);
  });

  test("takes a key, wskadmin's -u, and says in JSON whose it is", async () => {
    assert.deepEqual(JSON.parse(await out("user", "create", "babbage", "-u", KEY, "--json")), {
      subject: "babbage",
      namespace: "babbage",
      auth: KEY,
    });
  });

  test("makes another namespace of a user, by -ns or --namespace", async () => {
    await out("user", "create", "curie");
    for (const flag of ["-ns", "--namespace"]) {
      const key = await out("user", "create", "curie", flag, `curie${flag}`);
      assert.deepEqual(await namespacesOf(key), [`curie${flag}`]);
    }
  });

  test("is refused where the namespace exists, unless its key is to be revoked or replaced", async () => {
    const old = await out("user", "create", "darwin");
    const again = await run("user", "create", "darwin");
    assert.equal(again.exit, 6);
    assert.match(again.stderr, /^error: cannot create user darwin\n {2}why: Namespace already exists \(/);
    const revoked = await out("user", "create", "darwin", "--revoke");
    assert.equal(revoked.split(":")[0], old.split(":")[0], "the uuid stays");
    assert.notEqual(revoked, old);
    const forced = KEY.replace("aaaa", "dddd");
    assert.equal((await run("user", "create", "darwin", "-u", forced)).exit, 6);
    assert.equal(await out("user", "create", "darwin", "-u", forced, "-f"), `${forced}\n`);
    assert.equal(await out("user", "get", "darwin"), `${forced}\n`);
  });

  test("refuses names and keys that are none: exit code 7", async () => {
    for (const argv of [
      ["four"],
      ["no/name"],
      ["euler", "-u", "a:b"],
      ["euler", "-ns", "_"],
      ["euler", "-ns", "a/b"],
    ]) {
      const ran = await run("user", "create", ...argv);
      assert.equal(ran.exit, 7, argv.join(" "));
    }
    assert.equal((await run("user", "get", "euler")).exit, 5, "nothing was made");
  });
});

suite("user get, whois and list", () => {
  test("get prints a key by its namespace, and all with their namespaces", async () => {
    const own = await out("user", "create", "fermat");
    const lab = await out("user", "create", "fermat", "-ns", "fermat-lab");
    assert.equal(await out("user", "get", "fermat"), own);
    assert.equal(await out("user", "get", "fermat", "-ns", "fermat-lab"), lab);
    for (const flag of ["--all", "-a"])
      assert.equal(await out("user", "get", "fermat", flag), `fermat\t${own}fermat-lab\t${lab}`);
    const missing = await run("user", "get", "fermat", "-ns", "lab");
    assert.equal(missing.exit, 5);
    assert.match(missing.stderr, /no namespace lab\n {2}why: it has fermat, fermat-lab\n/);
    assert.equal((await run("user", "get", "nobody")).exit, 5);
  });

  test("whois tells the subject and the namespace of a key, and of no other key", async () => {
    const key = (await out("user", "create", "gauss", "-ns", "sums")).trim();
    assert.equal(await out("user", "whois", key), "subject: gauss\nnamespace: sums\n");
    assert.equal((await run("user", "whois", `${key.slice(0, -1)}!`)).exit, 5);
    assert.equal((await run("user", "whois", "nonsense")).exit, 5);
  });

  test("list prints the keys of a namespace with their user, or every user there is", async () => {
    const key = (await out("user", "create", "hilbert", "-ns", "rooms")).trim();
    assert.equal(await out("user", "list", "rooms"), `${key}\thilbert\n`);
    assert.equal(await out("user", "list", "rooms", "-k"), `${key}\n`);
    assert.equal(await out("user", "list", "rooms", "-p", "0"), "");
    assert.equal((await run("user", "list", "hilbert")).exit, 5, "a namespace, not a subject");
    const users = await out("user", "list");
    assert.match(users, /^SUBJECT +BLOCKED +NAMESPACES\n/);
    assert.match(users, /^hilbert +no +rooms\n/m);
    assert.match(users, /^whisk\.system +no +whisk\.system\n/m);
    assert.ok((await out("user", "list", "--key")).includes(`${OTHER}\n`));
    const first = JSON.parse(await out("user", "list", "--pick", "1", "--json"));
    assert.equal(first.length, 1);
  });

  test("list reads on where one answer is not all of them", async () => {
    for (let i = 0; i < 205; i += 1) await api.call("PUT", `/admin/users/many-${i}`, { auth: SYSTEM, json: {} });
    const listed = JSON.parse(await out("user", "list", "--json")) as { subject: string }[];
    assert.equal(listed.filter(({ subject }) => subject.startsWith("many-")).length, 205);
    assert.equal(new Set(listed.map(({ subject }) => subject)).size, listed.length);
  });
});

suite("user block, unblock and delete", () => {
  test("blocked keys are refused at once, until they are unblocked", async () => {
    const key = await out("user", "create", "jacobi");
    await out("user", "create", "kepler");
    assert.equal(
      await out("user", "block", "jacobi", "kepler"),
      '"jacobi" blocked successfully\n"kepler" blocked successfully\n',
    );
    assert.equal((await api.call("GET", "/api/v1/namespaces", { auth: key.trim() })).status, 401);
    assert.match(await out("user", "list"), /^jacobi +yes /m);
    assert.equal(await out("user", "unblock", "jacobi"), '"jacobi" unblocked successfully\n');
    assert.deepEqual(await namespacesOf(key), ["jacobi"]);
    assert.deepEqual(JSON.parse(await out("user", "block", "kepler", "--json")), { subject: "kepler", blocked: true });
    const mixed = await run("user", "block", "nobody", "jacobi", "whisk.system");
    assert.deepEqual(
      [mixed.exit, mixed.stdout],
      [5, '"jacobi" blocked successfully\n'],
      "one that fails holds up none",
    );
    assert.match(mixed.stderr, /cannot block user whisk\.system\n(?:.*\n)*error: cannot block user nobody\n/);
    assert.equal((await run("user", "block", "whisk.system")).exit, 7);
  });

  test("delete takes a namespace, or the user with all of them", async () => {
    const own = await out("user", "create", "leibniz");
    const lab = await out("user", "create", "leibniz", "-ns", "leibniz-lab");
    assert.equal(await out("user", "delete", "leibniz", "-ns", "leibniz-lab"), "Namespace deleted\n");
    assert.equal((await api.call("GET", "/api/v1/namespaces", { auth: lab.trim() })).status, 401);
    assert.deepEqual(await namespacesOf(own), ["leibniz"]);
    assert.equal(await out("user", "delete", "leibniz"), "Subject deleted\n");
    assert.equal((await run("user", "get", "leibniz")).exit, 5);
    assert.equal((await run("user", "delete", "leibniz")).exit, 5);
    assert.equal((await run("user", "delete", "guest", "-ns", "other")).exit, 5, "somebody else's");
    assert.equal((await run("user", "delete", "whisk.system")).exit, 7);
  });
});

suite("a deletion that takes longer than a request", () => {
  const what = "activations of slow still run";
  const leaving = refusal(503, what, "subject/leaving");

  test("is asked for again until it is done, and that is told", async (t) => {
    const platform = await fakePlatform();
    t.after(() => platform.close());
    platform.next.push(leaving, leaving, { status: 200, body: { subject: "slow", entities: 0, records: 7 } });
    const env = { SKEIN_APIHOST: platform.url, SKEIN_SYSTEM_KEY: FAKE_KEY };
    const ran = await runBare(["user", "delete", "slow", "-ns", "slow-too"], { env });
    assert.equal(ran.stdout, "Namespace deleted\n");
    assert.equal(ran.stderr, `still deleting namespace slow-too of user slow: ${what}\n`.repeat(2));
    assert.deepEqual(
      platform.seen.map(({ method, path, query }) => [method, path, query]),
      Array.from({ length: 3 }, () => ["DELETE", "/admin/users/slow", { namespace: "slow-too" }]),
    );
  });

  test("is given up after thirty requests, and is no success: exit code 8", async (t) => {
    const platform = await fakePlatform();
    t.after(() => platform.close());
    platform.next.push(...Array.from({ length: 40 }, () => leaving));
    const env = { SKEIN_APIHOST: platform.url, SKEIN_SYSTEM_KEY: FAKE_KEY };
    const ran = await runBare(["user", "delete", "slow", "--json"], { env });
    assert.deepEqual([ran.exit, ran.stdout, platform.seen.length], [8, "", 30]);
    assert.equal(JSON.parse(ran.stderr).error.code, "subject/leaving");
  });
});

suite("the key that administers", () => {
  const root = mkdtempSync(join(tmpdir(), "skein-users-"));
  after(() => rmSync(root, { recursive: true, force: true }));
  const keys = join(root, "keys");
  mkdirSync(keys);
  writeFileSync(join(keys, "guest"), `${GUEST}\n`);

  test("is --auth, else SKEIN_SYSTEM_KEY, else the data folder's, and never a caller's own", async () => {
    const list = (env: Record<string, string>, ...flags: readonly string[]) =>
      runBare(["user", "list", ...flags], { env: { SKEIN_APIHOST: api.url, SKEIN_DATA_DIR: root, ...env } });
    const none = await list({ SKEIN_AUTH: SYSTEM });
    assert.equal(none.exit, 4);
    assert.match(none.stderr, /no key of whisk\.system for .*\n {2}why: .*keys\/whisk\.system is not there/);
    writeFileSync(join(keys, "whisk.system"), `${SYSTEM}\n`);
    assert.equal((await list({})).exit, 0);
    assert.equal((await list({ SKEIN_SYSTEM_KEY: GUEST })).exit, 4, "the variable before the file");
    assert.equal((await list({ SKEIN_SYSTEM_KEY: GUEST }, "--auth", SYSTEM)).exit, 0, "the flag before both");
    const far = await list({}, "--apihost", "https://skein.example");
    assert.equal(far.exit, 4, "the file's key is for this machine");
    assert.match(far.stderr, /the one of the data folder is for this machine/);
  });

  test("a namespace may be called -ns where it is no flag, and other nouns keep theirs", async () => {
    assert.equal((await run("user", "get", "--", "-ns")).exit, 5);
    assert.equal((await run("action", "list", "-ns")).exit, 2);
  });
});
