import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, type JsonBody, Platform } from "../support/platform.ts";

const dataDir = mkdtempSync(join(tmpdir(), "skein-e2e-"));
let platform: Platform;

before(async () => {
  platform = await Platform.start({ dataDir });
  await platform.deploy("good", "function main() { return { fine: true } }");
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(dataDir, { recursive: true, force: true });
});

/** Deploys and calls a bad function, then shows that the next call of a good one is unharmed. */
async function tryBad(name: string, code: string, limits: object = {}): Promise<JsonBody> {
  await platform.deploy(name, code, { limits: { timeout: 2_000, memory: 128, ...limits } });
  const answer = await platform.call("POST", `actions/${name}?blocking=true`, {});
  const next = await platform.call("POST", "actions/good?blocking=true&result=true", {});
  assert.deepEqual([next.status, next.body], [200, { fine: true }]);
  return answer;
}

const cases: readonly { name: string; code: string; status: number; error: RegExp; limits?: object }[] = [
  {
    name: "never-returns",
    code: "function main() { for (;;); }",
    status: 502,
    error: /exceeded its time limits of 2000 milliseconds/,
  },
  {
    name: "never-resolves",
    code: "function main() { return new Promise(() => {}) }",
    status: 502,
    error: /exceeded its time limits of 2000 milliseconds/,
  },
  {
    name: "fills-the-heap",
    code: "function main() { const a = []; for (;;) a.push(new Array(1000).fill(a.length)) }",
    status: 502,
    error: /exhausted its memory/,
    limits: { timeout: 30_000 },
  },
  {
    name: "fills-memory-outside-the-heap",
    code: "const held = []; async function main() { for (;;) { held.push(Buffer.alloc(8 << 20, 1)); await new Promise((r) => setTimeout(r, 10)) } }",
    status: 502,
    error: /exhausted its memory/,
    limits: { timeout: 30_000 },
  },
  {
    name: "exits",
    code: "function main() { process.exit(3) }",
    status: 502,
    error: /did not produce a valid response and exited unexpectedly/,
  },
  {
    name: "does-not-parse",
    code: "function main( {",
    status: 502,
    error: /Initialization has failed due to/,
  },
  {
    name: "throws",
    code: "function main() { throw new Error('ouch') }",
    status: 502,
    error: /An error has occurred: Error: ouch/,
  },
  {
    name: "answers-with-a-number",
    code: "function main() { return 42 }",
    status: 502,
    error: /did not return a dictionary|did not produce a valid JSON/,
  },
  {
    name: "answers-with-a-cycle",
    code: "function main() { const a = {}; a.a = a; return a }",
    status: 502,
    error: /./,
  },
];

for (const { name, code, status, error, limits } of cases) {
  test(`a function that ${name.replaceAll("-", " ")} is told so, and the next call is unharmed`, async () => {
    const answer = await tryBad(name, code, limits);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.equal(answer.body.response.status, "action developer error");
    assert.match(JSON.stringify(answer.body.response.result.error), error);
  });
}

test("a result over a megabyte is cut, and says how long it was", async () => {
  const { status, body } = await tryBad("big", "function main() { return { x: 'y'.repeat(2 << 20) } }");
  assert.equal(status, 502);
  assert.equal(body.response.status, "application error");
  assert.match(body.response.result.error, /exceeded the allowed length: \d+ > 1048576 bytes/);
});

test("a function that prints without end is cut at its log limit and keeps its answer", async () => {
  const code = `function main() { const line = "x".repeat(1023); for (let i = 0; i < 20000; i += 1) console.log(line); return { done: true } }`;
  const answer = await tryBad("prints", code, { timeout: 60_000, logs: 1 });
  assert.equal(answer.status, 200);
  const record = await eventually(async () => {
    const got = await platform.call("GET", `activations/${answer.body.activationId}`);
    return got.status === 200 ? got.body : undefined;
  }, "the record");
  const bytes = record.logs.join("\n").length;
  assert(bytes > 500_000 && bytes < 1_300_000, `${bytes} bytes of log`);
  assert.match(record.logs.at(-1), /truncated because the total bytes size exceeds the limit of 1048576 bytes/);
});

test("a function that forks without end hurts nobody, and nothing of it is left", async () => {
  const code = `const { spawn } = require("node:child_process");
    function main() { for (let i = 0; i < 500; i += 1) spawn("/bin/sh", ["-c", "sleep 600"], { detached: true }).on("error", () => {}); return new Promise(() => {}) }`;
  const answer = await tryBad("forks", code);
  assert.equal(answer.status, 502);
  assert.match(answer.body.response.result.error, /exceeded its time limits|exited unexpectedly/);
});
