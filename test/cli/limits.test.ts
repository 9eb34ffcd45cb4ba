import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { LimitOverrides } from "../../src/controller/entitlement/limits.ts";
import { GUEST, type Harness, startApi, SYSTEM } from "../controller/api/harness.ts";
import { run as runBare } from "./run.ts";

let api: Harness;
before(async () => {
  api = await startApi();
});
after(() => api[Symbol.asyncDispose]());

const run = (...argv: readonly string[]) =>
  runBare(argv, { env: { SKEIN_APIHOST: api.url, SKEIN_SYSTEM_KEY: SYSTEM } });
const out = async (...argv: readonly string[]): Promise<string> => {
  const ran = await run(...argv);
  assert.equal(ran.exit, 0, ran.stderr);
  return ran.stdout;
};
const limits = async () => (await api.call("GET", "/api/v1/namespaces/_/limits", { auth: GUEST })).body;

test("limits are set, told, added to and taken back, in wskadmin's words", async () => {
  const before = await limits();
  assert.equal(await out("limits", "get", "guest"), "No limits found, default system limits apply\n");
  const set = [
    "--invocationsPerMinute",
    "5",
    "--firesPerMinute",
    "0",
    "--concurrentInvocations",
    "2",
    "--allowedKinds",
    "nodejs:24",
    "java:8",
    "--storeActivations",
    "false",
  ];
  assert.equal(await out("limits", "set", "guest", ...set), 'Limits successfully set for "guest"\n');
  assert.equal(
    await out("limits", "set", "guest", "--maxActionMemory", "128"),
    'Limits successfully set for "guest"\n',
  );
  assert.equal(
    await out("limits", "get", "guest"),
    "invocationsPerMinute = 5\nfiresPerMinute = 0\nconcurrentInvocations = 2\n" +
      "allowedKinds = nodejs:24, java:8\nstoreActivations = false\nmaxActionMemory = 128\n",
  );
  const own = await limits();
  assert.deepEqual(
    [own.invocationsPerMinute, own.firesPerMinute, own.concurrentInvocations, own.maxActionMemory],
    [5, 0, 2, 128],
  );
  assert.deepEqual([own.allowedKinds, own.storeActivations], [["nodejs:24", "java:8"], false]);
  assert.equal(await out("limits", "delete", "guest"), "Limits deleted\n");
  assert.equal((await run("limits", "delete", "guest")).exit, 5, "there are none any more");
  assert.equal(await out("limits", "get", "guest"), "No limits found, default system limits apply\n");
  assert.deepEqual(await limits(), before);
});

test("with --json they are what the API answers", async () => {
  const set = ["limits", "set", "other", "--minActionTimeout", "200", "--maxParameterSize", "1000", "--json"];
  assert.deepEqual(JSON.parse(await out(...set)), { minActionTimeout: 200, maxParameterSize: 1000 });
  assert.deepEqual(JSON.parse(await out("limits", "get", "other", "--json")), {
    minActionTimeout: 200,
    maxParameterSize: 1000,
  });
  assert.deepEqual(JSON.parse(await out("limits", "delete", "other", "--json")), {
    minActionTimeout: 200,
    maxParameterSize: 1000,
  });
  assert.deepEqual(JSON.parse(await out("limits", "get", "other", "--json")), {});
});

test("wskadmin's words for stored activations mean the same, and two that contradict each other nothing", async () => {
  const set = async (...flags: readonly string[]) =>
    JSON.parse(await out("limits", "set", "other", ...flags, "--json"));
  assert.deepEqual(await set("--disableStoreActivations"), { storeActivations: false });
  assert.deepEqual(await set("--enableStoreActivations"), { storeActivations: true });
  for (const others of [["--disableStoreActivations"], ["--storeActivations", "false"]]) {
    assert.equal((await run("limits", "set", "other", "--enableStoreActivations", ...others)).exit, 2);
  }
  assert.deepEqual(JSON.parse(await out("limits", "delete", "other", "--json")), { storeActivations: true });
});

test("every limit that may be set has a flag", async () => {
  const names: Required<Record<keyof LimitOverrides, true>> = {
    invocationsPerMinute: true,
    firesPerMinute: true,
    concurrentInvocations: true,
    allowedKinds: true,
    storeActivations: true,
    minActionTimeout: true,
    maxActionTimeout: true,
    minActionMemory: true,
    maxActionMemory: true,
    minActionLogs: true,
    maxActionLogs: true,
    minActionConcurrency: true,
    maxActionConcurrency: true,
    maxParameterSize: true,
  };
  const help = await out("limits", "set", "--help");
  const flags = [...help.matchAll(/^ +--(\w+) </gm)].map(([, name = ""]) => name);
  assert.deepEqual(flags.filter((name) => name !== "auth" && name !== "apihost").sort(), Object.keys(names).sort());
});

test("what is no limit, no number or no namespace is refused, and nothing is set", async () => {
  for (const [exit, ...argv] of [
    [2, "set", "guest"],
    [2, "set", "guest", "--invocationsPerMinute", "many"],
    [2, "set", "guest", "--invocationsPerMinute", "-1"],
    [2, "set", "guest", "--storeActivations", "perhaps"],
    [2, "set", "guest", "--invocations", "1"],
    [7, "set", "guest", "--invocationsPerMinute", "5000000000"],
    [7, "set", "guest", "--minActionMemory", "256", "--maxActionMemory", "128"],
    [5, "set", "nobody", "--invocationsPerMinute", "1"],
    [5, "get", "nobody"],
    [5, "delete", "nobody"],
  ] as const) {
    assert.equal((await run("limits", ...argv)).exit, exit, argv.join(" "));
  }
  assert.equal(await out("limits", "get", "guest"), "No limits found, default system limits apply\n");
});
