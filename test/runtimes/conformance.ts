import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { Container, RuntimeAnswer } from "../../src/invoker/factory.ts";
import type { JsonObject, JsonValue } from "../../src/kernel/json.ts";
import { zip, type ZipEntry } from "./zip.ts";

/** Makes a fresh container that is gone after the test. */
export type MakeContainer = (t: TestContext, options?: { readonly env?: Record<string, string> }) => Promise<Container>;

const FILE = 0o100_644;
const LINK = 0o120_777;
const LOGS = { bytesMax: 1_048_576, waitMs: 5000 };
const RUN: JsonObject = {
  namespace: "guest",
  action_name: "/guest/pack/act",
  action_version: "0.0.3",
  activation_id: "0123456789abcdef0123456789abcdef",
  transaction_id: "tid-1",
  deadline: "1700000000000",
};

/** What every nodejs runtime has to do, whatever runs it. Names are claims; each test has a container of its own. */
export function testRuntime(name: string, make: MakeContainer): void {
  describe(`${name}: source`, { concurrency: 2 }, () => testSource(make));
  describe(`${name}: errors`, { concurrency: 2 }, () => testErrors(make));
  describe(`${name}: archives`, { concurrency: 2 }, () => testArchives(make));
  describe(`${name}: logs`, { concurrency: 2 }, () => testLogs(make));
}

