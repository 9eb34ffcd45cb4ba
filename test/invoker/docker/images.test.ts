import assert from "node:assert/strict";
import { test } from "node:test";
import type { DockerEngine } from "../../../src/invoker/factory/docker/engine.ts";
import { Images, isFloating } from "../../../src/invoker/factory/docker/images.ts";
import { silentLog } from "../../../src/kernel/log.ts";

type Labels = Readonly<Record<string, string>>;

/** An engine whose pulls the test ends. */
class ScriptedEngine {
  readonly here = new Map<string, Labels>();
  readonly pulls: { readonly image: string; readonly end: (outcome: "pulled" | "failed") => void }[] = [];

  imageLabels(image: string): Promise<Labels | undefined> {
    return Promise.resolve(this.here.get(image));
  }

  pull(image: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (outcome: "pulled" | "failed"): void => {
        if (outcome === "failed") return reject(new Error("no route"));
        this.here.set(image, {});
        resolve();
      };
      this.pulls.push({ image, end });
    });
  }
}

function images(pull: "missing" | "always" | "never", pullsMax = 2): { engine: ScriptedEngine; images: Images } {
  const engine = new ScriptedEngine();
  const options = { pull, pullMs: 1000, pullsMax };
  return { engine, images: new Images({ engine: engine as unknown as DockerEngine, options, log: silentLog }) };
}

/** Lets what waits for settled promises run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const refused = { code: "invoker/container-failed", message: "Failed to pull container image 'a/x:1'." };

test("an image that is here is not pulled", async () => {
  const { engine, images: all } = images("missing");
  engine.here.set("a/x:1", { "io.skein.runtime": "nodejs" });
  engine.here.set("a/y:1", {});
  assert.deepEqual(await all.get({ image: "a/x:1", local: false }), { ownRuntime: true });
  assert.deepEqual(await all.get({ image: "a/y:1", local: false }), { ownRuntime: false });
  assert.equal(engine.pulls.length, 0);
});

test("all who want a missing image wait for one pull", async () => {
  const { engine, images: all } = images("missing");
  const wanted = Array.from({ length: 5 }, () => all.get({ image: "a/x:1", local: false }));
  await turn();
  assert.equal(engine.pulls.length, 1);
  engine.pulls[0]?.end("pulled");
  await Promise.all(wanted);
});

test("a pull that fails is told in OpenWhisk's words, and the next one tries anew", async () => {
  const { engine, images: all } = images("missing");
  const first = all.get({ image: "a/x:1", local: false });
  await turn();
  engine.pulls[0]?.end("failed");
  await assert.rejects(first, refused);
  const second = all.get({ image: "a/x:1", local: false });
  await turn();
  engine.pulls[1]?.end("pulled");
  assert.deepEqual(await second, { ownRuntime: false });
});

test("always pulls once, and takes what is here when that fails, but for a tag that moves", async () => {
  const { engine, images: all } = images("always");
  for (const name of ["a/x:1", "a/x:latest"]) engine.here.set(name, {});
  const fixed = all.get({ image: "a/x:1", local: false });
  const floating = all.get({ image: "a/x:latest", local: false });
  await turn();
  for (const pull of engine.pulls) pull.end("failed");
  assert.deepEqual(await fixed, { ownRuntime: false });
  await assert.rejects(floating, /Failed to pull container image 'a\/x:latest'\./);
  await all.get({ image: "a/x:1", local: false });
  assert.equal(engine.pulls.length, 2);
});

test("never, and a local image, fail when it is not here", async () => {
  for (const [policy, local] of [
    ["never", false],
    ["always", true],
  ] as const) {
    const { engine, images: all } = images(policy);
    await assert.rejects(all.get({ image: "a/x:1", local }), /container image 'a\/x:1' is not on this machine/);
    assert.equal(engine.pulls.length, 0);
  }
});

test("no more pulls go on at once than allowed, and each gets its turn", async () => {
  const { engine, images: all } = images("missing", 2);
  const wanted = Array.from({ length: 5 }, (_, i) => all.get({ image: `a/${i}:1`, local: false }));
  for (let done = 0; done < 5; done += 1) {
    await turn();
    assert.equal(engine.pulls.length, Math.min(5, done + 2));
    engine.pulls[done]?.end("pulled");
  }
  await Promise.all(wanted);
});

test("a tag moves when it is latest or left out", () => {
  const floating = ["x", "a/x", "reg:5000/a/x", "a/x:latest"];
  const fixed = ["x:1", "reg:5000/a/x:nightly", "a/x@sha256:00"];
  assert.deepEqual(floating.filter(isFloating), floating);
  assert.deepEqual(fixed.filter(isFloating), []);
});
