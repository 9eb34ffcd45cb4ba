import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { limitersOf } from "../../../src/invoker/factory/process/spawn.ts";
import { StreamDesk } from "../../../src/invoker/factory/process/streams.ts";
import { defaultOptions } from "../../../src/kernel/options/options.ts";
import {
  bench,
  type Bench,
  containerId,
  placeOf,
  processesWhere,
  run,
  temporaryFolder,
  until,
  valueOf,
} from "./fixture.ts";

const LOGS = { bytesMax: 1000, waitMs: 5000 };
const ECHO = "function main(a) { console.log(a.text); return a; }";

/** The spawner of a process that has one; of tests in turn, each closes its own. */
function spawnerOf(parent = process.pid): number {
  const found = processesWhere((status, pid) => {
    const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
    return command.includes("spawner-main") && new RegExp(`^PPid:\\t${parent}$`, "m").test(status);
  });
  const last = found.at(-1);
  if (last === undefined) throw new Error("no spawner");
  return last;
}

function isGone(pid: number): boolean {
  return processesWhere((_, each) => each === pid).length === 0;
}

test("what a run printed is in its log, and a burst of it whole", async (t) => {
  const container = await bench(t).start(ECHO);
  for (const text of ["one", "two", "x".repeat(500)]) {
    await run(container, { text });
    const [line = ""] = await container.logs(LOGS);
    assert.ok(line.endsWith(` stdout: ${text}`), line);
  }
});

test("containers outlive their spawner, their ends are noticed, and the next one has a new spawner", async (t) => {
  const b = bench(t);
  const container = await b.start(ECHO);
  const spawner = spawnerOf();
  process.kill(spawner, "SIGKILL");
  await until(() => isGone(spawner), "the spawner is dead");
  assert.deepEqual(valueOf(await run(container, { text: "still" })), { text: "still" });
  assert.match((await container.logs(LOGS)).join("\n"), / stdout: still$/);
  const { pid } = placeOf(container);
  process.kill(pid, "SIGKILL");
  await container.ended;
  const next = await b.start(ECHO);
  assert.deepEqual(valueOf(await run(next, { text: "new" })), { text: "new" });
  assert.notEqual(spawnerOf(), spawner);
  await Promise.all([container.destroy(), next.destroy()]);
  assert.deepEqual(await b.factory.list(), []);
});

test("a creation whose spawner dies fails by code, and nothing of it is left", async (t) => {
  const b = bench(t);
  await b.start(ECHO);
  const spawner = spawnerOf();
  // It stands still, so that the order is under way when it dies.
  process.kill(spawner, "SIGSTOP");
  const creation = b.factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
  const refused = assert.rejects(creation, { code: "invoker/container-failed", message: /the spawner ended/ });
  process.kill(spawner, "SIGKILL");
  await refused;
  assert.equal((await b.factory.list()).length, 1);
  assert.equal(readdirSync(join(b.runDir, "c")).length, 1);
});

test("closing a factory ends its spawner and its socket", async (t) => {
  const b = bench(t);
  await b.start(ECHO);
  const spawner = spawnerOf();
  await b.factory.close();
  await until(() => isGone(spawner), "the spawner has ended");
  assert.deepEqual(readdirSync(join(b.runDir, "p")), []);
});

test("a spawner ends with its platform, whatever killed that", async (t) => {
  const b = bench(t);
  const settings = JSON.stringify({ options: b.settings.options, dataDir: b.dataDir, resultBytesMax: 1000 });
  const script = `
    import { ProcessFactory } from "./src/invoker/factory/process/factory.ts";
    import { systemClock as clock } from "./src/kernel/clock.ts";
    import { silentLog as log } from "./src/kernel/log.ts";
    const factory = new ProcessFactory({ ...${settings}, clock, log });
    const container = await factory.create({ id: "${containerId()}", kind: "nodejs:24", memoryMb: 128, env: {} });
    console.log(container.descriptor.where.pid);
    setInterval(() => {}, 1000);`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const platform = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => platform.kill("SIGKILL"));
  const pid = await new Promise<number>((resolve, reject) => {
    platform.stdout.once("data", (data: Buffer) => resolve(Number(data.toString())));
    platform.once("exit", () => reject(new Error("the platform ended")));
  });
  const spawner = spawnerOf(platform.pid);
  // A terminal's or a service's signals are no reason to end before the platform does.
  process.kill(spawner, "SIGINT");
  process.kill(spawner, "SIGTERM");
  platform.kill("SIGKILL");
  await until(() => isGone(spawner), "the spawner has ended");
  assert.equal(isGone(pid), false);
  const [descriptor] = await b.factory.list();
  assert.equal(descriptor?.where["pid"], pid);
});

