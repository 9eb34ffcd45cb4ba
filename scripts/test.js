// Runs every *.test.ts below test/ (or the files and folders named as arguments) with node's own runner.
// With SKEIN_REQUIRE_ENGINES=1 a skipped test is a failure: CI has every engine, so a skip there means a missing install step.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const places = process.argv.slice(2);
const files = (places.length > 0 ? places : ["test"])
  .flatMap((place) =>
    statSync(join(root, place)).isDirectory() ? globSync(`${place}/**/*.test.ts`, { cwd: root }) : [place],
  )
  .sort();

// Tests of whole platforms (which kill them under load, among others) have the machine to themselves; so have those with a container
// engine of their own, since two engines on one machine share its networks.
const whole = files.filter((file) => /^test\/(?:e2e|invoker\/docker)\//.test(file));
const groups = [
  { files: files.filter((file) => !whole.includes(file)), concurrency: 2 },
  { files: whole, concurrency: 1 },
].filter((group) => group.files.length > 0);

/** A run that no file's own watchdog could end: a thread that stands still in a system call, say. */
const GROUP_MS_MAX = 15 * 60_000;

const scratch = mkdtempSync(join(tmpdir(), "skein-test-"));
const skipped = [];
let failed = false;
for (const group of groups) {
  const tap = join(scratch, "tap");
  const run = spawnSync(
    process.execPath,
    [
      "--test",
      `--test-concurrency=${group.concurrency}`,
      "--test-timeout=240000",
      `--import=${new URL("test-watchdog.js", import.meta.url).href}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=tap",
      `--test-reporter-destination=${tap}`,
      ...group.files,
    ],
    { cwd: root, stdio: "inherit", timeout: GROUP_MS_MAX },
  );
  failed ||= run.status !== 0;
  if (run.error !== undefined) process.stdout.write(`the run was ended: ${run.error.message}\n`);
  skipped.push(
    ...readFileSync(tap, "utf8")
      .split("\n")
      .filter((line) => /^\s*ok .*# SKIP/.test(line)),
  );
}
rmSync(scratch, { recursive: true, force: true });

for (const line of skipped) process.stdout.write(`skipped: ${line.trim()}\n`);
if (process.env.SKEIN_REQUIRE_ENGINES === "1" && skipped.length > 0) {
  process.stdout.write(`${skipped.length} skipped tests are failures here (SKEIN_REQUIRE_ENGINES=1)\n`);
  process.exit(1);
}
process.exit(failed ? 1 : 0);
