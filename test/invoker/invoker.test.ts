import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { ManualClock } from "../../src/kernel/clock.ts";
import type { PlatformError } from "../../src/kernel/errors.ts";
import { asId } from "../../src/kernel/ids.ts";
import { later } from "../../src/kernel/instants.ts";
import { silentLog } from "../../src/kernel/log.ts";
import { defaultOptions } from "../../src/kernel/options/options.ts";
import { Invoker, type InvokerParts } from "../../src/invoker/invoker.ts";
import type { RuntimeAnswer } from "../../src/invoker/factory.ts";
import { type Behaviour, MemoryFactory, answer } from "./memory-factory.ts";
import { type MessageChange, Told, message } from "./messages.ts";

/** An invoker over containers in memory; what a test changes goes in, what it looks at comes out. */
class Bench {
  readonly factory: MemoryFactory;
  readonly clock = new ManualClock();
  readonly complaints: string[] = [];
  readonly invoker: Invoker;

  constructor(behaviour: Partial<Behaviour> = {}, change: Partial<InvokerParts> = {}) {
    this.factory = new MemoryFactory(behaviour);
    const complain = (_fields: object, text: string): void => void this.complaints.push(text);
    this.invoker = new Invoker({
      options: { ...defaultOptions().invoker, memoryMb: 1024, prewarm: [], pauseGraceMs: 0 },
      resultBytesMax: 1_048_576,
      factory: this.factory,
      readCode: () => Promise.resolve(new TextEncoder().encode("code")),
      apiHost: () => "http://host",
      clock: this.clock,
      log: { ...silentLog, error: complain, warn: complain },
      containerPrefix: "c",
      ...change,
    });
  }

  dispatch(change: MessageChange = {}): Told {
    const told = new Told();
    this.invoker.dispatch(message(change), told);
    return told;
  }

  async run(change: MessageChange = {}): Promise<Told> {
    const told = this.dispatch(change);
    await told.over;
    return told;
  }

  async close(waitMs = 1000): Promise<void> {
    await this.invoker.close(later(this.clock.now(), waitMs));
  }

  get containers(): readonly (readonly string[])[] {
    return [...this.factory.containers.values()].map(({ calls }) => calls);
  }
}

function held(): { promise: Promise<void>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, release: resolve };
}

const codeOf = (error: Error | undefined): string | undefined => (error as PlatformError | undefined)?.code;
const option = { ...defaultOptions().invoker, memoryMb: 1024, prewarm: [], pauseGraceMs: 0 };

test("a cold start initialises, runs, answers, then brings the logs", async () => {
  const bench = new Bench({ logs: () => ["line"] });
  const told = await bench.run();
  assert.deepEqual(told.order, ["before", "result", "complete"]);
  assert.deepEqual(told.result?.response, { statusCode: 0, result: { got: { name: "world" } } });
  assert.equal(told.result?.initTimeMs, 0);
  assert.deepEqual(told.logs, ["line"]);
  assert.deepEqual(bench.containers, [["init", "run", "logs"]]);
  assert.deepEqual(bench.factory.specs[0]?.env, { __OW_API_HOST: "http://host", __OW_ALLOW_CONCURRENT: "true" });
  await bench.close();
  assert.equal(bench.factory.containers.size, 0);
});

test("the record's times: init and run for a cold start, run alone for a warm one", async () => {
  const bench = new Bench({
    init: () => {
      bench.clock.advance(30);
      return answer({});
    },
    run: () => {
      bench.clock.advance(12);
      return answer({});
    },
  });
  const cold = (await bench.run()).result;
  assert.deepEqual([cold?.initTimeMs, (cold?.endAt ?? 0) - (cold?.startAt ?? 0)], [30, 42]);
  const warm = (await bench.run()).result;
  assert.deepEqual([warm?.initTimeMs, (warm?.endAt ?? 0) - (warm?.startAt ?? 0)], [undefined, 12]);
  await bench.close();
});

test("a caller in a loop keeps to one container, with logs and without", async () => {
  for (const logsMb of [0, 10]) {
    const bench = new Bench({ logs: async () => (await setImmediate(), []) });
    let left = 20;
    const all = held();
    const again = (): void => {
      const told = new Told();
      const { onResult } = told;
      bench.invoker.dispatch(
        message({ logsMb }),
        told.but({
          onResult: (outcome) => {
            onResult(outcome);
            left -= 1;
            if (left > 0) again();
            else all.release();
          },
        }),
      );
    };
    again();
    await all.promise;
    assert.equal(bench.factory.specs.length, 1);
    await bench.close();
  }
});

test("a log limit of 0 collects nothing", async () => {
  const bench = new Bench();
  assert.deepEqual((await bench.run({ logsMb: 0 })).logs, []);
  assert.deepEqual(bench.containers, [["init", "run"]]);
  await bench.close();
});

