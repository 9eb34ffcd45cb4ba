import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, suite, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "skein-up-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Up {
  readonly child: ChildProcess;
  /** Resolves with all of stdout, stderr and the exit code when the process is gone. */
  readonly ended: Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number | null }>;
  /** Resolves when stdout has had this line. */
  readonly said: (line: RegExp) => Promise<void>;
}

function start(argv: readonly string[], env: Record<string, string> = {}): Up {
  const script = join(import.meta.dirname, "up-child.ts");
  const child = spawn(process.execPath, [script, "up", "--data", folder, "--port", "4321", ...argv], {
    env: { PATH: process.env["PATH"], ...env },
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  const waiting: { readonly line: RegExp; readonly resolve: () => void }[] = [];
  const notice = (): void => {
    for (const { line, resolve } of waiting) if (line.test(stdout)) resolve();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    notice();
  });
  const stderr = text(child.stderr);
  const ended = once(child, "close").then(async ([code]) => ({
    stdout,
    stderr: await stderr,
    code: code as number | null,
  }));
  const said = (line: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ line, resolve });
      notice();
      void ended.then((end) => reject(new Error(`ended with ${end.code} before ${String(line)}: ${end.stderr}`)));
    });
  return { child, ended, said };
}

suite("up", () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`says ready on a line of its own, and ends with 0 after ${signal}`, async () => {
      const { child, ended, said } = start([]);
      await said(/^ready http:\/\/127\.0\.0\.1:4321$/m);
      child.kill(signal);
      const { code, stdout, stderr } = await ended;
      assert.equal(code, 0, stderr);
      assert.ok(stdout.includes(`stopping for ${signal}\n`));
      assert.ok(stdout.includes(`key file  ${join(folder, "guest")}`));
      assert.doesNotMatch(stdout + stderr, /uuid:secret/, "a key neither in a file nor in a log");
    });
  }

  test("logs JSON lines to stderr, with keys made unreadable", async () => {
    const { child, ended, said } = start([]);
    await said(/^ready/m);
    child.kill("SIGTERM");
    const lines = (await ended).stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual([lines[0]?.["msg"], lines[0]?.["level"], lines[0]?.["apiKey"]], ["started", "info", "[secret]"]);
  });

  test("shows the key on a terminal only", async () => {
    const { child, ended, said } = start(["--log-format", "pretty"], { UP_TERMINAL: "1" });
    await said(/^ready/m);
    child.kill("SIGTERM");
    const { stdout, stderr } = await ended;
    assert.match(stdout, /guest key {2}uuid:secret\n/);
    assert.match(stderr, /INFO.*started/);
  });

  test("--json says ready as JSON", async () => {
    const { child, ended, said } = start(["--json", "--log-level", "silent"]);
    await said(/ready/);
    child.kill("SIGTERM");
    const { stdout, stderr } = await ended;
    const { ready } = JSON.parse(stdout.split("\n")[0] ?? "") as { ready: string };
    assert.deepEqual([ready, stderr], ["http://127.0.0.1:4321", ""]);
  });

  test("a second signal ends it at once, with 12", async () => {
    const { child, ended, said } = start([], { UP_CHILD: "hang" });
    await said(/^ready/m);
    child.kill("SIGTERM");
    await said(/^stopping/m);
    const again = setInterval(() => child.kill("SIGINT"), 100);
    assert.equal((await ended).code, 12);
    clearInterval(again);
  });

  test("a signal that comes twice at once, as from a terminal through npm, is one", async () => {
    const { child, ended, said } = start([]);
    await said(/^ready/m);
    child.kill("SIGINT");
    child.kill("SIGINT");
    assert.equal((await ended).code, 0);
  });

  test("a stop that had to cut something ends with 12", async () => {
    const { child, ended, said } = start([], { UP_CHILD: "cut" });
    await said(/^ready/m);
    child.kill("SIGTERM");
    assert.equal((await ended).code, 12);
  });

  test("a stop that fails is not a clean end", async () => {
    const { child, ended, said } = start([], { UP_CHILD: "broken" });
    await said(/^ready/m);
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    assert.equal(code, 70);
    assert.match(stderr, /why: Error: the store is gone/);
  });

  test("what keeps it from starting ends with 11, wrong options with 10", async () => {
    const busy = await start([], { UP_CHILD: "busy" }).ended;
    assert.equal(busy.code, 11);
    assert.match(busy.stderr, /^error: port 3233 is taken\n {2}fix: choose a free port with --port/);
    const wrong = await start(["--set", "server.prot=1"], { SKEIN_LOG_LEVEL: "loud" }).ended;
    assert.equal(wrong.code, 10);
    assert.match(wrong.stderr, /server\.prot is no option; did you mean server\.port\? \(flag --set\)/);
    assert.match(wrong.stderr, /log\.level is "loud".*\(env SKEIN_LOG_LEVEL\)/);
    assert.equal(wrong.stdout, "");
  });
});
