import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findPython } from "../../src/runtimes/python/find.ts";
import { assertPrinted, stepsOf } from "../support/console.ts";
import { Platform } from "../support/platform.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "skein-tutorial-"));
const dataDir = join(scratch, "data");
let platform: Platform;

before(async () => {
  // `npx skein` of a folder in which Skein is installed, without looking for it each time.
  mkdirSync(join(scratch, "bin"));
  const npx = join(scratch, "bin", "npx");
  writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, "bin/skein.js")}" "$@"\n`);
  chmodSync(npx, 0o755);
  platform = await Platform.start({ dataDir });
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(scratch, { recursive: true, force: true });
});

test("the tutorial works line by line, and each line prints what it says", () => {
  const steps = stepsOf(readFileSync(join(ROOT, "docs/tutorial.md"), "utf8"));
  assert.ok(steps.length > 40, `${steps.length} steps`);
  // Where engines are required it is not left out.
  const hasPython = findPython() !== undefined || process.env["SKEIN_REQUIRE_ENGINES"] === "1";
  for (const step of steps) {
    if (!hasPython && /\bwords\b/.test(step.command)) continue;
    const run = spawnSync("bash", ["-c", `{ ${step.command}\n} 2>&1`], {
      cwd: scratch,
      encoding: "utf8",
      timeout: 60_000,
      env: {
        PATH: `${join(scratch, "bin")}:${process.env["PATH"]}`,
        HOME: scratch,
        SKEIN_APIHOST: platform.url,
        SKEIN_DATA_DIR: dataDir,
      },
    });
    assert.equal(run.status, 0, `line ${step.line}: ${step.command}\n${run.stdout}`);
    assertPrinted(step, run.stdout);
  }
});
