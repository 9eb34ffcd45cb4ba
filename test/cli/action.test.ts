import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import { type FakePlatform, fakePlatform, ID, KEY, record, refusal } from "./platform.ts";
import { run as runBare } from "./run.ts";

let platform: FakePlatform;
const folder = mkdtempSync(join(tmpdir(), "skein-cli-"));
before(async () => {
  platform = await fakePlatform();
});
after(async () => {
  await platform.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  platform.seen.length = 0;
  platform.next.length = 0;
});

const run = (argv: readonly string[], io: Parameters<typeof runBare>[1] = {}) =>
  runBare(argv, { env: { SKEIN_APIHOST: platform.url, SKEIN_AUTH: KEY }, ...io });

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

suite("action deploy", () => {
  test("a source file becomes an action of its name", async () => {
    const ran = await run(["action", "deploy", file("hello.js", "function main() {}")]);
    assert.deepEqual(ran, { exit: 0, stdout: "ok: created action /_/hello (nodejs:default, 18 B)\n", stderr: "" });
    const [request] = platform.seen;
    assert.equal(`${request?.method} ${request?.path}`, "PUT /api/v1/namespaces/_/actions/hello");
    assert.deepEqual(request?.query, { overwrite: "true" });
    assert.deepEqual(request?.body, { exec: { kind: "nodejs:default", code: "function main() {}" } });
  });

  test("flags become parameters, annotations and limits; later and nearer ones win", async () => {
    const params = file("params.json", '{"a": 0, "b": 1}');
    const code = ["--name", "/guest/pkg/f", "--kind", "nodejs:24", "--main", "main"];
    const parameters = ["-P", params, "-p", "a", "[1]", "--param", "c", "-5", "-a", "provide-api-key", "true"];
    const limits = ["-m", "128", "-t", "1000", "-l", "1", "-c", "2", "--web", "raw", "--json"];
    const path = file("f.mjs", "export const main = () => ({})");
    const ran = await run(["action", "deploy", path, ...code, ...parameters, ...limits]);
    assert.equal(ran.exit, 0);
    assert.equal(platform.seen[0]?.path, "/api/v1/namespaces/guest/actions/pkg/f");
    assert.deepEqual(platform.seen[0].body, {
      exec: { kind: "nodejs:24", code: "export const main = () => ({})", main: "main" },
      parameters: [
        { key: "a", value: [1] },
        { key: "b", value: 1 },
        { key: "c", value: -5 },
      ],
      annotations: [
        { key: "provide-api-key", value: true },
        { key: "web-export", value: true },
        { key: "raw-http", value: true },
        { key: "final", value: true },
      ],
      limits: { memory: 128, timeout: 1000, logs: 1, concurrency: 2 },
    });
    assert.equal("code" in JSON.parse(ran.stdout).exec, false, "the code is not echoed");
  });

  test("--web before a file does not swallow it", async () => {
    const ran = await run(["action", "deploy", "--web", file("w.js", "1")]);
    assert.equal(ran.exit, 0);
    assert.match(JSON.stringify(platform.seen[0]?.body), /"web-export","value":true/);
  });

  test("what cannot run is refused before anything is sent", async () => {
    const cases = [
      [file("a.ts", "const x: 1 = 1"), /is TypeScript.*\n {2}fix: compile it first/],
      [file("a.rb", "puts 1"), /nothing is known about files like/],
      [file("bad.zip", "hello"), /is no zip archive/],
      [file("latin.js", Buffer.from([0x2f, 0x2f, 0xe4])), /is not text in UTF-8/],
      [file("-dash.js", "1"), /is not a name: The name of the entity contains illegal characters/],
      [join(folder, "none.js"), /cannot be read: ENOENT/],
    ] as const;
    for (const [path, message] of cases) {
      const ran = await run(["action", "deploy", path]);
      assert.equal(ran.exit, 2, path);
      assert.match(ran.stderr, message);
    }
    assert.equal(platform.seen.length, 0);
  });

  test("code above 48 MB is refused with advice", async () => {
    const ran = await run(["action", "deploy", file("big.js", Buffer.alloc(48 * 1_048_576 + 1, 32))]);
    assert.equal(ran.exit, 2);
    assert.match(ran.stderr, /too large for an action: 48\.0 MB to send, 48\.0 MB allowed\n {2}fix: leave out/);
  });

  test("a long upload shows how far it is, on a terminal", async () => {
    const path = file("long.js", Buffer.alloc(3 * 1_048_576, 32));
    const ran = await run(["action", "deploy", path], { stderrIsTerminal: true });
    assert.match(ran.stderr, /sending 3\.0 MB: 100 %\r/);
    assert.equal((await run(["action", "deploy", path])).stderr, "");
  });
});

