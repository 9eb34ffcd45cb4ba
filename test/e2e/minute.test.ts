import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Platform, temporaryFolder } from "../support/platform.ts";

const BIN = fileURLToPath(new URL("../../bin/skein.js", import.meta.url));

/** One `skein …` as a user types it. */
function skein(platform: Platform, dataDir: string, ...args: string[]): string {
  const run = spawnSync(process.execPath, [BIN, ...args], {
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: process.env["PATH"], HOME: dataDir, SKEIN_APIHOST: platform.url, SKEIN_DATA_DIR: dataDir },
  });
  assert.equal(run.status, 0, `skein ${args.join(" ")}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

test("the first minute: deploy, invoke, look, stop, start, and everything is still there", async (t) => {
  const dataDir = temporaryFolder(t);
  const file = join(dataDir, "hello.js");
  writeFileSync(file, "function main({ name }) { console.log('hi'); return { greeting: `Hello ${name}` } }\n");
  const first = await Platform.start({ dataDir });
  skein(first, dataDir, "action", "deploy", file);
  const answer = skein(first, dataDir, "action", "invoke", "hello", "-p", "name", "Ada", "--result");
  assert.deepEqual(JSON.parse(answer), { greeting: "Hello Ada" });
  assert.match(skein(first, dataDir, "activation", "list"), /hello/);
  const record = JSON.parse(skein(first, dataDir, "activation", "get", "--last", "--json"));
  assert.equal(record.response.status, "success");
  assert.match(skein(first, dataDir, "activation", "logs", record.activationId), /stdout: hi/);
  assert.equal(await first.stop("SIGINT"), 0);

  const second = await Platform.start({ dataDir });
  const again = skein(second, dataDir, "action", "invoke", "hello", "-p", "name", "Grace", "--result");
  assert.deepEqual(JSON.parse(again), { greeting: "Hello Grace" });
  const kept = JSON.parse(skein(second, dataDir, "activation", "get", record.activationId, "--json"));
  assert.deepEqual(kept, record);
  assert.equal(await second.stop(), 0);
});

test("a second `up` on the same data folder is refused with the first one's pid", async (t) => {
  const dataDir = temporaryFolder(t);
  const first = await Platform.start({ dataDir });
  const second = spawnSync(process.execPath, [BIN, "up", "--port", "0", "--data", dataDir], {
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.notEqual(second.status, 0);
  assert.match(second.stderr, new RegExp(`in use by process ${first.pid}`));
  assert.equal((await first.call("GET", "actions")).status, 200, "the first one does not mind");
  assert.equal(await first.stop(), 0);
});

test("keys given at the first start are the namespaces' keys, and the files are for the owner alone", async (t) => {
  const dataDir = temporaryFolder(t);
  const key = `23bc46b1-71f6-4ed5-8c54-816aa4f8c502:${"a1".repeat(32)}`;
  const platform = await Platform.start({ dataDir, env: { SKEIN_GUEST_KEY: key } });
  assert.equal(platform.authorization, `Basic ${Buffer.from(key).toString("base64")}`);
  assert.equal((await platform.call("GET", "actions")).status, 200);
  for (const name of ["guest", "whisk.system"]) {
    assert.equal(statSync(join(dataDir, "keys", name)).mode & 0o777, 0o600);
  }
  assert.equal(await platform.stop(), 0);
});

test("beyond loopback without TLS it does not start, and says what to do", (t) => {
  const dataDir = temporaryFolder(t);
  const run = spawnSync(process.execPath, [BIN, "up", "--port", "0", "--host", "0.0.0.0", "--data", dataDir], {
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.notEqual(run.status, 0);
  assert.match(run.stderr, /--tls-cert/);
});
