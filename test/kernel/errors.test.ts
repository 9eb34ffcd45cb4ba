import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assert as invariant,
  type ErrorCode,
  ERRORS,
  InvariantError,
  isPlatformError,
  PlatformError,
} from "../../src/kernel/errors.ts";

test("codes are noun/adjective, helps are sentences without a full stop", () => {
  for (const [code, { help, status }] of Object.entries(ERRORS)) {
    assert.match(code, /^[a-z]+\/[a-z-]+$/);
    assert.match(help, /^\S.{5,200}[^.\s]$/, code);
    assert.ok(status >= 400 && status < 600, code);
  }
});

test("what may be retried is never the request's own fault, but for limits and concurrent changes", () => {
  const retried = Object.entries(ERRORS).filter(([, e]) => e.retry !== "never" && e.fault === "request");
  assert.deepEqual(retried.map(([code]) => code).sort(), [
    "entity/concurrent-change",
    "limits/concurrency",
    "limits/rate",
  ]);
});

test("an error is recognised by its code, across copies of the package", () => {
  const error = new PlatformError("store/unavailable", "disk full", {
    details: { path: "/x" },
    cause: new Error("io"),
  });
  assert.ok(isPlatformError(error) && isPlatformError(error, "store/unavailable"));
  assert.equal(isPlatformError(error, "store/corrupted"), false);
  assert.equal(error.kind.status, 503);
  assert.deepEqual(error.details, { path: "/x" });
  assert.ok(isPlatformError(Object.assign(new Error("copy"), { code: "auth/invalid" satisfies ErrorCode })));
  assert.equal(isPlatformError(Object.assign(new Error("system"), { code: "ENOENT" })), false);
  assert.equal(isPlatformError("auth/invalid"), false);
});

test("a broken invariant is no platform error", () => {
  assert.doesNotThrow(() => invariant(true, "holds"));
  assert.throws(() => invariant(false, "two leaders"), InvariantError);
});
