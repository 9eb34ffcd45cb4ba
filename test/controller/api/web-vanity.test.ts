import assert from "node:assert/strict";
import { test } from "node:test";
import { optionsSchema } from "../../../src/kernel/options/options.ts";
import { GUEST, source, startApi } from "./harness.ts";

const TREE = "/api/v1/namespaces/_";
const exported = { ...source(), annotations: [{ key: "web-export", value: true }] };

test("with a vanity domain, hosts are namespaces and paths their web actions, and nothing else", async () => {
  await using api = await startApi({ options: { server: { vanityDomain: "fn.example.com" } } });
  await api.call("PUT", `${TREE}/packages/public`, { json: {} });
  await api.call("PUT", `${TREE}/actions/public/index`, { json: exported });
  await api.call("PUT", `${TREE}/actions/public/index.html`, { json: exported });
  await api.call("PUT", `${TREE}/actions/hello`, { json: exported });
  const host = { host: "guest.fn.example.com" };
  const get = (path: string, headers = host) => api.call("GET", path, { headers, swagger: false });
  assert.equal((await get("/default/hello.json/rest?a=1")).body.__ow_path, "/rest");
  assert.equal((await get("/?a=1")).status, 400, "public/index is asked for HTML, and answers with its arguments");
  assert.equal(api.invocations.calls.at(-1)?.action.path, "public/index");
  assert.equal(api.invocations.calls.at(-1)?.payload["a"], "1");
  for (const path of ["/ping", `${TREE}/actions`, "/api/v1", "/api-docs", "/public"]) {
    assert.equal((await get(path)).status, 404, path);
  }
  assert.equal((await get("/default/hello.json", { host: "a.guest.fn.example.com" })).status, 404);
  // The API's own hosts are as before.
  assert.equal((await get("/ping", { host: "fn.example.com" })).text, "pong");
  assert.equal((await api.call("GET", `${TREE}/actions`, { auth: GUEST })).status, 200);
});

test("without one, hosts mean nothing", async () => {
  await using api = await startApi();
  assert.equal((await api.call("GET", "/ping", { headers: { host: "guest.fn.example.com" } })).text, "pong");
});

test("a vanity domain is a domain in lower case", () => {
  const parse = (vanityDomain: string) => optionsSchema.safeParse({ server: { vanityDomain } }).success;
  for (const domain of ["example.com", "fn.example.com", "localhost", "a-b.c"]) assert.ok(parse(domain), domain);
  for (const wrong of [
    "",
    "Example.com",
    ".example.com",
    "example.com.",
    "example.com:80",
    "a..b",
    "-a.b",
    "a b",
    "https://x",
  ])
    assert.ok(!parse(wrong), wrong);
});
