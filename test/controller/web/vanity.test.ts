import assert from "node:assert/strict";
import { test } from "node:test";
import { vanityTarget } from "../../../src/controller/web/vanity.ts";

const DOMAIN = "functions.example.com";

test("a host below the domain is a namespace's web actions, and its root is their index", () => {
  const table: readonly [string | undefined, string, string][] = [
    ["guest.functions.example.com", "/pkg/a", "/api/v1/web/guest/pkg/a"],
    ["guest.functions.example.com:3233", "/pkg/a.json/b?c=d", "/api/v1/web/guest/pkg/a.json/b?c=d"],
    ["Guest.Functions.Example.COM.", "/default/a", "/api/v1/web/guest/default/a"],
    ["guest.functions.example.com", "/", "/api/v1/web/guest/public/index.html"],
    ["guest.functions.example.com", "/?a=b", "/api/v1/web/guest/public/index.html?a=b"],
    ["my-space.functions.example.com", "//x", "/api/v1/web/my-space//x"],
    // Nothing else is served there, but late answers.
    ["guest.functions.example.com", "/api/v1/namespaces", "/api/v1/web/guest/api/v1/namespaces"],
    ["guest.functions.example.com", "/api/v1/web-results/t", "/api/v1/web-results/t"],
    ["a.b.functions.example.com", "/pkg/a", "/api/v1/web/"],
    [".functions.example.com", "/pkg/a", "/api/v1/web/"],
    ["$x.functions.example.com", "/pkg/a", "/api/v1/web/"],
    ["guest.functions.example.com", "*", "/api/v1/web/"],
    ["guest.functions.example.com", "http://elsewhere/api/v1/namespaces", "/api/v1/web/"],
    // All other hosts are the API's.
    ["functions.example.com", "/api/v1/namespaces", "/api/v1/namespaces"],
    ["guest.example.com", "/x", "/x"],
    ["guestfunctions.example.com", "/x", "/x"],
    ["guest.functions.example.com.evil.net", "/x", "/x"],
    ["127.0.0.1:3233", "/x", "/x"],
    [undefined, "/x", "/x"],
  ];
  for (const [host, target, expected] of table)
    assert.equal(vanityTarget({ host, target }, DOMAIN), expected, `${host} ${target}`);
});
