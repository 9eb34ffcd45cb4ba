import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActivationResponse } from "../../src/kernel/activation.ts";
import { initResponse, runResponse } from "../../src/invoker/answers.ts";
import type { RuntimeAnswer } from "../../src/invoker/factory.ts";
import { answer } from "./memory-factory.ts";

const LIMITS = { timeoutMs: 500, resultBytesMax: 10 };
const text = (body: string, status = 200): RuntimeAnswer => ({
  kind: "answer",
  status,
  body: { kind: "text", text: body, bytes: body.length },
});
const long: RuntimeAnswer = { kind: "answer", status: 200, body: { kind: "truncated", head: '{"a":', bytes: 20 } };
const developer = (error: string): ActivationResponse => ({ statusCode: 2, result: { error } });

test("an object without error, and an array, are success", () => {
  assert.deepEqual(runResponse(answer({ a: 1 }), LIMITS), { statusCode: 0, result: { a: 1 } });
  assert.deepEqual(runResponse(answer([1]), LIMITS), { statusCode: 0, result: [1] });
});

test("an object with error is an application error, of which only the error is kept", () => {
  assert.deepEqual(runResponse(answer({ error: { code: 7 }, more: 1 }), LIMITS), {
    statusCode: 1,
    result: { error: { code: 7 } },
  });
});

test("other JSON, and text, are a developer error that shows them", () => {
  const start = "The action did not produce a valid JSON or JSON Array response";
  assert.deepEqual(runResponse(answer(5), LIMITS), developer(`${start}: 5`));
  assert.deepEqual(runResponse(text("hello"), LIMITS), developer(`${start}: hello`));
  assert.deepEqual(runResponse(text(""), LIMITS), developer(`${start}.`));
});

test("another status is a developer error, with the action's own error if it gave one", () => {
  assert.deepEqual(runResponse(answer({ error: "broke" }, 502), LIMITS), developer("broke"));
  const start = "The action did not produce a valid JSON or JSON Array response";
  assert.deepEqual(runResponse(answer({ a: 1 }, 502), LIMITS), developer(`${start}: {"a":1}`));
  assert.deepEqual(runResponse(answer([1], 502), LIMITS), developer(`${start}: [1]`));
});

test("a long answer is an application error that shows its beginning", () => {
  const error =
    'The action produced a response that exceeded the allowed length: 20 > 10 bytes. The truncated response was: {"a":';
  assert.deepEqual(runResponse(long, LIMITS), { statusCode: 1, result: { error } });
});

test("a run without an answer says why", () => {
  const said = (answer: RuntimeAnswer): ActivationResponse => runResponse(answer, LIMITS);
  assert.deepEqual(said({ kind: "timeout" }), developer("The action exceeded its time limits of 500 milliseconds."));
  const exited = "The action did not produce a valid response and exited unexpectedly.";
  assert.deepEqual(said({ kind: "gone", reason: "exited" }), developer(exited));
  assert.deepEqual(said({ kind: "gone", reason: "connection" }), developer(exited));
  const memory = "The action exhausted its memory and was aborted.";
  assert.deepEqual(said({ kind: "gone", reason: "out-of-memory" }), developer(memory));
});

test("an init that answers 200 is well, whatever it says", () => {
  assert.equal(initResponse(answer(null), LIMITS), undefined);
  assert.equal(initResponse(text("OK"), LIMITS), undefined);
  assert.equal(initResponse(long, LIMITS), undefined);
});

test("an init that fails says why", () => {
  const said = (answer: RuntimeAnswer): ActivationResponse | undefined => initResponse(answer, LIMITS);
  assert.deepEqual(said(answer({ error: "no main" }, 502)), developer("no main"));
  assert.deepEqual(said(text("boom", 500)), developer("The action failed during initialization: boom"));
  assert.deepEqual(said(text("", 500)), developer("The action failed during initialization."));
  const late = "The action exceeded its time limits of 500 milliseconds during initialization.";
  assert.deepEqual(said({ kind: "timeout" }), developer(late));
  const exited = "The action did not initialize and exited unexpectedly.";
  assert.deepEqual(said({ kind: "gone", reason: "exited" }), developer(exited));
  const memory = "The action exhausted its memory and was aborted.";
  assert.deepEqual(said({ kind: "gone", reason: "out-of-memory" }), developer(memory));
});