function testSource(make: MakeContainer): void {
  const results: readonly (readonly [string, string, JsonValue])[] = [
    [
      "a function gets its arguments and gives an object",
      "function main(a) { return { got: a }; }",
      { got: { x: "ü€😀" } },
    ],
    ["an arrow function in a const is found", "const main = ({ x }) => ({ x });", { x: "ü€😀" }],
    ["an export named main is found", "exports.main = (a) => a;", { x: "ü€😀" }],
    ["a promise is awaited", "async function main(a) { await null; return a; }", { x: "ü€😀" }],
    ["a foreign thenable is awaited", "function main(a) { return { then: (ok) => ok(a) }; }", { x: "ü€😀" }],
    ["no result is an empty object", "function main() {}", {}],
    ["an array is a result", "function main() { return [1, { a: 2 }]; }", [1, { a: 2 }]],
    ["a comment at the end hides nothing", "function main(a) { return a; } // end", { x: "ü€😀" }],
    [
      "an ES module is known by its syntax",
      "import { sep } from 'node:path'; export const main = (a) => ({ ...a, sep });",
      { x: "ü€😀", sep: "/" },
    ],
    ["an ES module may await at its top", "const v = await 5; export function main() { return { v }; }", { v: 5 }],
    [
      "openwhisk can be required",
      "const ow = require('openwhisk'); function main() { return { t: typeof ow }; }",
      { t: "function" },
    ],
    [
      "openwhisk can be imported",
      "import ow from 'openwhisk'; export function main() { return { t: typeof ow }; }",
      { t: "function" },
    ],
    [
      "import() works inside a script",
      "async function main() { return { t: typeof (await import('openwhisk')).default }; }",
      { t: "function" },
    ],
    [
      "a returned rejection is the action's own error",
      "async function main() { throw { code: 7 }; }",
      { error: { code: 7 } },
    ],
    ["an empty rejection is an empty error", "function main() { return Promise.reject(); }", { error: {} }],
  ];
  for (const [claim, code, expected] of results) {
    test(claim, async (t) => {
      const container = await make(t);
      assertStatus(await init(container, { code }), 200);
      assert.deepEqual(valueOf(await run(container, { x: "ü€😀" })), expected);
    });
  }

  test("a dotted entry point is a property of what its first name stands for", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "const a = { b: { c: () => ({ deep: 1 }) } };", main: "a.b.c" }), 200);
    assert.deepEqual(valueOf(await run(container)), { deep: 1 });
  });

  test("the environment holds the fields of init and of each run", async (t) => {
    const container = await make(t);
    const code = `const atInit = { ...process.env };
      function main({ name }) { return { value: process.env[name] ?? null, atInit: atInit[name] ?? null }; }`;
    const env = { __OW_NAMESPACE: "guest", SECRET: "s3", OBJECT: { a: 1 }, FLAG: true, NOTHING: null };
    assertStatus(await init(container, { code, env }), 200);
    const read = async (name: string) => valueOf(await run(container, { name })) as JsonObject;
    assert.deepEqual(await read("SECRET"), { value: "s3", atInit: "s3" });
    assert.deepEqual(await read("OBJECT"), { value: '{"a":1}', atInit: '{"a":1}' });
    assert.deepEqual(await read("FLAG"), { value: "true", atInit: "true" });
    assert.deepEqual(await read("NOTHING"), { value: "", atInit: "" });
    assert.deepEqual(await read("__OW_NAMESPACE"), { value: "guest", atInit: "guest" });
    assert.deepEqual(await read("__OW_ACTIVATION_ID"), { value: RUN["activation_id"], atInit: null });
    assert.deepEqual(await read("__OW_ACTION_NAME"), { value: "/guest/pack/act", atInit: null });
    assert.deepEqual(await read("__OW_DEADLINE"), { value: "1700000000000", atInit: null });
    const again = await container.run({ ...RUN, value: { name: "__OW_ACTIVATION_ID" }, activation_id: "b" }, 5000);
    assert.deepEqual(valueOf(again), { value: "b", atInit: null });
  });

  test("a result of one megabyte arrives whole, a longer one truncated with its length", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "function main({ n }) { return { s: 'é'.repeat(n) }; }" }), 200);
    const fits = await run(container, { n: 524_283 });
    assert.equal(fits.kind === "answer" && fits.body.bytes, 1_048_574);
    assert.equal(((valueOf(fits) as JsonObject)["s"] as string).length, 524_283);
    const long = await run(container, { n: 3_000_000 });
    assert.ok(long.kind === "answer" && long.body.kind === "truncated");
    assert.equal(long.body.bytes, 6_000_008);
    assert.ok(long.body.head.startsWith('{"s":"éé') && !long.body.head.includes("\ufffd"));
    assert.deepEqual(valueOf(await run(container, { n: 2 })), { s: "éé" });
  });

  test("runs overlap when the container allows it, each with its own answer", async (t) => {
    const container = await make(t, { env: { __OW_ALLOW_CONCURRENT: "true" } });
    const code = `let open = []; function main({ i, n }) { return new Promise((ok) => {
      open.push(() => ok({ i })); if (open.length === n) for (const f of open.reverse()) f(); }); }`;
    assertStatus(await init(container, { code }), 200);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => run(container, { i, n: 20 })));
    assert.deepEqual(
      answers.map(valueOf),
      Array.from({ length: 20 }, (_, i) => ({ i })),
    );
  });

  test("a second run at once is refused when the container does not allow it", async (t) => {
    const container = await make(t);
    assertStatus(
      await init(container, {
        code: "let f; function main({ end }) { return new Promise((ok) => setTimeout(ok, 200)); }",
      }),
      200,
    );
    const [first, second] = await Promise.all([run(container), run(container)]);
    assert.deepEqual(new Set([statusOf(first), statusOf(second)]), new Set([200, 403]));
  });

  test("a function that patches the language and closes what it can find still gets its answer out or is gone", async (t) => {
    const container = await make(t);
    const code = `function main() {
      JSON.stringify = () => "{}"; JSON.parse = () => ({}); Buffer.byteLength = () => 1; Promise.prototype.then = () => {};
      Set.prototype.delete = () => false; process.stdout.write = () => true; console.log = () => {};
      require("node:http").createServer = null; require("node:fs").writeSync = () => 0;
      return { fine: "é" }; }`;
    assertStatus(await init(container, { code }), 200);
    assert.deepEqual(valueOf(await run(container)), { fine: "é" });
    assert.deepEqual(valueOf(await run(container)), { fine: "é" });
    assert.deepEqual(await container.logs(LOGS), []);
  });
}

