import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { holdDataFolder } from "../../src/node/data-folder.ts";

function temporary(t: { after: (fn: () => void) => void }): string {
  const dir = mkdtempSync(join(tmpdir(), "skein-data-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A process that holds the folder until it is killed or the test ends; resolves when it has it. */
async function holder(
  t: { after: (fn: () => void) => void },
  dir: string,
): Promise<{ pid: number; kill: () => Promise<void> }> {
  const module = new URL("../../src/node/data-folder.ts", import.meta.url).href;
  const script = `const { holdDataFolder } = await import(${JSON.stringify(module)});
    holdDataFolder(${JSON.stringify(dir)}); gc(); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

test("a second process is refused with the first one's pid, and gets the folder once the first was killed", async (t) => {
  const dir = temporary(t);
  const first = await holder(t, dir);
  assert.throws(() => holdDataFolder(dir), { code: "data/in-use", message: new RegExp(`process ${first.pid}$`) });
  await first.kill();
  holdDataFolder(dir).release();
});

test("the folder is made where it is missing, for its owner alone", (t) => {
  const dir = join(temporary(t), "a", "b");
  const held = holdDataFolder(dir);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  held.release();
  held.release();
});

test("a file in the folder's place is a clear error", (t) => {
  const path = join(temporary(t), "file");
  writeFileSync(path, "");
  assert.throws(() => holdDataFolder(path), { code: "data/unusable" });
});

test("a place where no folder can be made is a clear error", () => {
  assert.throws(() => holdDataFolder("/dev/null/skein"), { code: "data/unusable" });
});
