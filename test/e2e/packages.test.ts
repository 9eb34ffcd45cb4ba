import assert from "node:assert/strict";
import { test } from "node:test";
import { type JsonBody, Platform, temporaryFolder } from "../support/platform.ts";

/** Answers with its arguments, what its environment was told at init, and how often its container has run it. */
const TELLING = `
  let runs = 0;
  function main(args) {
    runs += 1;
    return { args, env: process.env.FROM_PACKAGE, runs, code: "CODE" };
  }`;

test("a warm action runs with what its package, its binding and its code are now, and with nothing older", async (t) => {
  const platform = await Platform.start({ dataDir: temporaryFolder(t) });
  try {
    await putPackage(platform, 1);
    await put(platform, "packages/b", {
      binding: { namespace: "_", name: "p" },
      parameters: [{ key: "bound", value: 1 }],
    });
    await platform.deploy("p/a", TELLING, { parameters: [{ key: "own", value: 1 }] });
    assert.deepEqual(await run(platform, "p/a"), told({ n: 1, own: 1 }, { env: "1", runs: 1 }));
    assert.deepEqual(
      await run(platform, "p/a"),
      told({ n: 1, own: 1 }, { env: "1", runs: 2 }),
      "the container is warm",
    );
    // Arguments change in a warm container; what init baked in does not, so others get a container of their own.
    await putPackage(platform, 2);
    assert.deepEqual(await run(platform, "p/a"), told({ n: 2, own: 1 }, { env: "2", runs: 1 }));
    assert.deepEqual(await run(platform, "b/a", { own: 9 }), told({ n: 2, bound: 1, own: 9 }, { env: "2", runs: 2 }));
    await put(platform, "packages/b", { parameters: [{ key: "bound", value: 2 }] });
    assert.deepEqual(await run(platform, "b/a"), told({ n: 2, bound: 2, own: 1 }, { env: "2", runs: 3 }));
    // Gone with its package, and made anew under the same name.
    assert.equal((await platform.call("DELETE", "packages/p")).status, 409);
    assert.equal((await platform.call("DELETE", "packages/p?force=true")).status, 200);
    assert.equal((await platform.call("POST", "actions/p/a?blocking=true")).status, 404);
    assert.equal((await platform.call("POST", "actions/b/a?blocking=true")).status, 404);
    await putPackage(platform, 3);
    await platform.deploy("p/a", TELLING.replace("CODE", "new code"));
    assert.deepEqual(await run(platform, "b/a"), told({ n: 3, bound: 2 }, { env: "3", runs: 1, code: "new code" }));
  } finally {
    assert.equal(await platform.stop(), 0);
  }
});

test("a record says by its path whose action ran, and by its binding how it was reached", async (t) => {
  const platform = await Platform.start({ dataDir: temporaryFolder(t) });
  try {
    await putPackage(platform, 1);
    await put(platform, "packages/b", { binding: { namespace: "_", name: "p" } });
    await platform.deploy("p/a", TELLING);
    const direct = await platform.call("POST", "actions/p/a?blocking=true");
    const bound = await platform.call("POST", "actions/b/a?blocking=true");
    assert.deepEqual(annotationsOf(direct.body), { path: "guest/p/a", binding: undefined });
    assert.deepEqual(annotationsOf(bound.body), { path: "guest/p/a", binding: "guest/b" });
    const named = async (name: string): Promise<string[]> =>
      (await platform.call("GET", `activations?name=${name}`)).body.map((item: JsonBody) => item.activationId);
    assert.deepEqual(await named("p/a"), [direct.body.activationId]);
    assert.deepEqual(await named("b/a"), [bound.body.activationId]);
  } finally {
    assert.equal(await platform.stop(), 0);
  }
});

async function putPackage(platform: Platform, n: number): Promise<void> {
  await put(platform, "packages/p", {
    parameters: [
      { key: "n", value: n },
      { key: "FROM_PACKAGE", value: String(n), init: true },
    ],
  });
}

async function put(platform: Platform, path: string, body: object): Promise<void> {
  const { status, body: answer } = await platform.call("PUT", `${path}?overwrite=true`, body);
  assert.equal(status, 200, JSON.stringify(answer));
}

async function run(platform: Platform, name: string, payload: object = {}): Promise<JsonBody> {
  const { status, body } = await platform.call("POST", `actions/${name}?blocking=true&result=true`, payload);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

function told(args: object, rest: { readonly env: string; readonly runs: number; readonly code?: string }): object {
  return { args, code: "CODE", ...rest };
}

function annotationsOf(record: JsonBody): object {
  const valueOf = (name: string): unknown => record.annotations.find(({ key }: { key: string }) => key === name)?.value;
  return { path: valueOf("path"), binding: valueOf("binding") };
}
