import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cpuMsOf, descendantsOf, hasProc, memoryOf } from "../../bench/harness/proc.ts";
import { startServer, stopChild } from "../../bench/harness/processes.ts";
import { tempFolder } from "../../bench/harness/temp.ts";

test("a server that ends instead of serving is reported with what it said", async () => {
  using folder = tempFolder("test");
  const command = {
    name: "broken",
    args: ["-e", "console.error('no such port'); process.exit(3)"],
    cwd: folder.path,
    env: process.env,
    logFile: join(folder.path, "log"),
  };
  await assert.rejects(startServer(command), /broken did not start\nno such port/);
});

test("a server is gone once stopped, and stopping it again is harmless", async () => {
  using folder = tempFolder("test");
  const server = await startServer({
    name: "sleeper",
    args: ["-e", "console.log('ready http://127.0.0.1:4242'); setInterval(() => {}, 1000)"],
    cwd: folder.path,
    env: process.env,
    logFile: join(folder.path, "log"),
  });
  assert.equal(server.port, 4242);
  await server.stop();
  assert.throws(() => process.kill(server.pid, 0), { code: "ESRCH" });
  await server.stop();
});

test("a temporary folder is gone when its scope is left", () => {
  let path: string;
  {
    using folder = tempFolder("test");
    path = folder.path;
    writeFileSync(join(path, "file"), "");
  }
  assert.ok(!existsSync(path));
});

test("CPU, memory and children of a process are read from /proc", { skip: !hasProc }, async () => {
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1000)"]);
  try {
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    assert.ok(descendantsOf(process.pid).includes(pid));
    assert.ok(cpuMsOf([pid]) > 0);
    const { rssMb, pssMb } = memoryOf([pid]);
    assert.ok(rssMb > 10 && pssMb > 0 && pssMb <= rssMb, `${rssMb} ${pssMb}`);
  } finally {
    await stopChild(child);
  }
});