test("a container finds no descriptor of the spawner's", async (t) => {
  const container = await bench(t).start(`const fs = require("node:fs"); function main() {
    const sockets = fs.readdirSync("/proc/self/fd").map((fd) => { try { return fs.readlinkSync("/proc/self/fd/" + fd); } catch {} });
    return { sockets: sockets.filter((name) => name?.startsWith("socket:")).length, env: process.env.NODE_CHANNEL_FD }; }`);
  // Its two streams, the socket it listens on, and the connection of this call.
  assert.deepEqual(valueOf(await run(container)), { sockets: 4 });
});

test("only a token's first bearer gets a stream, and only whole threes are handed over", async (t) => {
  const desk = new StreamDesk(join(temporaryFolder(t), "p"));
  t.after(() => desk.close());
  const { token, streams } = desk.expect();
  const guess = `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
  for (const header of [`${guess} stdout\n`, `${token} stdin\n`, "\n", "x".repeat(100), ` stdout\n`]) {
    await closed(say(desk, header));
  }
  const first = say(desk, `${token} stdout\nearly`);
  t.after(() => first.destroy());
  const twice = say(desk, `${token} stdout\n`);
  await closed(twice);
  for (const name of ["stderr", "ready"]) {
    const socket = say(desk, `${token} ${name}\n`);
    t.after(() => socket.destroy());
  }
  const { stdout, stderr, ready } = await streams;
  t.after(() => [stdout, stderr, ready].forEach((socket) => socket.destroy()));
  const text = new Promise((resolve) => stdout.once("data", (data: Buffer) => resolve(data.toString())));
  stdout.resume();
  assert.equal(await text, "early");
  await closed(say(desk, `${token} stdout\n`));
});

test("streams that nobody waits for any more are closed", async (t) => {
  const desk = new StreamDesk(join(temporaryFolder(t), "p"));
  t.after(() => desk.close());
  const { token } = desk.expect();
  const socket = say(desk, `${token} stdout\n`);
  desk.forget(token);
  await closed(socket);
});

test("the streams' folder is the platform's alone, and sockets of the dead are cleared from it", async (t) => {
  const b: Bench = bench(t);
  const folder = join(b.runDir, "p");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const dead = spawn("true", { stdio: "ignore" });
  await new Promise((resolve) => dead.once("exit", resolve));
  const leftover = join(folder, `${dead.pid}-abcd`);
  const stale = spawn(process.execPath, [
    "-e",
    `require("net").createServer().listen(${JSON.stringify(leftover)}, () => process.kill(process.pid, 9))`,
  ]);
  await new Promise((resolve) => stale.once("exit", resolve));
  assert.equal(existsSync(leftover), true);
  const other = new StreamDesk(folder);
  t.after(() => other.close());
  assert.equal(existsSync(leftover), false);
});

test("a root that the kernel counts gives each container its limit of processes, one that is exempt gives it once", () => {
  const limits = defaultOptions().invoker.process;
  const words = (commands: readonly string[]) => commands.join(" ");
  const exempt = limitersOf(limits, { ownUsers: true, rootExempt: true });
  assert.match(words(exempt.once), /nproc=128|ulimit -u 128/);
  assert.deepEqual(exempt.each, []);
  const counted = limitersOf(limits, { ownUsers: true, rootExempt: false });
  assert.doesNotMatch(words(counted.once), /128/);
  assert.match(words(counted.each), /nproc=128|ulimit -u 128/);
  const shared = limitersOf(limits, { ownUsers: false, rootExempt: true });
  assert.doesNotMatch(words([...shared.once, ...shared.each]), /128/);
});

function say(desk: StreamDesk, header: string): Socket {
  const socket = connect(desk.path);
  socket.on("error", () => undefined);
  socket.write(header);
  return socket;
}

/** Resolves when the other side has closed it; a deadline is the test runner's. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("close", () => resolve());
    socket.resume();
  });
}
