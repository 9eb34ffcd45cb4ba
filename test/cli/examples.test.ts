import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import vm from "node:vm";
import { readActionSource } from "../../src/cli/source.ts";
import { fakePlatform, KEY } from "./platform.ts";
import { run } from "./run.ts";

const root = join(import.meta.dirname, "..", "..");
const examples = join(root, "examples");
const require = createRequire(import.meta.url);
const scratch = mkdtempSync(join(tmpdir(), "skein-examples-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

type Main = (args: object) => unknown;

/** `main` of a source file, as a runtime finds it: a function of the script's own scope. */
function mainOf(file: string, modules: Readonly<Record<string, unknown>> = {}): Main {
  const context = vm.createContext({ console: { log: () => undefined }, require: (name: string) => modules[name] });
  vm.runInContext(readFileSync(join(examples, file), "utf8"), context);
  return (args) => JSON.parse(JSON.stringify(vm.runInContext("main", context)(args))) as unknown;
}

suite("what the examples answer", () => {
  test("hello greets", () => {
    assert.equal(JSON.stringify(mainOf("hello/hello.js")({ name: "Ada" })), '{"greeting":"Hello Ada"}');
  });

  test("csv-summary reads quoted cells, finds numbers, counts texts", () => {
    const main = mainOf("csv-summary/csv-summary.js");
    const csv = 'id,who,note\r\n1,Ada,"a, ""b""\nc"\r\n3,Ada,\r\n2,Grace,x\r\n';
    assert.deepEqual(main({ csv }), {
      rows: 3,
      columns: [
        { name: "id", type: "number", empty: 0, min: 1, median: 2, mean: 2, max: 3 },
        {
          name: "who",
          type: "text",
          empty: 0,
          distinct: 2,
          top: [
            { value: "Ada", count: 2 },
            { value: "Grace", count: 1 },
          ],
        },
        {
          name: "note",
          type: "text",
          empty: 1,
          distinct: 2,
          top: [
            { value: 'a, "b"\nc', count: 1 },
            { value: "x", count: 1 },
          ],
        },
      ],
    });
    assert.ok("error" in (main({}) as object));
  });

  test("csv-summary summarises its own file", () => {
    const csv = readFileSync(join(examples, "csv-summary/data/deliveries.csv"), "utf8");
    const summary = mainOf("csv-summary/csv-summary.js")({ csv }) as { rows: number; columns: { type: string }[] };
    assert.equal(summary.rows, csv.trimEnd().split("\n").length - 1);
    const types = summary.columns.map((column) => column.type);
    assert.deepEqual(types, ["text", "text", "text", "text", "number", "number", "number", "text"]);
  });

  test("zip-with-deps packs its package and uses it", async () => {
    const folder = join(scratch, "zip-with-deps");
    cpSync(join(examples, "zip-with-deps"), folder, { recursive: true });
    rmSync(join(folder, "node_modules"), { recursive: true, force: true });
    assert.match((await readActionSource(folder)).warnings[0] ?? "", /^dateformat not in/);
    // As `npm install` would, without a network: the same version is among Skein's own packages.
    cpSync(join(root, "node_modules/dateformat"), join(folder, "node_modules/dateformat"), { recursive: true });
    const wanted = (require(join(folder, "package.json")) as { dependencies: Record<string, string> }).dependencies;
    const brought = require(join(folder, "node_modules/dateformat/package.json")) as { version: string };
    assert.equal(brought.version, wanted["dateformat"]);
    assert.deepEqual((await readActionSource(folder)).warnings, []);
    const { main } = require(folder) as { main: Main };
    assert.deepEqual(main({ when: "1815-12-10" }), { text: "Sunday, 10 December 1815" });
    assert.ok("error" in (main({ when: "soon" }) as object));
  });

  test("async-caller calls the other action once per name", async () => {
    const invoke = ({ name, params }: { name: string; params: { name: string } }) =>
      Promise.resolve({ greeting: `${name} ${params.name}` });
    const context = vm.createContext({ require: () => () => ({ actions: { invoke } }) });
    vm.runInContext(readFileSync(join(examples, "async-caller/async-caller.js"), "utf8"), context);
    const result: unknown = await vm.runInContext('main({ names: ["Ada", "Grace"] })', context);
    assert.equal(JSON.stringify(result), '{"greetings":["hello Ada","hello Grace"]}');
  });
});

suite("what the examples' READMEs tell to type", () => {
  for (const example of ["hello", "csv-summary", "zip-with-deps", "async-caller"]) {
    test(`${example}: every line is understood`, async () => {
      const platform = await fakePlatform();
      const text = readFileSync(join(examples, example, "README.md"), "utf8");
      const lines = text.split("\n").flatMap((line) => /^ {4}npx skein (.*)$/.exec(line)?.[1] ?? []);
      assert.ok(lines.length >= 2);
      for (const line of lines) {
        const argv = words(line).map((word) => (word.startsWith("examples/") ? join(root, word) : word));
        const ran = await run(argv, { env: { SKEIN_APIHOST: platform.url, SKEIN_AUTH: KEY } });
        assert.equal(ran.exit, 0, `${line}\n${ran.stderr}`);
      }
      await platform.close();
    });
  }
});

/** A command line's words; only single quotes are used there. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}
