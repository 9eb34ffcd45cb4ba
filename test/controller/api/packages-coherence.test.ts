import assert from "node:assert/strict";
import { test } from "node:test";
import { type Harness, OTHER, recordOf, type Reply, source, startApi } from "./harness.ts";
import { slowReads } from "./slow-reads.ts";

const PACKAGES = "/api/v1/namespaces/_/packages";
const ACTIONS = "/api/v1/namespaces/_/actions";
const WRITES = 40;
const READERS = 4;

test("S1: no call that starts after a package's update was acknowledged has its older parameters, through a binding neither", async () => {
  await using api = await startCounting();
  const update = async (n: number): Promise<void> => {
    const json = { publish: true, parameters: [{ key: "n", value: n }] };
    assert.equal((await api.call("PUT", `${PACKAGES}/p?overwrite=true`, { json })).status, 200);
  };
  await update(0);
  await api.call("PUT", `${ACTIONS}/p/a`, { json: source() });
  await api.call("PUT", `${PACKAGES}/b`, { auth: OTHER, json: { binding: { namespace: "guest", name: "p" } } });
  const seen = await race(update, async (floor) => {
    const first = floor();
    const direct = await api.call("POST", `${ACTIONS}/p/a?blocking=true&result=true`);
    assert.ok(direct.body.n >= first, `ran with ${direct.body.n} after ${first}`);
    const before = floor();
    const bound = await api.call("POST", `${ACTIONS}/b/a?blocking=true&result=true`, { auth: OTHER });
    assert.ok(bound.body.n >= before, `ran with ${bound.body.n} after ${before}`);
    const again = floor();
    const get = await api.call("GET", `${ACTIONS}/p/a?code=false`);
    assert.ok(get.body.parameters[0].value >= again);
    return bound;
  });
  assert.ok(seen > 20, `${seen} rounds`);
});

test("S1: a binding's own update counts at once too", async () => {
  await using api = await startCounting();
  await api.call("PUT", `${PACKAGES}/p`, { json: { publish: true } });
  await api.call("PUT", `${ACTIONS}/p/a`, { json: source() });
  const update = async (n: number): Promise<void> => {
    const json = { binding: { namespace: "guest", name: "p" }, parameters: [{ key: "n", value: n }] };
    assert.equal((await api.call("PUT", `${PACKAGES}/b?overwrite=true`, { auth: OTHER, json })).status, 200);
  };
  await update(0);
  await race(update, async (floor) => {
    const before = floor();
    const post = await api.call("POST", `${ACTIONS}/b/a?blocking=true&result=true`, { auth: OTHER });
    assert.ok(post.body.n >= before, `ran with ${post.body.n} after ${before}`);
    return post;
  });
});

test("S1: what was deleted with its package does not run, and what took its place runs new code", async () => {
  await using api = await startCounting();
  const make = async (n: number): Promise<void> => {
    // Gone and made anew: at the acknowledgement of each step, only what it left may be seen.
    await api.call("DELETE", `${PACKAGES}/p?force=true`);
    const gone = await api.call("POST", `${ACTIONS}/p/a?blocking=true`);
    assert.equal(gone.status, 404);
    await api.call("PUT", `${PACKAGES}/p`, { json: { parameters: [{ key: "n", value: n }] } });
    assert.equal((await api.call("POST", `${ACTIONS}/p/a?blocking=true`)).status, 404);
    assert.equal((await api.call("PUT", `${ACTIONS}/p/a`, { json: source(`code ${n}`) })).status, 200);
    const ran = await api.call("POST", `${ACTIONS}/p/a?blocking=true&result=true`);
    assert.equal(ran.body.n, n);
    const get = await api.call("GET", `${ACTIONS}/p/a`);
    assert.equal(get.body.exec.code, `code ${n}`);
    assert.equal(get.body.version, "0.0.1");
  };
  await race(make, (floor) => {
    const before = floor();
    return api.call("POST", `${ACTIONS}/p/a?blocking=true&result=true`).then((post) => {
      assert.ok(post.status === 404 || post.body.n >= before, `${post.status} ${post.text} after ${before}`);
      return post;
    });
  });
  // The code that ran is the code that was read: one digest for each of those written.
  const digests = new Set(api.invocations.calls.map(({ action }) => ("code" in action.exec ? action.exec.code : "")));
  assert.equal(digests.size, WRITES);
});

/** An API whose actions answer with the parameters they got. */
async function startCounting(): Promise<Harness> {
  const api = await startApi({ wrap: slowReads });
  api.invocations.answer = (request) => {
    const result = Object.fromEntries(request.action.parameters.map(({ key, value }) => [key, value]));
    return { kind: "done", record: recordOf(request, { result }) };
  };
  return api;
}

/**
 * Writes 1 to 40 one after another while readers read as fast as they can; `floor` says what was acknowledged last. Says how often they
 * read.
 */
async function race(
  write: (n: number) => Promise<void>,
  read: (floor: () => number) => Promise<Reply>,
): Promise<number> {
  const progress = { writing: true, acknowledged: 0, rounds: 0 };
  const writing = async (): Promise<void> => {
    try {
      for (let n = 1; n <= WRITES; n += 1) {
        await write(n);
        progress.acknowledged = n;
      }
    } finally {
      progress.writing = false;
    }
  };
  const reading = async (): Promise<void> => {
    while (progress.writing) {
      await read(() => progress.acknowledged);
      progress.rounds += 1;
    }
  };
  await Promise.all([writing(), ...Array.from({ length: READERS }, reading)]);
  return progress.rounds;
}
