import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { Container, RuntimeAnswer } from "../../src/invoker/factory.ts";
import type { JsonObject, JsonValue } from "../../src/kernel/json.ts";
import type { Programs, Program } from "./programs.ts";

/** Makes a fresh container that is gone after the test. */
export type MakeContainer = (t: TestContext, options?: { readonly env?: Record<string, string> }) => Promise<Container>;

export const LOGS = { bytesMax: 1_048_576, waitMs: 5000 };
export const RUN: JsonObject = {
  namespace: "guest",
  action_name: "/guest/pack/act",
  action_version: "0.0.3",
  activation_id: "0123456789abcdef0123456789abcdef",
  transaction_id: "tid-1",
  deadline: "1700000000000",
};

/**
 * What every runtime has to do, whatever its language and whatever runs it: a process, or an image. Names are claims; each test has
 * a container of its own, and programs of the language at hand.
 */
export function testProtocol(name: string, programs: Programs, make: MakeContainer): void {
  describe(`${name}: protocol`, { concurrency: 2 }, () => {
    testRuns(programs, make);
    testFailures(programs, make);
    testOutput(programs, make);
  });
}

function testRuns(programs: Programs, make: MakeContainer): void {
  test("arguments come in and results go out unchanged, whatever their characters and shapes", async (t) => {
    const container = await started(t, make, programs.echo);
    const values: readonly JsonValue[] = [
      {},
      { x: "ü€😀", "": [1, -0.5, null, true, { deep: [[]] }] },
      { line: 'one\ntwo\r\n\t"quoted" \\ \u0000\u001f\u2028' },
      [1, { a: 2 }],
      { big: "x".repeat(900_000) },
    ];
    for (const value of values) assert.deepEqual(valueOf(await run(container, value)), value);
  });

  test("a hundred runs one after the other are each answered with their own", async (t) => {
    const container = await started(t, make, programs.echo);
    for (let i = 0; i < 100; i += 1) assert.deepEqual(valueOf(await run(container, { i })), { i });
  });

  test("the environment holds the fields of init and of each run", async (t) => {
    const container = await make(t);
    const env = { __OW_NAMESPACE: "guest", SECRET: "s3 ü", OBJECT: { a: 1 }, FLAG: true, NOTHING: null };
    assertStatus(await init(container, { ...programs.environment, env }), 200);
    const read = async (name: string) => valueOf(await run(container, { name })) as JsonObject;
    assert.deepEqual(await read("SECRET"), { value: "s3 ü", atInit: "s3 ü" });
    assert.deepEqual(await read("OBJECT"), { value: '{"a":1}', atInit: '{"a":1}' });
    assert.deepEqual(await read("FLAG"), { value: "true", atInit: "true" });
    assert.deepEqual(await read("NOTHING"), { value: "", atInit: "" });
    assert.deepEqual(await read("__OW_NAMESPACE"), { value: "guest", atInit: "guest" });
    assert.deepEqual(await read("__OW_ACTIVATION_ID"), { value: RUN["activation_id"], atInit: null });
    assert.deepEqual(await read("__OW_ACTION_NAME"), { value: "/guest/pack/act", atInit: null });
    assert.deepEqual(await read("__OW_DEADLINE"), { value: "1700000000000", atInit: null });
    assert.deepEqual(await read("__SKEIN_SOCKET"), { value: null, atInit: null });
    const again = await container.run({ ...RUN, value: { name: "__OW_ACTIVATION_ID" }, activation_id: "b" }, 5000);
    assert.deepEqual(valueOf(again), { value: "b", atInit: null });
  });

  test("a result of one megabyte arrives whole, a longer one truncated with its length", async (t) => {
    const container = await started(t, make, programs.sized);
    const fits = await run(container, { n: 524_283 });
    assert.equal(fits.kind === "answer" && fits.body.bytes, 1_048_574);
    assert.equal(((valueOf(fits) as JsonObject)["s"] as string).length, 524_283);
    const long = await run(container, { n: 3_000_000 });
    assert.ok(long.kind === "answer" && long.body.kind === "truncated");
    assert.equal(long.body.bytes, 6_000_008);
    assert.ok(long.body.head.startsWith('{"s":"éé') && !long.body.head.includes("\ufffd"));
    assert.deepEqual(valueOf(await run(container, { n: 2 })), { s: "éé" });
  });

  test("two runs at once, where they may not overlap, do not: the second waits or is refused", async (t) => {
    const container = await started(t, make, programs.overlap);
    const answers = await Promise.all([run(container, { ms: 200 }), run(container, { ms: 200 })]);
    const depths = answers.filter((answer) => statusOf(answer) === 200).map((answer) => valueOf(answer));
    assert.ok(depths.length > 0);
    for (const depth of depths) assert.deepEqual(depth, { depth: 1 });
    for (const answer of answers) assert.ok([200, 403].includes(statusOf(answer) ?? 0));
  });

  if (programs.overlaps) {
    test("twenty runs at once overlap where they may, each with its own answer", async (t) => {
      const container = await make(t, { env: { __OW_ALLOW_CONCURRENT: "true" } });
      assertStatus(await init(container, programs.meeting), 200);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => run(container, { i, n: 20 })));
      assert.deepEqual(
        answers.map(valueOf),
        Array.from({ length: 20 }, (_, i) => ({ i })),
      );
    });
  }

  test("a container that was paused in the midst of a run goes on with it", async (t) => {
    const container = await started(t, make, programs.overlap);
    const running = run(container, { ms: 100 });
    await container.pause();
    await container.resume();
    assert.deepEqual(valueOf(await running), { depth: 1 });
  });
}

