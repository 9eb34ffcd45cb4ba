import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { type TestContext, test } from "node:test";
import { CATALOG } from "../../src/catalog/packages.ts";

type Main = (params: object) => unknown;

const require = createRequire(new URL("../../src/catalog/packages.ts", import.meta.url));

function mainOf(path: string): Main {
  const action = CATALOG.flatMap((pack) => pack.actions.map((one) => ({ ...one, path: `${pack.name}/${one.name}` })));
  const found = action.find((one) => one.path === path);
  assert.ok(found, `${path} is not in the catalog`);
  return (require(`./${found.file}`) as { main: Main }).main;
}

const run = (path: string, params: object): unknown => mainOf(path)(params);

/** Answers on a free port of this machine; ended with the test. */
async function serve(t: TestContext, answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer ?? (() => undefined));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

/** Whose output is not what the input makes of it: the time, the caller, the network; or a platform. */
const NOT_BY_INPUT = new Set(["utils/date", "utils/namespace", "samples/curl"]);

for (const pack of CATALOG) {
  for (const action of pack.actions) {
    const { sampleInput, sampleOutput, description, parameters } = action.annotations;
    const path = `${pack.name}/${action.name}`;
    if (sampleOutput !== undefined && !NOT_BY_INPUT.has(path)) {
      test(`${path} makes its sample's output of its sample's input`, (t) => {
        t.mock.method(console, "log", () => undefined);
        assert.deepEqual(run(path, sampleInput as object), sampleOutput);
      });
    }
    test(`${path} says what it does and what it takes`, () => {
      assert.equal(typeof description, "string");
      assert.ok(Array.isArray(parameters));
      if (pack.name === "alarms") assert.equal(action.annotations["feed"], true);
      else assert.ok(sampleInput !== undefined && sampleOutput !== undefined);
    });
  }
}

test("cat takes the lines of a payload where there is no array", () => {
  assert.deepEqual(run("utils/cat", { payload: "a\nb" }), { lines: ["a", "b"], payload: "a\nb" });
  assert.deepEqual(run("utils/cat", {}), { lines: [], payload: "" });
});

test("head takes one line where no number is given, and no more than there are", () => {
  assert.deepEqual(run("utils/head", { lines: [4, 2, 3] }), { lines: [4], num: 1 });
  assert.deepEqual(run("utils/head", { lines: [4], num: 9 }), { lines: [4], num: 9 });
});

test("sort leaves what it was given as it is", () => {
  const lines = ["b", "a"];
  assert.deepEqual(run("utils/sort", { lines }), { lines: ["a", "b"], length: 2 });
  assert.deepEqual(lines, ["b", "a"]);
});

test("split takes texts, regular expressions between slashes, and lines where none is given", () => {
  assert.deepEqual(run("utils/split", { payload: "a\nb\r\nc" }), { lines: ["a", "b", "c"], payload: "a\nb\r\nc" });
  assert.deepEqual(run("utils/split", { payload: "a1b22c", separator: "/\\d+/" }), {
    lines: ["a", "b", "c"],
    payload: "a1b22c",
  });
  assert.deepEqual(run("utils/split", { payload: "a.b", separator: "." }), { lines: ["a", "b"], payload: "a.b" });
});

test("select takes a text with commas, and leaves out what is not there", () => {
  assert.deepEqual(run("utils/select", { a: 1, b: 2, $fields: "a, x,toString" }), { a: 1 });
});

test("bad parameters are an error that names them", () => {
  for (const [path, params, name] of [
    ["utils/cat", { lines: "a" }, "lines"],
    ["utils/head", { lines: {} }, "lines"],
    ["utils/head", { lines: [], num: -1 }, "num"],
    ["utils/sort", { lines: 1 }, "lines"],
    ["utils/smash", { a: 1 }, "fieldName"],
    ["utils/select", { a: 1 }, "fields"],
    ["utils/split", { payload: "a", separator: "/(/" }, "separator"],
    ["samples/wordCount", {}, "payload"],
  ] as const) {
    assert.match((run(path, params) as { error: string }).error, new RegExp(name), path);
  }
});

test("date is now, and namespace is the caller's", (t) => {
  const { date } = run("utils/date", {}) as { date: string };
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 5000);
  process.env["__OW_NAMESPACE"] = "somebody";
  t.after(() => delete process.env["__OW_NAMESPACE"]);
  assert.deepEqual(run("utils/namespace", {}), { namespace: "somebody" });
});

test("greeting greets a stranger from somewhere, and wordCount counts between white space", (t) => {
  t.mock.method(console, "log", () => undefined);
  assert.deepEqual(run("samples/greeting", {}), { payload: "Hello, stranger from somewhere!" });
  assert.deepEqual(run("samples/greeting", { name: "Ada", place: "London" }), { payload: "Hello, Ada from London!" });
  assert.deepEqual(run("samples/wordCount", { payload: "  one\n two " }), { count: 2 });
  assert.deepEqual(run("samples/wordCount", { payload: "" }), { count: 0 });
});

test("curl returns status, headers and body, and sends what it is given", async (t) => {
  const url = await serve(t, (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => response.writeHead(418, { "x-method": request.method }).end(`got ${body}`));
  });
  const answer = (await run("samples/curl", { payload: `${url}/x`, method: "POST", body: { a: 1 } })) as {
    headers: Record<string, string>;
  };
  assert.equal(answer.headers["x-method"], "POST");
  assert.deepEqual(answer, { status: 418, headers: answer.headers, body: 'got {"a":1}', truncated: false });
});

test("curl cuts what is too long and stops waiting for what takes too long", async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === "/long") response.end("x".repeat(2_000_000));
  });
  const long = (await run("samples/curl", { payload: `${url}/long` })) as { body: string; truncated: boolean };
  assert.deepEqual([long.body.length, long.truncated], [524_288, true]);
  const slow = (await run("samples/curl", { payload: `${url}/slow`, timeout: 50 })) as { error: string };
  assert.match(slow.error, /^Could not fetch .*timeout/);
});

test("curl refuses what is no URL of the web", async () => {
  for (const payload of [undefined, "", 5, "file:///etc/passwd", "http://"]) {
    assert.match(
      ((await run("samples/curl", { payload })) as { error: string }).error,
      /Expected an argument 'payload'/,
    );
  }
});
