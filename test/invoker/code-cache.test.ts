import assert from "node:assert/strict";
import { test } from "node:test";
import { type CodeDigest, asId } from "../../src/kernel/ids.ts";
import { CodeCache } from "../../src/invoker/code-cache.ts";

const digest = (name: string): CodeDigest => asId(name);

function cache(bytesMax: number) {
  const reads: string[] = [];
  const read = (wanted: CodeDigest): Promise<Uint8Array | undefined> => {
    reads.push(wanted);
    return Promise.resolve(wanted === "none" ? undefined : new TextEncoder().encode(`<${wanted}>`));
  };
  return { cache: new CodeCache(read, bytesMax), reads };
}

test("source comes as text, an archive as base64", async () => {
  const { cache: it } = cache(100);
  assert.equal(await it.get(digest("a"), false), "<a>");
  assert.equal(await it.get(digest("a"), true), Buffer.from("<a>").toString("base64"));
  assert.equal(await it.get(digest("none"), false), undefined);
});

test("code is read once, also by callers at the same time", async () => {
  const { cache: it, reads } = cache(100);
  await Promise.all([it.get(digest("a"), false), it.get(digest("a"), false)]);
  await it.get(digest("a"), false);
  assert.deepEqual(reads, ["a"]);
});

test("the least recently used goes when the bound is reached", async () => {
  const { cache: it, reads } = cache(6);
  for (const name of ["a", "b", "a", "c", "a", "b"]) await it.get(digest(name), false);
  assert.deepEqual(reads, ["a", "b", "c", "b"]);
  assert.equal(it.bytes, 6);
});

test("a read that failed is tried again", async () => {
  let fail = true;
  const it = new CodeCache(() => {
    if (fail) return Promise.reject(new Error("away"));
    return Promise.resolve(new Uint8Array([97]));
  }, 10);
  await assert.rejects(it.get(digest("a"), false));
  fail = false;
  assert.equal(await it.get(digest("a"), false), "a");
});
