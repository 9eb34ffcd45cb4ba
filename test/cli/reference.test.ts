import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { ERRORS } from "../../src/kernel/errors.ts";
import { optionFields } from "../../src/kernel/options/fields.ts";
import { cliReference, configReference, errorsReference, exitReference } from "./reference.ts";

const folder = join(import.meta.dirname, "..", "..", "docs", "reference");
/** `UPDATE_REFERENCE=1 node --test test/cli/reference.test.ts` writes the parts anew; their change is reviewed as a diff. */
const update = process.env["UPDATE_REFERENCE"] === "1";

suite("the reference agrees with the code", () => {
  for (const [page, part, render] of [
    ["errors.md", "codes", errorsReference],
    ["config.md", "options", configReference],
    ["cli.md", "commands", cliReference],
    ["cli.md", "exit codes", exitReference],
  ] as const) {
    test(`${page}: ${part}`, async () => {
      const text = readFileSync(join(folder, page), "utf8");
      const [begin, end] = [`<!-- ${part}: written by test/cli/reference.ts -->\n\n`, `\n<!-- end of ${part} -->\n`];
      const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
      assert.ok(text.includes(begin) && to > 0, `${page} has a part for ${part}`);
      if (update) writeFileSync(join(folder, page), text.slice(0, from) + (await render()) + text.slice(to));
      else assert.equal(text.slice(from, to), await render(), "UPDATE_REFERENCE=1 writes it anew");
    });
  }

  test("nothing is missing from it", () => {
    for (const code of Object.keys(ERRORS)) assert.ok(errorsReference().includes(`\`${code}\``), code);
    for (const line of configReference()
      .split("\n")
      .filter((text) => text.startsWith("| `"))) {
      assert.notEqual(line.split(" | ")[1], "", `has no description: ${line}`);
    }
    assert.equal(configReference().match(/^\| `/gm)?.length, optionFields().length);
    assert.equal(exitReference().match(/^\| \d/gm)?.length, 14);
  });
});
