import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, type JsonBody, Platform } from "../support/platform.ts";

// Apache Composer as its users have it: compositions compiled to conductors and deployed by its own client. Left out are `parallel`,
// `par` and `map`, whose branches meet in a Redis that Composer would have us run; what they say without one is here.
const require = createRequire(import.meta.url);
const composer: JsonBody = require("openwhisk-composer");
const client: JsonBody = require("openwhisk-composer/client.js");
const lastly: (...compositions: JsonBody[]) => JsonBody = composer.finally;

const dataDir = mkdtempSync(join(tmpdir(), "skein-e2e-"));
let platform: Platform;
let ow: JsonBody;

before(async () => {
  platform = await Platform.start({ dataDir });
  const key = Buffer.from(platform.authorization.slice("Basic ".length), "base64").toString();
  ow = client({ apihost: platform.url, api_key: key, namespace: "_" });
  await platform.deploy("increment", "function main({ n }) { return { n: n + 1 } }");
  await platform.deploy("isEven", "function main({ n }) { return { value: n % 2 === 0 } }");
  await platform.deploy("below", "function main({ n, limit = 5 }) { return { value: n < limit } }");
  await platform.deploy("fail", "function main() { return { error: 'it failed' } }");
  await platform.deploy("echo", "function main(args) { return args }");
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(dataDir, { recursive: true, force: true });
});

/** Deploys it anew and runs it; whatever its status, what came out. */
async function run(composition: JsonBody, params: object = {}): Promise<JsonBody> {
  await ow.compositions.deploy({ name: "composed", ...composition.compile() }, true);
  const { body } = await platform.call("POST", "actions/composed?blocking=true", params);
  return body;
}

const COMPOSITIONS: readonly (readonly [string, () => JsonBody, object, JsonBody])[] = [
  ["action", () => composer.action("increment"), { n: 1 }, { n: 2 }],
  ["function", () => composer.function(({ n }: JsonBody) => ({ n: n * 10 })), { n: 3 }, { n: 30 }],
  ["literal", () => composer.literal({ n: 7 }), {}, { n: 7 }],
  ["value", () => composer.value("text"), {}, { value: "text" }],
  ["empty", () => composer.empty(), { n: 1 }, { n: 1 }],
  ["task", () => composer.task("increment"), { n: 1 }, { n: 2 }],
  ["sequence", () => composer.sequence("increment", "increment", "increment"), { n: 1 }, { n: 4 }],
  ["seq", () => composer.seq("increment", ({ n }: JsonBody) => ({ n: -n })), { n: 1 }, { n: -2 }],
  ["if, then", () => composer.if("isEven", "increment", "fail"), { n: 2 }, { n: 3 }],
  ["if, else", () => composer.if("isEven", "fail", "increment"), { n: 3 }, { n: 4 }],
  ["if without else", () => composer.if("isEven", "fail"), { n: 3 }, { n: 3 }],
  ["if_nosave", () => composer.if_nosave("isEven", (p: JsonBody) => p), { n: 2 }, { value: true }],
  ["while", () => composer.while("below", "increment"), { n: 1 }, { n: 5 }],
  [
    "while_nosave",
    () =>
      composer.while_nosave(
        ({ n }: JsonBody) => ({ n, value: n !== 1 }),
        ({ n }: JsonBody) => ({ n: n - 1 }),
      ),
    { n: 4 },
    { n: 1, value: false },
  ],
  ["dowhile", () => composer.dowhile("increment", "below"), { n: 9 }, { n: 10 }],
  [
    "dowhile_nosave",
    () => composer.dowhile_nosave("increment", ({ n }: JsonBody) => ({ n, value: n < 3 })),
    { n: 0 },
    { n: 3, value: false },
  ],
  ["try, no error", () => composer.try("increment", "fail"), { n: 1 }, { n: 2 }],
  [
    "try, an error",
    () => composer.try("fail", ({ error }: JsonBody) => ({ caught: error })),
    {},
    { caught: "it failed" },
  ],
  [
    "finally",
    () =>
      lastly(
        composer.try("fail", () => ({ n: 1 })),
        "increment",
      ),
    {},
    { n: 2 },
  ],
  ["finally after an error", () => lastly("fail", ({ error }: JsonBody) => ({ saw: error })), {}, { saw: "it failed" }],
  ["let", () => composer.let({ x: 41 }, composer.function("() => ({ n: x })"), "increment"), {}, { n: 42 }],
  [
    "mask",
    () => composer.let({ x: 1 }, composer.let({ x: 2 }, composer.mask(composer.function("() => ({ x })")))),
    {},
    { x: 1 },
  ],
  ["repeat", () => composer.repeat(5, "increment"), { n: 0 }, { n: 5 }],
  [
    "retry",
    () =>
      composer.let(
        { left: 2 },
        composer.retry(5, composer.function("({ n }) => left-- > 0 ? { error: 'again' } : { n }"), "increment"),
      ),
    { n: 1 },
    { n: 2 },
  ],
  ["retain", () => composer.retain("increment"), { n: 1 }, { params: { n: 1 }, result: { n: 2 } }],
  ["retain_catch", () => composer.retain_catch("fail"), { n: 1 }, { params: { n: 1 }, result: { error: "it failed" } }],
  ["merge", () => composer.merge("isEven"), { n: 2 }, { n: 2, value: true }],
  ["dynamic", () => composer.dynamic(), { type: "action", name: "increment", params: { n: 1 } }, { n: 2 }],
];

