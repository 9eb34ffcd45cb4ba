import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../src/kernel/options/nearest.ts";

test("the nearest candidate is within two edits, or a third of the word", () => {
  assert.equal(nearest("prot", ["port", "host"]), "port");
  assert.equal(nearest("SERVER.PORT", ["server.port"]), "server.port");
  assert.equal(nearest("invokr.memory", ["invoker.memoryMb", "invoker.idleMs"]), "invoker.memoryMb");
  assert.equal(nearest("xyz", ["port", "host"]), undefined);
  assert.equal(nearest("a", []), undefined);
});
