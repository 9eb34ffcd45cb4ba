import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject, JsonValue } from "../../src/kernel/json.ts";
import { nodejsPrograms } from "./programs.ts";
import { assertError, assertStatus, init, LOGS, run, statusOf, textOf, testProtocol, valueOf } from "./protocol.ts";
import type { MakeContainer } from "./protocol.ts";
import { zip, type ZipEntry } from "./zip.ts";

export type { MakeContainer };

const FILE = 0o100_644;
const LINK = 0o120_777;

/** What every nodejs runtime has to do beside what all have to, whatever runs it. Each test has a container of its own. */
export function testRuntime(name: string, make: MakeContainer, programs = nodejsPrograms): void {
  testProtocol(name, programs, make);
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
  test("each run has its own lines, and none has another's", async (t) => {
    const container = await make(t);
    assertStatus(await init(container, { code: "function main({ i }) { process.stdout.write(`run ${i}`); }" }), 200);
    for (let i = 0; i < 20; i += 1) {
      await run(container, { i });
      if (i % 3 > 0) assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), [`run ${i}`]);
    }
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