for (const [what, make, params, result] of COMPOSITIONS) {
  test(`composer: ${what}`, async () => {
    const body = await run(make(), params);
    assert.deepEqual(body.response, { status: "success", success: true, result });
  });
}

test("an error that nobody handles is the composition's", async () => {
  const body = await run(composer.sequence("increment", "fail", "increment"), { n: 1 });
  assert.deepEqual(body.response, { status: "application error", success: false, result: { error: "it failed" } });
});

test("a composition's record lists what it ran, each under its cause", async () => {
  const { activationId } = await run(composer.sequence("increment", "increment"), { n: 1 });
  const { body } = await platform.call("GET", `activations/${activationId}`);
  assert.equal(body.logs.length, 5, "two components between three calls of the conductor");
  const annotations = Object.fromEntries(body.annotations.map((pair: JsonBody) => [pair.key, pair.value]));
  assert.equal(annotations.conductor, true);
  assert.equal(annotations.topmost, true);
  let duration = 0;
  for (const [index, id] of body.logs.entries()) {
    const component = (await platform.call("GET", `activations/${id}`)).body;
    assert.equal(component.cause, activationId);
    assert.equal(component.name, index % 2 === 0 ? "composed" : "increment");
    duration += Number(component.duration);
  }
  assert.equal(body.duration, duration);
});

test("compositions nest, share one budget, and 50 steps are the most", async () => {
  await ow.compositions.deploy({ name: "inner", ...composer.sequence("increment", "increment").compile() }, true);
  const body = await run(composer.sequence("inner", "increment", "inner"), { n: 0 });
  assert.deepEqual(body.response.result, { n: 5 });
  assert.equal(body.logs.length, 7, "three components between four calls of the conductor; what is nested counts once");
  assert.deepEqual((await run(composer.repeat(50, "increment"), { n: 0 })).response.result, { n: 50 });
  const over = await run(composer.repeat(51, "increment"), { n: 0 });
  assert.deepEqual(over.response.result, { error: "Too many actions in the composition." });
});

test("an action that is deployed with its composition runs in it", async () => {
  const inline = composer.action("inlined", { action: "function main({ n }) { return { n: n * 2 } }" });
  assert.deepEqual((await run(composer.sequence(inline, "increment"), { n: 4 })).response.result, { n: 9 });
});

test("async goes on at once, and what it began ends by itself", async () => {
  const body = await run(composer.async("increment"), { n: 1 });
  assert.equal(body.response.result.method, "async");
  const begun = String(body.response.result.activationId);
  const record = await eventually(async () => {
    const answer = await platform.call("GET", `activations/${begun}`);
    return answer.status === 200 ? answer.body : undefined;
  }, "the branch's record");
  assert.deepEqual(record.response.result, { n: 2 });
});

test("parallel says that it wants a Redis", async () => {
  const body = await run(composer.parallel("increment", "isEven"), { n: 1 });
  assert.match(body.response.result.error, /Parallel combinator requires a properly configured redis instance/);
});
