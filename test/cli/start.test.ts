import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { fakePlatform, KEY } from "./platform.ts";

/** Prints every module that a command line loads, its own and Node's lazy ones, as the last line of stderr. */
const script = `
  import { registerHooks } from "node:module";
  const loaded = [];
  registerHooks({ resolve(specifier, context, next) { loaded.push(specifier); return next(specifier, context); } });
  const { runCli } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/cli/main.ts"))});
  const exit = await runCli(process.argv.slice(1));
  console.error(JSON.stringify({ exit, loaded: [...loaded, ...process.moduleLoadList] }));
`;

test("a client command loads neither the platform nor what takes long: that is what keeps its start short", async () => {
  const platform = await fakePlatform();
  const flags = ["--apihost", platform.url, "--auth", KEY];
  const { stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, "--", "action", "list", ...flags],
    { env: { PATH: process.env["PATH"] } },
  );
  await platform.close();
  const { exit, loaded } = JSON.parse(stderr.trim().split("\n").at(-1) ?? "") as { exit: number; loaded: string[] };
  assert.equal(exit, 0);
  assert.ok(loaded.includes("commander") && loaded.includes("./commands/action.ts"), "the list is a list");
  const heavy = /fastify|zod|pino|^yaml|yazl|sqlite|undici|openwhisk|node\/node|up\.ts|activation\.ts/;
  assert.deepEqual(
    loaded.filter((name) => heavy.test(name)),
    [],
  );
});