function testFailures(programs: Programs, make: MakeContainer): void {
  test("a second init is refused in OpenWhisk's words, and the first action stays", async (t) => {
    const container = await started(t, make, programs.echo);
    assertError(await init(container, programs.sized), 403, "Cannot initialize the action more than once.");
    assert.deepEqual(valueOf(await run(container, { a: 1 })), { a: 1 });
  });

  test("a run before init is refused", async (t) => {
    const answer = await run(await make(t));
    assertError(answer, statusOf(answer) === 500 ? 500 : 403, programs.words.beforeInit);
  });

  test("an init without code is refused", async (t) => {
    assertError(await init(await make(t), { code: "" }), 403, "Missing main/no code to execute.");
  });

  for (const [claim, program] of Object.entries(programs.broken)) {
    test(`${claim} fails init, and the log says more`, async (t) => {
      const container = await make(t);
      assertError(await init(container, program), 502, program.words);
      assert.match((await container.logs(LOGS)).join("\n"), program.log);
    });
  }

  test("an error of the action's own is answered, and the log has its account", async (t) => {
    const container = await started(t, make, programs.failing);
    const { status, words } = programs.words.failing;
    assertError(await run(container), status, words);
    assert.match((await container.logs(LOGS)).join("\n"), / stderr: .*oh/);
  });

  test("a text is no result", async (t) => {
    assertError(await run(await started(t, make, programs.text)), 502, programs.words.text);
  });

  test("an action that ends its process is told from one that answers, and what it printed is kept", async (t) => {
    const container = await started(t, make, programs.ending);
    assertEnded(await run(container), programs);
    assert.equal((await container.logs(LOGS))[0]?.length, 300_000 + "2026-11-20T23:56:00.123456789Z stdout: ".length);
  });

  test("an action that kills its process is told from one that answers", async (t) => {
    assertEnded(await run(await started(t, make, programs.killing)), programs);
  });

  test("a run past its deadline is a timeout, and what it had printed is there", async (t) => {
    const container = await started(t, make, programs.endless);
    assert.deepEqual(await run(container, {}, 500), { kind: "timeout" });
    assert.deepEqual(textOf(await container.logs({ ...LOGS, waitMs: 300 }), "stdout"), ["on and on"]);
  });
}

function testOutput(programs: Programs, make: MakeContainer): void {
  test("lines carry a time padded to 30 characters, their stream and their text", async (t) => {
    const container = await started(t, make, programs.printing);
    await run(container);
    const lines = await container.logs(LOGS);
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr): /);
    assert.deepEqual(textOf(lines, "stdout"), ["loading", "häl", "lo"]);
    assert.deepEqual(textOf(lines, "stderr"), ["err"]);
  });

  test("each run has its own lines, its children's too, and none has another's", async (t) => {
    const container = await started(t, make, programs.child);
    for (let i = 0; i < 10; i += 1) {
      assert.deepEqual(valueOf(await run(container, { i })), {});
      if (i % 3 > 0) assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), [`child ${i}`]);
    }
  });

  test("a log over its limit ends in OpenWhisk's notice, and the next one is whole", async (t) => {
    const container = await started(t, make, programs.lines);
    await run(container, { n: 100_000 });
    const lines = await container.logs({ bytesMax: 10_000, waitMs: 5000 });
    assert.ok(Buffer.byteLength(lines.slice(0, -1).join("\n")) <= 10_000 && lines.length > 200);
    const notice = /stderr: Logs were truncated because the total bytes size exceeds the limit of 10000 bytes\.$/;
    assert.match(lines.at(-1) ?? "", notice);
    await run(container, { n: 1 });
    assert.deepEqual(textOf(await container.logs(LOGS), "stdout"), ["line 0"]);
  });
}

async function started(t: TestContext, make: MakeContainer, program: Program): Promise<Container> {
  const container = await make(t);
  assertStatus(await init(container, program), 200);
  return container;
}

function assertEnded(answer: RuntimeAnswer, { words: { ended } }: Programs): void {
  if (ended === "gone") assert.deepEqual(answer, { kind: "gone", reason: "exited" });
  else assertError(answer, ended.status, ended.words);
}

export function init(container: Container, program: JsonObject | Program): Promise<RuntimeAnswer> {
  const { code, binary = false, main = "main", env } = program as Program & { readonly env?: JsonObject };
  const value = { name: "act", main, binary, code, ...(env === undefined ? {} : { env }) };
  return container.init({ value }, 20_000);
}

export function run(container: Container, value: JsonValue = {}, timeoutMs = 10_000): Promise<RuntimeAnswer> {
  return container.run({ ...RUN, value }, timeoutMs);
}

export function valueOf(answer: RuntimeAnswer): JsonValue | undefined {
  return answer.kind === "answer" && answer.body.kind === "json" ? answer.body.value : undefined;
}

export function statusOf(answer: RuntimeAnswer): number | undefined {
  return answer.kind === "answer" ? answer.status : undefined;
}

export function assertStatus(answer: RuntimeAnswer, status: number): void {
  assert.equal(statusOf(answer), status, JSON.stringify(answer));
}

export function assertError(answer: RuntimeAnswer, status: number, words: RegExp | string): void {
  assertStatus(answer, status);
  const { error } = valueOf(answer) as { error: string };
  if (typeof words === "string") assert.equal(error, words);
  else assert.match(error, words);
}

export function textOf(lines: readonly string[], stream: string): readonly string[] {
  return lines
    .filter((line) => line.slice(31).startsWith(`${stream}: `))
    .map((line) => line.slice(31 + stream.length + 2));
}