function testErrors(make: MakeContainer): void {
  test("a second init is refused in OpenWhisk's words", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "function main() {}" }), 200);
    assertError(
      await init(container, { code: "function main() {}" }),
      403,
      "Cannot initialize the action more than once.",
    );
  });

  test("a run before init is refused", async (t) => {
    assertError(await run(await make(t)), 403, "System not initialized.");
  });

  const inits: readonly (readonly [string, JsonObject, number, RegExp])[] = [
    [
      "code without its entry point fails init",
      { code: "function other() {}" },
      502,
      /^Initialization has failed due to: Action entrypoint 'main' is not a function\.$/,
    ],
    [
      "a module without its entry point fails init",
      { code: "export const other = 1;" },
      502,
      /Action entrypoint 'main' is not a function\.$/,
    ],
    [
      "an entry point that is no name fails init",
      { code: "1", main: "a(b" },
      502,
      /Action entrypoint 'a\(b' is not a function\.$/,
    ],
    [
      "a syntax error fails init with its account",
      { code: "function main( {" },
      502,
      /^Initialization has failed due to: .*SyntaxError/s,
    ],
    [
      "an error while loading fails init with its account",
      { code: "throw new Error('early')" },
      502,
      /^Initialization has failed due to: Error: early/,
    ],
    ["empty code fails init", { code: "" }, 403, /^Missing main\/no code to execute\.$/],
  ];
  for (const [claim, message, status, words] of inits) {
    test(claim, async (t) => {
      const container = await make(t);
      assertError(await init(container, message), status, words);
      const asked = performance.now();
      assert.notEqual((await container.logs(LOGS)).length, 0);
      assert.ok(performance.now() - asked < LOGS.waitMs / 2, "the sentinels came");
    });
  }

  const runs: readonly (readonly [string, string, RegExp])[] = [
    [
      "a thrown error is answered with its text",
      "function main() { throw new TypeError('oh'); }",
      /^An error has occurred: TypeError: oh$/,
    ],
    [
      "an error that nobody catches is answered",
      "function main() { setTimeout(() => { throw new Error('late'); }, 1); return new Promise(() => {}); }",
      /^An error has occurred: Error: late$/,
    ],
    [
      "a rejection that nobody handles is answered",
      "function main() { Promise.reject(new Error('lost')); return new Promise(() => {}); }",
      /^An error has occurred: Error: lost$/,
    ],
    ["a string is no result", "function main() { return 'text'; }", /^The action did not return a dictionary\.$/],
    ["a function is no result", "function main() { return () => {}; }", /^The action did not return a dictionary\.$/],
    [
      "a cycle is no result",
      "function main() { const a = {}; a.a = a; return a; }",
      /cannot be written as JSON: TypeError: Converting circular structure/,
    ],
    [
      "a BigInt is no result",
      "function main() { return { n: 1n }; }",
      /cannot be written as JSON: TypeError: .*BigInt/,
    ],
  ];
  for (const [claim, code, words] of runs) {
    test(claim, async (t) => {
      const container = await make(t);
      assertStatus(await init(container, { code }), 200);
      assertError(await run(container), 502, words);
      assert.match((await container.logs(LOGS)).join("\n"), / stderr: /);
    });
  }

  test("a rejected Error becomes its name, message and stack", async (t) => {
    const container = await make(t);
    assertStatus(
      await init(container, {
        code: "async function main() { throw Object.assign(new RangeError('r'), { code: 'E1' }); }",
      }),
      200,
    );
    const { error } = valueOf(await run(container)) as { error: JsonObject };
    assert.deepEqual([error["name"], error["message"], error["code"]], ["RangeError", "r", "E1"]);
    assert.match(error["stack"] as string, /RangeError: r/);
  });

  test("process.exit ends the connection, and what was printed before it is kept", async (t) => {
    const container = await make(t);
    assertStatus(
      await init(container, { code: "function main() { console.log('x'.repeat(300000)); process.exit(0); }" }),
      200,
    );
    assert.deepEqual(await run(container), { kind: "gone", reason: "exited" });
    assert.equal((await container.logs(LOGS))[0]?.length, 300_000 + "2026-11-20T23:56:00.123456789Z stdout: ".length);
  });

  test("a run past its deadline is a timeout", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "function main() { for (;;); }" }), 200);
    assert.deepEqual(await run(container, {}, 200), { kind: "timeout" });
  });
}

