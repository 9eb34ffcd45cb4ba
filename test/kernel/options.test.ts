import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { optionFields } from "../../src/kernel/options/fields.ts";
import { optionAt } from "../../src/kernel/options/load.ts";
import { AUTH_KEY, defaultOptions, optionsSchema } from "../../src/kernel/options/options.ts";

test("the defaults are OpenWhisk's standalone server, kept in the home folder", () => {
  const options = defaultOptions();
  assert.equal(options.server.host, "127.0.0.1");
  assert.equal(options.server.port, 3233);
  assert.equal(options.data.dir, join(homedir(), ".skein"));
  assert.deepEqual(options.limits.action.timeoutMs, { min: 100, default: 60_000, max: 300_000 });
  assert.deepEqual(options.limits.action.memoryMb, { min: 128, default: 256, max: 512 });
  assert.equal(options.limits.action.codeBytesMax, 48 * 1_048_576);
  assert.equal(options.guestKey, undefined);
});

test("every default is the one that the schema's description tells", () => {
  const options = defaultOptions();
  for (const field of optionFields()) assert.deepEqual(optionAt(options, field.path), field.default, field.path);
});

test("each number is refused just outside its range and taken at its ends", () => {
  const numbers = optionFields().filter((field) => field.type === "integer");
  assert.ok(numbers.length > 30);
  for (const { path, allowed } of numbers) {
    const [, low = "", high = ""] = /from (\d+) to (\d+)$/.exec(allowed) ?? assert.fail(`${path}: ${allowed}`);
    for (const outside of [Number(low) - 1, Number(high) + 1, Number(low) + 0.5]) {
      const refused = optionsSchema.safeParse(nested(path, outside));
      assert.equal(refused.success, false, `${path} = ${outside}`);
    }
    // Ends of one number may break a relation with its neighbours' defaults (min <= default <= max); its own range must not.
    for (const end of [Number(low), Number(high)]) {
      const issues = optionsSchema.safeParse(nested(path, end)).error?.issues ?? [];
      assert.deepEqual(
        issues.filter((issue) => issue.code !== "custom"),
        [],
        `${path} = ${end}`,
      );
    }
  }
});

test("unknown keys are refused at every depth", () => {
  for (const path of ["x", "server.x", "limits.action.x", "limits.action.memoryMb.x", "invoker.process.x"]) {
    assert.equal(optionsSchema.safeParse(nested(path, 1)).success, false, path);
  }
});

test("a key is a lower-case UUID, a colon and 64 letters or digits", () => {
  const uuid = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502";
  assert.match(`${uuid}:${"aZ09".repeat(16)}`, AUTH_KEY);
  for (const bad of [
    `${uuid}:${"a".repeat(63)}`,
    `${uuid.toUpperCase()}:${"a".repeat(64)}`,
    `${uuid}${"a".repeat(65)}`,
  ]) {
    assert.doesNotMatch(bad, AUTH_KEY);
  }
});

function nested(path: string, value: unknown): unknown {
  return path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}
