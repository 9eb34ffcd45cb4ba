import assert from "node:assert/strict";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { test } from "node:test";
import * as fc from "fast-check";
import { EXTENSIONS } from "../../../src/controller/web/address.ts";
import { project } from "../../../src/controller/web/projection.ts";
import { isPlatformError } from "../../../src/kernel/errors.ts";
import type { JsonValue } from "../../../src/kernel/json.ts";

const anyJson = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.base64String({ maxLength: 20 }),
  fc.constantFrom(
    "text/html",
    "image/png",
    "application/json",
    "application/hal+json",
    "text/x; charset=x",
    "a/b;",
    "",
  ),
);
const anyName = fc.oneof(fc.constantFrom("content-type", "Content-Type", "Set-Cookie", "trailer", "a"), anyText);
const anyHeaders = fc.dictionary(anyName, fc.oneof(anyText, anyJson), { noNullPrototype: true, maxKeys: 5 });
const anyStatus = fc.oneof(fc.integer({ min: -1, max: 1100 }), fc.integer({ min: 90, max: 1010 }).map(String), anyJson);

/** Results that look like answers, more or less. */
const anyResult = fc.oneof(
  anyJson,
  fc.record(
    {
      statusCode: anyStatus,
      headers: fc.oneof(anyHeaders, anyJson),
      body: fc.oneof(anyText, anyJson),
      error: anyJson,
      html: anyJson,
      text: anyJson,
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
) as fc.Arbitrary<JsonValue>;

test("whatever a function answers, it is an answer that HTTP allows, or refused by one of three codes", () => {
  let answered = 0;
  const outcome = (result: JsonValue, extension: (typeof EXTENSIONS)[number], statusCode: 0 | 1) => {
    try {
      return project({ result, statusCode }, extension);
    } catch (error) {
      assert.ok(isPlatformError(error), String(error));
      assert.match(error.code, /^result\/(?:unfit|incomplete|failed)$/);
      return undefined;
    }
  };
  fc.assert(
    fc.property(anyResult, fc.constantFrom(...EXTENSIONS), fc.constantFrom(0, 1), (result, extension, statusCode) => {
      const response = outcome(result, extension, statusCode);
      if (response === undefined) return;
      answered += 1;
      const { status, type, headers, body } = response;
      assert.ok(Number.isInteger(status) && status >= 200 && status <= 999);
      assert.ok(type !== undefined || body === "");
      for (const [at, text] of [...headers, "content-type", type?.text ?? "x"].entries()) {
        if (at % 2 === 0) validateHeaderName(text);
        else validateHeaderValue("name", text);
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(answered > 300, `${answered} of 3000 were answers`);
});