test("nothing happens inside a container before the controller's word", async () => {
  for (const warm of [false, true]) {
    const bench = new Bench();
    if (warm) await bench.run();
    const { promise, release } = held();
    const told = new Told();
    told.before = () => promise;
    bench.invoker.dispatch(message(), told);
    await setImmediate();
    assert.deepEqual(told.order, ["before"]);
    assert.deepEqual(bench.containers, [warm ? ["init", "run", "logs"] : []]);
    release();
    await told.over;
    assert.deepEqual(told.order, ["before", "result", "complete"]);
    await bench.close();
  }
});

test("a controller that does not let it begin gets the activation back", async () => {
  for (const warm of [false, true]) {
    const bench = new Bench();
    if (warm) await bench.run();
    const told = new Told();
    told.before = () => Promise.reject(new Error("store away"));
    bench.invoker.dispatch(message(), told);
    await told.over;
    assert.deepEqual(told.order, ["before", "refused"]);
    assert.equal(told.refused?.message, "store away");
    await bench.run();
    await bench.close();
  }
});

test("a container that failed its action is destroyed, and the next run starts another", async () => {
  const answers: RuntimeAnswer[] = [{ kind: "timeout" }, answer({ error: "mine" }), answer({ ok: 1 })];
  const bench = new Bench({ run: () => answers.shift() ?? answer({}) });
  const late = await bench.run({ timeoutMs: 100 });
  assert.equal(late.result?.timedOut, true);
  assert.match(late.logs?.at(-1) ?? "", /stderr: The action did not initialize or run as expected/);
  assert.equal((await bench.run()).result?.response.statusCode, 1);
  assert.equal((await bench.run()).result?.response.statusCode, 0);
  assert.equal(bench.factory.specs.length, 2);
  await bench.close();
});

test("a failed init is the answer of all who waited for it", async () => {
  const bench = new Bench({ init: () => answer({ error: "no main" }, 502) });
  const both = [bench.dispatch({ concurrency: 2 }), bench.dispatch({ concurrency: 2 })];
  for (const told of both) {
    await told.over;
    assert.deepEqual(told.result?.response, { statusCode: 2, result: { error: "no main" } });
  }
  assert.equal(bench.factory.specs.length, 1);
  await bench.close();
});

test("a container that cannot be made is the platform's fault", async () => {
  const bench = new Bench({ create: () => Promise.reject(new Error("no more processes")) });
  const { result } = await bench.run();
  const error = "Failed to provision resources to run the action.";
  assert.deepEqual(result?.response, { statusCode: 3, result: { error } });
  await bench.close();
});

test("code that is gone or cannot be read ends the activation without an init", async () => {
  const gone = new Bench({}, { readCode: () => Promise.resolve(undefined) });
  const missing = "Action could not be found or may have been deleted.";
  assert.deepEqual((await gone.run()).result?.response, { statusCode: 1, result: { error: missing } });
  const away = new Bench({}, { readCode: () => Promise.reject(new Error("store away")) });
  const unread = "Action could not be fetched.";
  assert.deepEqual((await away.run()).result?.response, { statusCode: 3, result: { error: unread } });
  assert.deepEqual([...gone.containers, ...away.containers].flat().includes("init"), false);
  await Promise.all([gone.close(), away.close()]);
});

test("a sentinel that never comes is said in the log", async () => {
  const bench = new Bench({
    logs: ({ waitMs }) => {
      bench.clock.advance(waitMs);
      return ["line"];
    },
  });
  const { logs } = await bench.run();
  assert.equal(logs?.[0], "line");
  assert.match(
    logs?.[1] ?? "",
    /^.{30} stderr: There was an issue while collecting your logs. Data might be missing.$/,
  );
  await bench.close();
});

test("a listener that throws hurts nobody", async () => {
  const bench = new Bench();
  const told = new Told();
  bench.invoker.dispatch(
    message(),
    told.but({
      onResult: () => {
        throw new Error("theirs");
      },
    }),
  );
  await told.over;
  assert.deepEqual(bench.complaints, ["a listener of an activation threw"]);
  assert.equal((await bench.run()).result?.response.statusCode, 0);
  await bench.close();
});

test("refusals carry their code", async () => {
  const bench = new Bench();
  assert.equal(codeOf((await bench.run({ memoryMb: 4096 })).refused), "invoker/too-large");
  assert.equal(codeOf((await bench.run({ kind: "cobol:68" })).refused), "invoker/kind-unavailable");
  bench.factory.available.push("cobol:68");
  assert.equal((await bench.run({ kind: "cobol:68" })).result?.response.statusCode, 0);
  const twice = message();
  const [first, second] = [new Told(), new Told()];
  bench.invoker.dispatch(twice, first);
  bench.invoker.dispatch(twice, second);
  assert.equal(codeOf(second.refused), "internal/unexpected");
  await first.over;
  await bench.close();
  assert.equal(codeOf((await bench.run()).refused), "invoker/closing");
});

