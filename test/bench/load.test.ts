import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { tempFolder } from "../../bench/harness/temp.ts";
import { postBytes } from "../../bench/load/connection.ts";
import { Generator } from "../../bench/load/generator.ts";
import type { Target } from "../../bench/load/job.ts";
import { summarize } from "../../bench/report/summary.ts";
import { echoTarget, startEcho } from "../../bench/targets/echo.ts";

const BODY = '{"name":"Ada"}';
const STALL_MS = 200;
let generator: Generator;

before(() => {
  generator = new Generator();
});
after(() => generator.stop());

test("the generator measures the echo, closed and open, and counts every answer", async () => {
  using folder = tempFolder("test");
  const echo = await startEcho(folder.path);
  try {
    const target = echoTarget("echo", echo, BODY);
    const closed = await generator.run({ target, mode: { kind: "closed" }, connections: 4, durationMs: 100 });
    assert.ok(closed.completed > 10);
    assert.ok(closed.latenciesUs.every((us) => us > 0));
    const counted = await generator.run({
      target,
      mode: { kind: "closed" },
      connections: 4,
      durationMs: 10_000,
      requestsMax: 25,
    });
    assert.equal(counted.completed, 25);
    const mode = { kind: "open", perSecond: 200 } as const;
    const open = await generator.run({ target, mode, connections: 4, durationMs: 100 });
    assert.equal(open.latenciesUs.length, 20);
  } finally {
    await echo.stop();
  }
});

test("a stall of the server is in the latencies of all requests that were due meanwhile", async () => {
  // One stop of 200 ms: a closed loop would see one slow request; at 100 a second, 20 were due while it lasted.
  await using server = await serve((at) => (at === 10 ? STALL_MS : 0));
  const mode = { kind: "open", perSecond: 100 } as const;
  const result = await generator.run({ target: targetOf(server), mode, connections: 1, durationMs: 1000 });
  const slow = result.latenciesUs.filter((us) => us > 20_000);
  assert.ok(slow.length >= 15, `${slow.length} slow ones, ${JSON.stringify(summarize(result.latenciesUs))}`);
});

test("a wrong body fails the run, and says what came", async () => {
  await using server = await serve(() => 0);
  const target = { ...targetOf(server), expect: { status: 200, equals: '{"other":1}' } };
  await assert.rejects(
    generator.run({ target, mode: { kind: "closed" }, connections: 2, durationMs: 1000 }),
    /wrong answers.*"name":"Ada"/,
  );
});

test("a wrong status fails the run", async () => {
  await using server = await serve(() => 0);
  const target = { ...targetOf(server), expect: { status: 202 } };
  await assert.rejects(
    generator.run({ target, mode: { kind: "closed" }, connections: 1, durationMs: 1000 }),
    /status 200 instead of 202/,
  );
});

interface Serving extends AsyncDisposable {
  readonly server: Server;
}

/** Answers one request after the other; `delayMs` says how long the n-th one stops everything. */
async function serve(delayMs: (at: number) => number): Promise<Serving> {
  let at = 0;
  const server = createServer((request, response) => {
    request.resume();
    at += 1;
    setTimeout(() => response.setHeader("content-length", BODY.length).end(BODY), delayMs(at));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { server, [Symbol.asyncDispose]: close };
}

function targetOf({ server }: Serving): Target {
  const { port } = server.address() as AddressInfo;
  return { name: "test", port, request: postBytes(port, "/", { body: BODY }), expect: { status: 200, equals: BODY } };
}
