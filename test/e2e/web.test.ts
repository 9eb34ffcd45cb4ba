import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, Platform } from "../support/platform.ts";

const dataDir = mkdtempSync(join(tmpdir(), "skein-e2e-"));
const env = { SKEIN_INVOCATION_WAIT_MS_MAX: "1500", SKEIN_SERVER_VANITY_DOMAIN: "fn.example.com" };
let platform: Platform;

before(async () => {
  platform = await Platform.start({ dataDir, env });
});

after(async () => {
  assert.equal(await platform.stop(), 0);
  rmSync(dataDir, { recursive: true, force: true });
});

async function deploy(name: string, code: string, annotations: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const all = Object.entries({ "web-export": true, ...annotations }).map(([key, value]) => ({ key, value }));
  await platform.deploy(name, code, { annotations: all });
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const signal = AbortSignal.timeout(30_000);
  return fetch(`${platform.url}/api/v1/web/guest/${path}`, { redirect: "manual", signal, ...init });
}

test("a page is a page", async () => {
  await deploy("page", "function main({ name }) { return { html: `<h1>Hello ${name}</h1>` } }");
  const page = await ask("default/page.html?name=Ada");
  assert.deepEqual(
    [page.status, page.headers.get("content-type"), await page.text()],
    [200, "text/html; charset=UTF-8", "<h1>Hello Ada</h1>"],
  );
  const head = await ask("default/page.html", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

test("bytes come back as they went", async () => {
  const code = `function main({ __ow_body, __ow_headers }) {
    return { headers: { "content-type": __ow_headers["content-type"] }, body: __ow_body };
  }`;
  await deploy("echo", code);
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7) % 256));
  const echo = await ask("default/echo", { method: "POST", headers: { "content-type": "image/png" }, body: bytes });
  assert.equal(echo.headers.get("content-type"), "image/png");
  assert.ok(Buffer.from(await echo.arrayBuffer()).equals(bytes));
});

test("a form is posted, and answered with a redirect and its cookies", async () => {
  const code = `function main({ user, __ow_method }) {
    const cookies = ["user=" + user + "; Path=/", "method=" + __ow_method];
    return { statusCode: "303", headers: { location: "/done", "Set-Cookie": cookies } };
  }`;
  await deploy("login", code);
  const login = await ask("default/login", { method: "POST", body: new URLSearchParams({ user: "Ada & co" }) });
  assert.equal(login.status, 303);
  assert.equal(login.headers.get("location"), "/done");
  assert.deepEqual(login.headers.getSetCookie(), ["user=Ada & co; Path=/", "method=post"]);
});

test("a raw action reads what came", async () => {
  await deploy("raw", "function main(args) { return { body: args } }", { "raw-http": true });
  const raw = await ask("default/raw/rest?b=2&a=1&a=%20", {
    method: "PUT",
    headers: { "content-type": "text/plain" },
    body: "1,2,3",
  });
  const args = (await raw.json()) as Record<string, unknown>;
  const { __ow_headers, ...rest } = args;
  assert.deepEqual(rest, { __ow_method: "put", __ow_path: "/rest", __ow_query: "b=2&a=1&a=%20", __ow_body: "1,2,3" });
  assert.equal((__ow_headers as Record<string, string>)["content-type"], "text/plain");
});

test("guards let in whom they should, and the action knows who it is", async () => {
  const code = "function main(args) { return { body: args.__ow_user ?? 'nobody' } }";
  await deploy("known", code, { "require-whisk-auth": true });
  await deploy("secret", code, { "require-whisk-auth": "s3cret" });
  const { authorization } = platform;
  const secret = (value: string) => ask("default/secret", { headers: { "x-require-whisk-auth": value } });
  assert.equal((await ask("default/known")).status, 401);
  assert.equal(await (await ask("default/known", { headers: { authorization } })).text(), "guest");
  assert.equal((await secret("wrong")).status, 401);
  assert.equal(await (await secret("s3cret")).text(), "nobody");
});

test("an action answers OPTIONS itself where it says so", async () => {
  const code = `function main({ __ow_method }) {
    return { headers: { "access-control-allow-methods": "OPTIONS, " + __ow_method.toUpperCase() } };
  }`;
  await deploy("own", code, { "web-custom-options": true });
  await deploy("default-options", code);
  const own = await ask("default/own", { method: "OPTIONS" });
  assert.deepEqual([own.status, own.headers.get("access-control-allow-methods")], [204, "OPTIONS, OPTIONS"]);
  assert.equal(own.headers.get("access-control-allow-origin"), null);
  const platforms = await ask("default/default-options", { method: "OPTIONS" });
  assert.deepEqual([platforms.status, platforms.headers.get("access-control-allow-origin")], [200, "*"]);
});

test("errors that an action means are answers; its crashes are not shown", async () => {
  await deploy("means", "function main() { return { error: { statusCode: 404, body: 'no such cat' } } }");
  await deploy("crashes", "function main() { throw new Error('secret') }");
  const means = await ask("default/means");
  assert.deepEqual([means.status, await means.text()], [404, "no such cat"]);
  const crashes = await ask("default/crashes");
  assert.equal(crashes.status, 400);
  const { error } = (await crashes.json()) as { error: string };
  assert.equal(error, "There was an error processing your request.");
});

test("a sequence is a web action like any other", async () => {
  await platform.deploy("first", "function main({ n }) { return { n: Number(n) + 1 } }");
  await platform.deploy("second", "function main({ n }) { return { body: `${n}` } }");
  const annotations = [{ key: "web-export", value: true }];
  const exec = { kind: "sequence", components: ["/_/first", "/_/second"] };
  assert.equal((await platform.call("PUT", "actions/chain", { exec, annotations })).status, 200);
  assert.equal(await (await ask("default/chain?n=41")).text(), "42");
});

test("what outlives the wait is fetched later, across a restart too", async () => {
  const code = `async function main() {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return { statusCode: 201, headers: { "x-late": "yes" }, body: "at last" };
  }`;
  await deploy("slow", code);
  const first = await ask("default/slow");
  assert.equal(first.status, 202);
  assert.equal(((await first.json()) as { error: string }).error, "Response not yet ready.");
  const place = String(first.headers.get("location"));
  const later = async () => {
    const answer = await fetch(platform.url + place, { signal: AbortSignal.timeout(10_000) });
    if (answer.status === 202) return undefined;
    return [answer.status, answer.headers.get("x-late"), await answer.text()];
  };
  assert.equal(await later(), undefined);
  const expected = [201, "yes", "at last"];
  assert.deepEqual(await eventually(later, "the late answer"), expected);
  assert.equal(await platform.stop(), 0);
  platform = await Platform.start({ dataDir, env });
  assert.deepEqual(await later(), expected);
  assert.equal((await fetch(`${platform.url}${place}x`)).status, 404);
});

test("a host below the vanity domain is a namespace", async () => {
  const code = "function main(args) { return { body: `home of ${args.__ow_headers.host}` } }";
  await platform.call("PUT", "packages/public", {});
  await deploy("public/index", code);
  const get = (path: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(platform.url + path, { headers: { host: "guest.fn.example.com" } }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      request.on("error", reject);
      request.end();
    });
  assert.deepEqual(await get("/"), { status: 200, text: "home of guest.fn.example.com" });
  assert.deepEqual(await get("/public/index.text"), { status: 200, text: "home of guest.fn.example.com" });
  assert.equal((await get("/api/v1/namespaces")).status, 404);
});