function testArchives(make: MakeContainer): void {
  const good: readonly (readonly [string, readonly ZipEntry[], string, JsonValue])[] = [
    [
      "index.js is the default entry",
      [{ name: "index.js", content: "exports.main = () => ({ f: 'index.js' });" }],
      "main",
      { f: "index.js" },
    ],
    [
      "index.mjs is an entry",
      [{ name: "index.mjs", content: "export const main = () => ({ f: 'index.mjs' });" }],
      "main",
      { f: "index.mjs" },
    ],
    [
      "package.json names the entry",
      [
        { name: "package.json", content: '{"main":"lib/start"}' },
        { name: "lib/start.js", content: "exports.main = () => ({ f: require('./two') });" },
        { name: "lib/two.js", content: "module.exports = 2;" },
      ],
      "main",
      { f: 2 },
    ],
    [
      "package.json says that .js files are modules",
      [
        { name: "package.json", content: '{"type":"module","main":"a.js"}' },
        { name: "a.js", content: "const x = await 3; export const main = () => ({ x });" },
      ],
      "main",
      { x: 3 },
    ],
    [
      "bundled packages come before the platform's",
      [
        { name: "index.js", content: "exports.main = () => ({ ow: require('openwhisk') });" },
        { name: "node_modules/openwhisk/index.js", content: "module.exports = 'mine';" },
      ],
      "main",
      { ow: "mine" },
    ],
    [
      "the platform's openwhisk is there when it is not bundled",
      [{ name: "index.js", content: "exports.main = () => ({ t: typeof require('openwhisk') });" }],
      "main",
      { t: "function" },
    ],
    [
      "a dotted entry point names a file",
      [
        { name: "index.js", content: "" },
        { name: "other.js", content: "exports.go = () => ({ f: 'other' });" },
      ],
      "other.go",
      { f: "other" },
    ],
    [
      "files are read relative to the archive",
      [
        {
          name: "index.js",
          content: "exports.main = () => ({ t: require('fs').readFileSync('data/t.txt', 'utf8') });",
        },
        { name: "data/", mode: 0o040_755 },
        { name: "data/t.txt", content: "täxt", mode: FILE },
      ],
      "main",
      { t: "täxt" },
    ],
  ];
  for (const [claim, entries, main, expected] of good) {
    test(claim, async (t) => {
      const container = await make(t);
      assertStatus(await init(container, { code: zip(entries).toString("base64"), binary: true, main }), 200);
      assert.deepEqual(valueOf(await run(container)), expected);
    });
  }

  const script = { name: "index.js", content: "exports.main = () => ({});" };
  const zeros = Buffer.alloc(20_000_000);
  const bad: readonly (readonly [string, Buffer, RegExp])[] = [
    [
      "an archive without an entry file is refused",
      zip([{ name: "readme" }]),
      /Zipped actions must contain either package\.json or index\.js at the root\./,
    ],
    ["what is no archive is refused", Buffer.from("no zip at all"), /due to: archive /],
    [
      "a path that leaves the folder is refused",
      zip([script, { name: "../../evil.js", content: "1" }]),
      /due to: archive /,
    ],
    ["an absolute path is refused", zip([script, { name: "/tmp/evil.js", content: "1" }]), /due to: archive /],
    [
      "a symbolic link is refused",
      zip([script, { name: "link", content: "/etc/passwd", mode: LINK }]),
      /due to: archive entry link .*links are refused/,
    ],
    [
      "a bomb by ratio is refused",
      zip([script, { name: "z", content: zeros }]),
      /due to: archive unpacks to \d+ times/,
    ],
    [
      "a bomb by size is refused",
      zip([script, { name: "z", content: "1", claimedSize: 2_000_000_000 }]),
      /due to: archive unpacks to 2000000026 bytes/,
    ],
    [
      "an entry that is longer than it says is refused",
      zip([script, { name: "z", content: zeros, claimedSize: 10 }]),
      /due to: archive entry z cannot be unpacked/,
    ],
    [
      "a flood of entries is refused",
      zip(Array.from({ length: 50_001 }, (_, i) => ({ name: `f${i}` }))),
      /due to: archive has 50001 entries/,
    ],
  ];
  for (const [claim, bytes, words] of bad) {
    test(claim, async (t) => {
      const container = await make(t);
      assertError(await init(container, { code: bytes.toString("base64"), binary: true }), 502, words);
    });
  }
}

