import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findPython } from "../../src/runtimes/python/find.ts";
import { zip } from "../runtimes/zip.ts";
import { eventually, type JsonBody, Platform } from "../support/platform.ts";

const BIN = fileURLToPath(new URL("../../bin/skein.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "skein-e2e-"));
const dataDir = join(scratch, "data");
const python = findPython();
/** Where engines are required a skip is a failure. */
const skip =
  python === undefined && process.env["SKEIN_REQUIRE_ENGINES"] !== "1" ? "needs a python3 that anybody may run" : false;
let platform: Platform;

before(async () => {
  platform = await Platform.start({ dataDir });
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(scratch, { recursive: true, force: true });
});

test("the platform offers the kinds that can run here, and tells the version of a python", async () => {
  const response = await fetch(`${platform.url}/`);
  const { runtimes } = (await response.json()) as JsonBody;
  const kinds = Object.values(runtimes as Record<string, JsonBody[]>).flatMap((family) =>
    family.map(({ kind }) => kind),
  );
  const expected = python === undefined ? [] : ["python:3"];
  assert.deepEqual(kinds, ["nodejs:24", "nodejs:22", "nodejs:20", ...expected, "actionloop:1"]);
  if (python !== undefined) assert.equal(runtimes.python[0].image, `python:${python.version}`);
});

test("an action of a kind that is not here is refused, and nothing is kept of it", async () => {
  for (const kind of ["python:2", "python:3.99", "swift:5.3"]) {
    const { status, body } = await platform.call("PUT", "actions/refused", { exec: { kind, code: "code" } });
    assert.equal(status, 400, kind);
    assert.match(body.error, new RegExp(`The specified runtime '${kind}' is not supported by this platform`));
  }
  assert.equal((await platform.call("GET", "actions/refused")).status, 404);
});

test("a Python file is deployed, invoked and logged, and its error is an application error", { skip }, async () => {
  file(
    "greet.py",
    "def main(args):\n    print('greeting', args['name'])\n    return {'greeting': f\"Hello {args['name']}\"}",
  );
  assert.match(skein("action deploy greet.py"), /^ok: created action \/_\/greet \(python:default/);
  assert.deepEqual(JSON.parse(skein("action invoke greet --result -p name Ädä")), { greeting: "Hello Ädä" });
  const logs = await eventually(() => linesOf(skein("activation logs --last")), "logs");
  assert.match(logs, /stdout: greeting Ädä/);
  const failed = await platform.call("POST", "actions/greet?blocking=true", {});
  assert.deepEqual([failed.status, failed.body.response.status], [502, "application error"]);
  assert.deepEqual(failed.body.response.result, { error: "'name'" });
  assert.equal((await platform.call("GET", "actions/greet")).body.exec.kind, "python:3");
});

test("a Python file that does not parse is a developer error, and the record's log says where", { skip }, async () => {
  await platform.deploy("unparsable", "", { exec: { kind: "python:3", code: "def main(args:\n    pass" } });
  const { status, body } = await platform.call("POST", "actions/unparsable?blocking=true", {});
  assert.deepEqual([status, body.response.status], [502, "action developer error"]);
  assert.match(body.response.result.error, /The action failed to generate or locate a binary\. See logs for details\./);
  const record = await eventually(async () => {
    const found = await platform.call("GET", `activations/${body.activationId}`);
    return found.status === 200 ? found.body : undefined;
  }, "the record");
  assert.match(record.logs.join("\n"), /stderr: .*SyntaxError/);
});

test("a folder with __main__.py and a package beside it is an action, as is its zip", { skip }, async () => {
  const main = "import tally\ndef main(args):\n    return {'total': tally.total(args['n'])}";
  const pack = "def total(numbers):\n    return sum(numbers)";
  file("sums/__main__.py", main);
  file("sums/tally/__init__.py", pack);
  assert.match(skein("action deploy sums"), /^ok: created action \/_\/sums \(python:default/);
  assert.deepEqual(JSON.parse(skein("action invoke sums --result -p n [1,2,39]")), { total: 42 });
  const code = zip([
    { name: "__main__.py", content: main },
    { name: "virtualenv/lib/python3.11/site-packages/tally.py", content: pack },
  ]).toString("base64");
  const put = await platform.call("PUT", "actions/zipped", { exec: { kind: "python:3.8", code, binary: true } });
  assert.deepEqual([put.status, put.body.exec.kind, put.body.exec.binary], [200, "python:3", true]);
  const answer = await platform.call("POST", "actions/zipped?blocking=true&result=true", { n: [1, 2] });
  assert.deepEqual(answer.body, { total: 3 });
});

test("a Python action takes as many runs at once as it allows, in one container", { skip }, async () => {
  const code = "import os, time\ndef main(args):\n    time.sleep(0.3)\n    return {'i': args['i'], 'pid': os.getpid()}";
  await platform.deploy("many", "", { exec: { kind: "python:3", code }, limits: { concurrency: 10 } });
  const call = async (i: number) => (await platform.call("POST", "actions/many?blocking=true&result=true", { i })).body;
  const { pid } = await call(0);
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => call(i)));
  assert.deepEqual(
    answers.map(({ i }) => i),
    Array.from({ length: 10 }, (_, i) => i),
  );
  assert.ok(answers.filter((answer) => answer.pid === pid).length >= 2, JSON.stringify(answers));
});

test("an executable in a folder is deployed and invoked, as is one that is not packed", async () => {
  file(
    "looping/exec",
    `#!/bin/sh\nwhile read -r line; do echo looped >&2; echo "{\\"said\\":\\"$(cat said)\\"}" >&3; done`,
  );
  file("looping/said", "hello");
  chmodSync(join(scratch, "looping/exec"), 0o755);
  assert.match(skein("action deploy looping"), /^ok: created action \/_\/looping \(actionloop:default/);
  assert.deepEqual(JSON.parse(skein("action invoke looping --result")), { said: "hello" });
  const logs = await eventually(() => linesOf(skein("activation logs --last")), "logs");
  assert.match(logs, /stderr: looped/);
  const code = `#!/bin/sh\nwhile read -r line; do echo '{"plain":true}' >&3; done`;
  await platform.deploy("plain", "", { exec: { kind: "actionloop", code } });
  const answer = await platform.call("POST", "actions/plain?blocking=true&result=true", {});
  assert.deepEqual(answer.body, { plain: true });
});

function file(path: string, content: string): void {
  mkdirSync(dirname(join(scratch, path)), { recursive: true });
  writeFileSync(join(scratch, path), content);
}

function linesOf(printed: string): string | undefined {
  return printed.trim() === "" ? undefined : printed;
}

function skein(line: string): string {
  const run = spawnSync(process.execPath, [BIN, ...line.split(" ")], {
    cwd: scratch,
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: process.env["PATH"], HOME: scratch, SKEIN_APIHOST: platform.url, SKEIN_DATA_DIR: dataDir },
  });
  assert.equal(run.status, 0, `skein ${line}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}
