import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, Platform } from "../support/platform.ts";

/** A small disk of one's own, where the machine allows it. */
function mountSmall(place: string): boolean {
  mkdirSync(place);
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", place]).status === 0;
}

/** Writes until nothing more goes in. */
function fill(file: string): void {
  const chunk = Buffer.alloc(65_536);
  const fd = openSync(file, "w");
  try {
    for (;;) writeSync(fd, chunk);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    closeSync(fd);
  }
}

test("on a full disk a promise is refused by name, answers go on, nothing is lost, and room brings it back", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "skein-e2e-"));
  const place = join(folder, "disk");
  if (!mountSmall(place)) {
    t.skip("mounting a tmpfs is not allowed here");
    return;
  }
  const dataDir = join(place, "data");
  const platform = await Platform.start({ dataDir });
  t.after(async () => {
    await platform.kill();
    spawnSync("umount", ["-l", place]);
    rmSync(folder, { recursive: true, force: true });
  });
  await platform.deploy("echo", "function main(p) { return p }");
  const before = await platform.call("POST", "actions/echo", { n: 1 });
  assert.equal(before.status, 202);

  const ballast = join(place, "ballast");
  fill(ballast);
  const refused = await eventually(async () => {
    const answer = await platform.call("POST", "actions/echo", { n: 2, filler: "x".repeat(100_000) });
    return answer.status === 503 ? answer : undefined;
  }, "a refusal");
  assert.equal(refused.headers.get("x-skein-error"), "store/unavailable");
  assert.match(refused.body.error, /full/);
  const answered = await platform.call("POST", "actions/echo?blocking=true&result=true", { n: 3 });
  assert.deepEqual([answered.status, answered.body], [200, { n: 3 }]);

  rmSync(ballast);
  const promised = await eventually(async () => {
    const answer = await platform.call("POST", "actions/echo", { n: 4 });
    return answer.status === 202 ? answer : undefined;
  }, "a promise after there is room again");
  for (const { body } of [before, promised]) {
    await eventually(async () => {
      const { status } = await platform.call("GET", `activations/${body.activationId}`);
      return status === 200 ? true : undefined;
    }, "the record of a promise");
  }
  assert.equal(await platform.stop(), 0);
});