suite("action invoke", () => {
  test("--result prints the result alone", async () => {
    const ran = await run(["action", "invoke", "hello", "-p", "name", "Ada", "--result"]);
    assert.deepEqual(ran, { exit: 0, stdout: '{"greeting":"Hello Ada"}\n', stderr: "" });
    assert.deepEqual(platform.seen[0]?.query, { blocking: "true", result: "true" });
    assert.deepEqual(platform.seen[0]?.body, { name: "Ada" });
  });

  test("without it, it says the id and does not wait", async () => {
    const ran = await run(["action", "invoke", "pkg/hello"]);
    assert.deepEqual(ran, { exit: 0, stdout: `ok: invoked /_/pkg/hello with id ${ID}\n`, stderr: "" });
    assert.deepEqual(platform.seen[0]?.query, {});
    const json = await run(["action", "invoke", "hello", "--json"]);
    assert.equal(json.stdout, `{"activationId":"${ID}"}\n`);
  });

  test("--blocking prints the record", async () => {
    const ran = await run(["action", "invoke", "hello", "-b", "--wait", "5"]);
    const [said, printed] = ran.stdout.split("\n");
    assert.equal(said, `ok: invoked /_/hello with id ${ID}`);
    assert.deepEqual(JSON.parse(printed ?? ""), { ...record, logs: [] });
    assert.deepEqual(platform.seen[0]?.query, { blocking: "true", result: "false", timeout: "5000" });
  });

  test("parameters come from standard input too", async () => {
    await run(["action", "invoke", "hello", "-P", "-"], { input: '{"x": {"y": 1}}' });
    assert.deepEqual(platform.seen[0]?.body, { x: { y: 1 } });
  });

  test("--param-text gives a file as it is", async () => {
    await run(["action", "invoke", "hello", "--param-text", "csv", file("t.csv", "1\n2\n")]);
    assert.deepEqual(platform.seen[0]?.body, { csv: "1\n2\n" });
  });

  test("an action that failed ends with 1, its result still on stdout", async () => {
    platform.next.push({ status: 502, body: { error: "boom" }, headers: { "x-openwhisk-activation-id": ID } });
    const ran = await run(["action", "invoke", "hello", "-r"]);
    assert.equal(ran.exit, 1);
    assert.equal(ran.stdout, '{"error":"boom"}\n');
    assert.equal(
      ran.stderr,
      `error: /_/hello failed (activation ${ID})\n  why: boom\n  fix: its logs: skein activation logs ${ID}\n`,
    );
  });

  test("an activation that the platform broke ends with 70", async () => {
    platform.next.push({ status: 500, body: { error: "lost" }, headers: { "x-openwhisk-activation-id": ID } });
    assert.equal((await run(["action", "invoke", "hello", "-r"])).exit, 70);
  });

  test("when the wait is over it says how to get the result, and ends with 9", async () => {
    platform.next.push({ status: 202, body: { activationId: ID } });
    const ran = await run(["action", "invoke", "slow", "--result"]);
    assert.deepEqual([ran.exit, ran.stdout], [9, ""]);
    assert.match(ran.stderr, new RegExp(`still runs: the wait is over\n.*skein activation result ${ID}\n$`));
  });

  test("refusals say what, why and what to do, with an exit code of their own", async () => {
    const cases = [
      [404, "The requested resource does not exist.", "entity/not-found", 5],
      [403, "not authorized", "auth/forbidden", 4],
      [409, "Concurrent modification", "entity/concurrent-change", 6],
      [413, "Request larger than allowed", undefined, 7],
      [429, "Too many requests", "limits/rate", 8],
      [503, "no room", "invoker/buffer-full", 8],
      [500, "oops", "internal/unexpected", 70],
    ] as const;
    for (const [status, text, code, exit] of cases) {
      platform.next.push(refusal(status, text, code));
      const ran = await run(["action", "invoke", "hello", "-r"]);
      assert.equal(ran.exit, exit, text);
      assert.equal(ran.stdout, "");
      assert.match(
        ran.stderr,
        new RegExp(`^error: cannot invoke /_/hello\n  why: ${text} \\(transaction tid1\\)\n  fix: .+\n$`),
      );
    }
  });

  test("with --json an error is JSON on stderr", async () => {
    platform.next.push(refusal(404, "gone", "entity/not-found"));
    const ran = await run(["action", "invoke", "hello", "--json"]);
    const { error } = JSON.parse(ran.stderr) as { error: Record<string, unknown> };
    assert.deepEqual([error["code"], error["exit"], error["why"]], ["entity/not-found", 5, "gone (transaction tid1)"]);
    assert.equal(ran.stdout, "");
  });

  test("contradicting or broken flags end with 2", async () => {
    for (const argv of [
      ["--async", "--result"],
      ["-p", "x"],
      ["--wait", "-1"],
      ["-P", file("n.json", "[1]")],
      ["--nope"],
    ]) {
      const ran = await run(["action", "invoke", "hello", ...argv]);
      assert.equal(ran.exit, 2, argv.join(" "));
      assert.match(ran.stderr, /^error: /);
    }
    assert.equal((await run(["action", "invoke", "a/b/c"])).exit, 2);
    assert.equal(platform.seen.length, 0);
  });
});

