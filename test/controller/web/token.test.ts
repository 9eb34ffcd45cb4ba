import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EXTENSIONS } from "../../../src/controller/web/address.ts";
import { decodeToken, encodeToken, tokenKeyOf, type WebResultToken } from "../../../src/controller/web/token.ts";
import { asId } from "../../../src/kernel/ids.ts";

const KEY = tokenKeyOf("11111111-1111-1111-1111-111111111111:key");
const NOW = 1_700_000_000_000;
const TOKEN: WebResultToken = {
  activationId: asId("0123456789abcdef0123456789abcdef"),
  namespace: asId("guest"),
  extension: "json",
  customOptions: false,
  expiresAt: NOW + 60_000,
};

test("what is encoded is decoded, until it expires", () => {
  const anyToken = fc.record(
    {
      activationId: fc
        .array(fc.constantFrom(..."0123456789abcdef".split("")), { minLength: 32, maxLength: 32 })
        .map((digits) => asId<WebResultToken["activationId"]>(digits.join(""))),
      namespace: fc.stringMatching(/^\w[\w@ .&-]{0,200}\w$/).map((name) => asId<WebResultToken["namespace"]>(name)),
      extension: fc.constantFrom(...EXTENSIONS),
      customOptions: fc.boolean(),
      expiresAt: fc.integer({ min: NOW / 1000 + 1, max: 2 ** 32 - 1 }).map((seconds) => seconds * 1000),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anyToken, (token) => {
      const text = encodeToken(token, KEY);
      assert.match(text, /^[\w-]+$/);
      assert.deepEqual(decodeToken(text, KEY, NOW), token);
      assert.deepEqual(decodeToken(text, KEY, token.expiresAt - 1), token);
      assert.equal(decodeToken(text, KEY, token.expiresAt), undefined);
    }),
  );
});

test("nobody makes a token, or turns one into another", () => {
  const text = encodeToken(TOKEN, KEY);
  const bytes = Buffer.from(text, "base64url");
  for (let at = 0; at < bytes.length; at += 1) {
    for (const bit of [1, 16, 128]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ bit, at);
      assert.equal(decodeToken(changed.toString("base64url"), KEY, NOW), undefined, `byte ${at}`);
    }
  }
  for (let length = 0; length < text.length; length += 1) {
    assert.equal(decodeToken(text.slice(0, length), KEY, NOW), undefined, `length ${length}`);
  }
  for (const wrong of ["", "x", `${text}x`, `${text}=`, `${text}.`, "a".repeat(10_000), text.toUpperCase()]) {
    assert.equal(decodeToken(wrong, KEY, NOW), undefined, wrong.slice(0, 20));
  }
});

test("a token is worth nothing with another key; the same system key always gives the same", () => {
  const text = encodeToken(TOKEN, KEY);
  assert.equal(decodeToken(text, tokenKeyOf("11111111-1111-1111-1111-111111111111:kez"), NOW), undefined);
  assert.deepEqual(decodeToken(text, tokenKeyOf("11111111-1111-1111-1111-111111111111:key"), NOW), TOKEN);
});

test("tokens of earlier releases are still read", () => {
  // Made by the first release that had them; a change of the format needs a new version byte, and this line stays.
  const kept = "AQEAZVPxPAEjRWeJq83vASNFZ4mrze9ndWVzdBWyjPXZbj8cN1hh0LjG6B1o9UkrZ_DREsnPVmySGMfN";
  assert.equal(encodeToken(TOKEN, KEY), kept);
  assert.deepEqual(decodeToken(kept, KEY, NOW), TOKEN);
});
