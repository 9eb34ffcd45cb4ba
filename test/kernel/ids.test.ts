import assert from "node:assert/strict";
import { test } from "node:test";
import { activationIdOf, entityNameFault, isActivationId } from "../../src/kernel/ids.ts";

test("entity names are OpenWhisk's", () => {
  for (const good of ["a", "_", "hello", "Hello World", "a.b-c@d&e", "0", "a".repeat(256)]) {
    assert.equal(entityNameFault(good), undefined, good);
  }
  for (const bad of ["", " a", "a ", "-a", "a/b", "ä", "a\n", ".a", "a$"]) {
    assert.equal(entityNameFault(bad), "The name of the entity contains illegal characters.", JSON.stringify(bad));
  }
  assert.equal(entityNameFault("a".repeat(257)), "Name segement longer than allowed: 257 > 256.");
});

test("an activation id is 32 hex digits that grow with time", () => {
  const early = activationIdOf(1_700_000_000_000, "f".repeat(20));
  const late = activationIdOf(1_700_000_000_001, "0".repeat(20));
  assert.ok(isActivationId(early) && isActivationId(late) && early < late);
  for (const bad of ["", "f".repeat(31), "F".repeat(32), "g".repeat(32), `${"f".repeat(32)}\n`]) {
    assert.equal(isActivationId(bad), false, JSON.stringify(bad));
  }
});