suite("action list, get, update, delete", () => {
  test("list is an aligned table, or JSON", async () => {
    const ran = await run(["action", "list"]);
    assert.equal(
      ran.stdout,
      "NAME          KIND       VERSION  MEMORY  UPDATED\n/guest/hello  nodejs:24  0.0.1    256 MB  1m ago\n",
    );
    const rows = JSON.parse((await run(["action", "list", "--json", "--limit", "5"])).stdout) as unknown[];
    assert.equal(rows.length, 1);
    assert.deepEqual(platform.seen[1]?.query, { limit: "5" });
    platform.next.push({ status: 200, body: [] });
    assert.match((await run(["action", "list"])).stdout, /^no actions yet/);
  });

  test("list takes a namespace or a package", async () => {
    for (const place of ["/guest", "pkg/", "/guest/pkg/"]) {
      platform.next.push({ status: 200, body: [] });
      await run(["action", "list", place]);
    }
    assert.deepEqual(
      platform.seen.map((seen) => seen.path.slice("/api/v1/namespaces/".length)),
      ["guest/actions", "_/actions/pkg/", "guest/actions/pkg/"],
    );
  });

  test("get shows the action, its code, or saves it", async () => {
    assert.match(
      (await run(["action", "get", "hello"])).stdout,
      /^name +\/guest\/hello\n(.*\n)+parameters +who="you"\n/,
    );
    assert.deepEqual(platform.seen[0]?.query, { code: "false" });
    assert.equal((await run(["action", "get", "hello", "--code"])).stdout, "function main() {}\n");
    const saved = join(folder, "saved.js");
    await run(["action", "get", "hello", "--save", saved]);
    assert.equal(readFileSync(saved, "utf8"), "function main() {}");
  });

  test("update sends settings only, and only to what exists", async () => {
    assert.equal((await run(["action", "update", "hello", "-m", "128"])).exit, 0);
    assert.deepEqual(
      platform.seen.map((seen) => seen.method),
      ["GET", "PUT"],
    );
    assert.deepEqual(platform.seen[1]?.body, { limits: { memory: 128 } });
    assert.equal((await run(["action", "update", "hello"])).exit, 2);
  });

  test("delete says so", async () => {
    const ran = await run(["action", "delete", "my hello"]);
    assert.equal(ran.stdout, "ok: deleted action /_/my hello\n");
    assert.equal(platform.seen[0]?.path, "/api/v1/namespaces/_/actions/my%20hello");
  });
});
