import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { optionFields } from "../../src/kernel/options/fields.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "skein-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "skein.yaml");
const key = `23bc46b1-71f6-4ed5-8c54-816aa4f8c502:${"k".repeat(64)}`;
writeFileSync(file, `server:\n  port: 4000\nguestKey: ${key}\n`);

test("config show prints every option with where it comes from, and no secret", async () => {
  const ran = await run(["config", "show", "--config", file, "--host", "127.0.0.2", "--set", "invoker.idleMs=1"]);
  assert.equal(ran.exit, 0);
  const rows = ran.stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows[0], ["OPTION", "VALUE", "FROM"]);
  assert.deepEqual(
    rows.slice(1).map(([path]) => path),
    optionFields().map((field) => field.path),
  );
  const row = (path: string) => rows.find(([name]) => name === path)?.slice(1);
  assert.deepEqual(row("server.port"), ["4000", `${file}:2`]);
  assert.deepEqual(row("server.host"), ["127.0.0.2", "flag --host"]);
  assert.deepEqual(row("invoker.idleMs"), ["1", "flag --set"]);
  assert.deepEqual(row("server.tlsCert"), ["(unset)", "default"]);
  assert.deepEqual(row("guestKey"), ["(secret)", `${file}:3`]);
  assert.doesNotMatch(ran.stdout, /kkkk/);
});

test("config show --json is one document, from the file that SKEIN_CONFIG names", async () => {
  const ran = await run(["config", "show", "--json"], { env: { SKEIN_CONFIG: file, SKEIN_INVOKER_MEMORY_MB: "999" } });
  const shown = JSON.parse(ran.stdout) as Record<string, unknown>;
  assert.deepEqual(shown["invoker.memoryMb"], { value: 999, origin: "env SKEIN_INVOKER_MEMORY_MB" });
  assert.deepEqual(shown["guestKey"], { value: "(secret)", origin: `${file}:3` });
});

test("config show refuses what up would refuse", async () => {
  const ran = await run(["config", "show", "--port", "70000", "--json"]);
  assert.equal(ran.exit, 10);
  const { error } = JSON.parse(ran.stderr) as { error: { what: string; code: string } };
  assert.equal(error.code, "options/invalid");
  assert.match(error.what, /server\.port is 70000, but must be a whole number from 0 to 65535 \(flag --port\)/);
});
