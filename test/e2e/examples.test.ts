import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Platform } from "../support/platform.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "skein-e2e-"));
const dataDir = join(scratch, "data");
let platform: Platform;

before(async () => {
  cpSync(join(ROOT, "examples"), join(scratch, "examples"), { recursive: true });
  // As `npm install --prefix` would, without a network: the same version is among Skein's own packages.
  const bundled = join(scratch, "examples/zip-with-deps/node_modules/dateformat");
  cpSync(join(ROOT, "node_modules/dateformat"), bundled, { recursive: true });
  platform = await Platform.start({ dataDir });
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(scratch, { recursive: true, force: true });
});

/** What the README of an example tells to type, and what it promises to print. */
function readme(example: string): { readonly lines: readonly string[]; readonly prints: readonly string[] } {
  const text = readFileSync(join(scratch, "examples", example, "README.md"), "utf8");
  return {
    lines: text.split("\n").flatMap((line) => /^ {4}npx skein (.*)$/.exec(line)?.[1] ?? []),
    prints: [...text.matchAll(/prints `(.*)`/g)].map(([, printed]) => printed ?? ""),
  };
}

function skein(line: string): string {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
  const run = spawnSync(process.execPath, [join(ROOT, "bin/skein.js"), ...words], {
    cwd: scratch,
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: process.env["PATH"], HOME: scratch, SKEIN_APIHOST: platform.url, SKEIN_DATA_DIR: dataDir },
  });
  assert.equal(run.status, 0, `skein ${line}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

for (const example of ["hello", "csv-summary", "zip-with-deps", "async-caller"]) {
  test(`the README of ${example} works line by line, and prints what it says`, () => {
    const { lines, prints } = readme(example);
    const printed = lines.map(skein);
    for (const promised of prints) assert.ok(printed.includes(`${promised}\n`), `${promised} in ${printed.join("")}`);
    if (example !== "csv-summary") return;
    const summary = JSON.parse(printed[1] ?? "") as { rows: number };
    assert.equal(summary.rows, 48);
    assert.match(printed[2] ?? "", /stdout: 48 rows, 8 columns/);
  });
}