function testLogs(make: MakeContainer): void {
  test("lines carry a time padded to 30 characters, their stream and their text", async (t) => {
    const container = await make(t);
    assertStatus(
      await init(container, {
        code: "console.log('loading'); function main() { console.log('häl\\nlo'); console.error('err'); }",
      }),
      200,
    );
    await run(container);
    const lines = await container.logs(LOGS);
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr): /);
    assert.deepEqual(textOf(lines, "stdout"), ["loading", "häl", "lo"]);
    assert.deepEqual(textOf(lines, "stderr"), ["err"]);
  });

  test("each run has its own lines, and none has another's", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "function main({ i }) { process.stdout.write(`run ${i}`); }" }), 200);
    for (let i = 0; i < 20; i += 1) {
      await run(container, { i });
      if (i % 3 > 0) assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), [`run ${i}`]);
    }
  });

  test("a log over its limit ends in OpenWhisk's notice, and the next one is whole", async (t) => {
    const container = await make(t);
    assertStatus(
      await init(container, { code: "function main({ n }) { for (let i = 0; i < n; i++) console.log('line ' + i); }" }),
      200,
    );
    await run(container, { n: 100_000 });
    const lines = await container.logs({ bytesMax: 10_000, waitMs: 5000 });
    assert.ok(Buffer.byteLength(lines.slice(0, -1).join("\n")) <= 10_000 && lines.length > 200);
    assert.match(
      lines.at(-1) ?? "",
      /stderr: Logs were truncated because the total bytes size exceeds the limit of 10000 bytes\.$/,
    );
    await run(container, { n: 1 });
    assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), ["line 0"]);
  });

  test("overlapping runs share out their lines by the order in which they end", async (t) => {
    const container = await make(t, { env: { __OW_ALLOW_CONCURRENT: "true" } });
    assertStatus(
      await init(container, {
        code: "function main({ i, ms }) { return new Promise((ok) => setTimeout(() => { console.log(i); ok({ i }); }, ms)); }",
      }),
      200,
    );
    const slow = run(container, { i: "slow", ms: 300 });
    await run(container, { i: "fast", ms: 1 });
    assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), ["fast"]);
    await slow;
    assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), ["slow"]);
  });
}

function init(container: Container, message: JsonObject): Promise<RuntimeAnswer> {
  return container.init({ value: { name: "act", main: "main", binary: false, ...message } }, 20_000);
}

function run(container: Container, value: JsonValue = {}, timeoutMs = 10_000): Promise<RuntimeAnswer> {
  return container.run({ ...RUN, value }, timeoutMs);
}

function valueOf(answer: RuntimeAnswer): JsonValue | undefined {
  return answer.kind === "answer" && answer.body.kind === "json" ? answer.body.value : undefined;
}

function statusOf(answer: RuntimeAnswer): number | undefined {
  return answer.kind === "answer" ? answer.status : undefined;
}

function assertStatus(answer: RuntimeAnswer, status: number): void {
  assert.equal(statusOf(answer), status, JSON.stringify(answer));
}

function assertError(answer: RuntimeAnswer, status: number, words: RegExp | string): void {
  assertStatus(answer, status);
  const { error } = valueOf(answer) as { error: string };
  if (typeof words === "string") assert.equal(error, words);
  else assert.match(error, words);
}

function textOf(lines: readonly string[], stream: string): readonly string[] {
  return lines
    .filter((line) => line.slice(31).startsWith(`${stream}: `))
    .map((line) => line.slice(31 + stream.length + 2));
}
