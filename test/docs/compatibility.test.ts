import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");

test("every row of docs/compatibility.md names a test that is there", () => {
  const text = readFileSync(join(ROOT, "docs/compatibility.md"), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| ") && !/^\| (?:route|what) \|/.test(line));
  assert.ok(rows.length > 50, `${rows.length} rows`);
  for (const row of rows) {
    const [, file = "", name = ""] = /`([\w/.-]+\.test\.ts)` ?([^|]*?) \|$/.exec(row) ?? [];
    assert.ok(file !== "", `no test in ${row}`);
    const path = join(ROOT, "test", file);
    assert.ok(existsSync(path), `${file} in ${row}`);
    assert.ok(readFileSync(path, "utf8").includes(name), `${file} has no test "${name}"`);
  }
});