test("init parameters that differ never share a container", async () => {
  const bench = new Bench();
  await bench.run({ initEnv: { COLOUR: "red" } });
  await bench.run({ initEnv: { COLOUR: "blue" } });
  await bench.run({ initEnv: { COLOUR: "red" } });
  assert.equal(bench.factory.specs.length, 2);
  await bench.close();
});

test("a start destroys what a former process left, then keeps stem cells", async () => {
  const prewarm = [{ kind: "nodejs:24", memoryMb: 256, count: 2 }];
  const bench = new Bench({}, { options: { ...option, prewarm } });
  bench.factory.left.push({ id: asId("old-1"), kind: "nodejs:24", memoryMb: 256, where: {} });
  await bench.invoker.start();
  assert.deepEqual(bench.factory.left, []);
  await setImmediate();
  assert.equal(bench.invoker.status().prewarmed, 2);
  await bench.close();
});

test("a start spares the containers that served already", async () => {
  const bench = new Bench();
  await bench.run();
  await bench.invoker.start();
  await bench.run();
  assert.equal(bench.factory.specs.length, 1);
  await bench.close();
});

test("closing waits for what runs, refuses what waits, and leaves nothing", async () => {
  const { promise, release } = held();
  const bench = new Bench({ run: async () => (await promise, answer({ done: true })) });
  const running = bench.dispatch({ memoryMb: 512 });
  const alsoRunning = bench.dispatch({ memoryMb: 512 });
  const waiting = bench.dispatch({ memoryMb: 512 });
  await setImmediate();
  assert.deepEqual([bench.invoker.status().busy, bench.invoker.status().buffered], [2, 1]);
  const closed = bench.close();
  await waiting.over;
  assert.equal(codeOf(waiting.refused), "invoker/closing");
  release();
  await Promise.all([running.over, alsoRunning.over, closed]);
  assert.deepEqual(running.result?.response.result, { done: true });
  assert.equal(bench.factory.closed, true);
  assert.equal(bench.factory.containers.size, 0);
});

test("what a stop cuts is said to be lost, or given back where it may start again", async () => {
  const bench = new Bench({ run: async () => await new Promise<RuntimeAnswer>(() => {}) });
  const lost = bench.dispatch();
  const again = bench.dispatch({ retryOnLoss: true });
  await setImmediate();
  await bench.close(0);
  assert.deepEqual(lost.result?.response, {
    statusCode: 3,
    result: { error: "The invoker stopped while the action was running." },
  });
  assert.equal(codeOf(again.refused), "invoker/closing");
});

test("an idle container is paused and resumed around a run", async () => {
  const bench = new Bench({}, { options: { ...option, pauseGraceMs: 1 } });
  await bench.run();
  bench.clock.advance(1);
  const giveUp = Date.now() + 5000;
  while (bench.invoker.status().paused === 0 && Date.now() < giveUp) await setImmediate();
  assert.equal((await bench.run()).result?.response.statusCode, 0);
  assert.deepEqual(bench.containers, [["init", "run", "logs", "pause", "resume", "run", "logs"]]);
  await bench.close();
});

test("it is up between its start and its stop, and says how activations started", async () => {
  const bench = new Bench();
  assert.equal(bench.invoker.status().health, "down");
  await bench.invoker.start();
  await bench.run();
  await bench.run();
  assert.equal(bench.invoker.status().health, "up");
  assert.deepEqual(bench.invoker.status().starts, { cold: 1, prewarmed: 0, warm: 1 });
  await bench.close();
  assert.equal(bench.invoker.status().health, "down");
});

test("an activation in a stem cell counts as prewarmed", async () => {
  const prewarm = [{ kind: "nodejs:24", memoryMb: 256, count: 1 }];
  const bench = new Bench({}, { options: { ...defaultOptions().invoker, memoryMb: 1024, prewarm, pauseGraceMs: 0 } });
  await bench.invoker.start();
  while (bench.invoker.status().prewarmed === 0) await setImmediate();
  await bench.run();
  assert.deepEqual(bench.invoker.status().starts, { cold: 0, prewarmed: 1, warm: 0 });
  await bench.close();
});

test("an invoker that makes no containers is unhealthy until one is made, or a minute has passed", async () => {
  let broken = true;
  const create = (): void => {
    if (broken) throw new Error("no more processes");
  };
  const bench = new Bench({ create });
  await bench.invoker.start();
  for (const health of ["up", "up", "up", "unhealthy"]) {
    await bench.run();
    assert.equal(bench.invoker.status().health, health);
  }
  bench.clock.advance(60_000);
  assert.equal(bench.invoker.status().health, "up", "whoever asks may try again");
  await bench.run();
  assert.equal(bench.invoker.status().health, "unhealthy");
  broken = false;
  await bench.run();
  assert.equal(bench.invoker.status().health, "up");
  await bench.close();
});
