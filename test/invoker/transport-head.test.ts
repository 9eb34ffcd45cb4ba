import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { headOf, parseHead } from "../../src/invoker/transport/response.ts";

const OWN = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14";

/** Heads like the runtime's own, and their near misses. */
const heads = fc
  .tuple(
    fc.constantFrom("HTTP/1.1", "HTTP/1.0", "http/1.1"),
    fc.oneof(fc.integer({ min: 0, max: 1000 }).map(String), fc.constantFrom("200", "204", "304", "0200")),
    fc.constantFrom(" OK", " Bad Request", "", " ", " O-K", "OK"),
    fc.constantFrom(
      "Content-Type: application/json",
      "content-type: text/plain",
      "Connection: close",
      "Transfer-Encoding: x",
    ),
    fc.oneof(
      fc.nat().map(String),
      fc.constantFrom("-1", "", " 7 ", "1e3", "9".repeat(15), "9".repeat(16), "7\n", "7\r\nX: y"),
    ),
    fc.constantFrom("\r\n", "\n"),
  )
  .map(([version, status, reason, header, length, end]) =>
    [`${version} ${status}${reason}`, header, `Content-Length: ${length}`].join(end),
  );

test("the fast reading of a head and the strict one agree", () => {
  assert.deepEqual(headOf(OWN), { status: 200, length: 14, keepAlive: true });
  fc.assert(
    fc.property(fc.oneof(heads, fc.string()), (text) => assert.deepEqual(headOf(text), parseHead(text))),
    {
      numRuns: 5000,
      examples: [[OWN], [`${OWN}\r\nContent-Length: 14`], [OWN.replace("200", "204")]],
    },
  );
});
