import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, suite, test } from "node:test";
import { connectionOf, parseApihost } from "../../src/cli/connection.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import { fakePlatform } from "./platform.ts";
import { run } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "skein-connection-"));
after(() => rmSync(root, { recursive: true, force: true }));
let home = root;
let homes = 0;
beforeEach(() => {
  homes += 1;
  home = join(root, String(homes));
  mkdirSync(join(home, ".skein", "keys"), { recursive: true });
});
const guestKey = (key: string, data = join(home, ".skein")): void => {
  mkdirSync(join(data, "keys"), { recursive: true });
  writeFileSync(join(data, "keys", "guest"), `${key}\n`);
};
const props = (text: string): void => writeFileSync(join(home, ".wskprops"), text);
const found = (flags: Parameters<typeof connectionOf>[0], env: Record<string, string> = {}) => {
  const connection = connectionOf(flags, { env, home });
  return [connection.apihost.origin, connection.auth()];
};

suite("where the platform and the key are found", () => {
  test("by default: this machine, with the guest key of the data folder", () => {
    guestKey("local:key");
    assert.deepEqual(found({}), ["http://127.0.0.1:3233", "local:key"]);
    guestKey("other:key", join(home, "elsewhere"));
    assert.deepEqual(found({}, { SKEIN_DATA_DIR: join(home, "elsewhere") })[1], "other:key");
    assert.deepEqual(found({}, { SKEIN_DATA_DIR: "~/elsewhere" })[1], "other:key");
  });

  test("flags win over SKEIN_, SKEIN_ over __OW_, __OW_ over .wskprops", () => {
    guestKey("local:key");
    props("APIHOST=https://props.example\nAUTH=props:key\n");
    const ow = { __OW_API_HOST: "https://ow.example", __OW_API_KEY: "ow:key" };
    const skein = { ...ow, SKEIN_APIHOST: "https://skein.example", SKEIN_AUTH: "skein:key" };
    assert.deepEqual(found({}), ["https://props.example", "props:key"]);
    assert.deepEqual(found({}, ow), ["https://ow.example", "ow:key"]);
    assert.deepEqual(found({}, skein), ["https://skein.example", "skein:key"]);
    const flags = { apihost: "https://flag.example", auth: "flag:key" };
    assert.deepEqual(found(flags, skein), ["https://flag.example", "flag:key"]);
  });

  test("a key from a file never goes to a host that the file is not about", () => {
    guestKey("local:key");
    props("APIHOST=https://props.example\nAUTH=props:key\n");
    assert.throws(
      () => found({ apihost: "https://other.example" }),
      (error) => error instanceof CliFailure && error.exit === 4,
    );
    assert.equal(found({ apihost: "http://localhost:4000" })[1], "local:key");
  });

  test(".wskprops may hold only a key, comments and spaces", () => {
    props("# mine\n AUTH = props:key \n\nAPIHOST=\n");
    assert.deepEqual(found({}), ["http://127.0.0.1:3233", "props:key"]);
  });

  test("hosts are read as people write them", () => {
    for (const [text, origin] of [
      ["localhost:3233", "http://localhost:3233"],
      ["127.0.0.1", "http://127.0.0.1"],
      ["skein.example", "https://skein.example"],
      ["http://skein.example:80/api/v1/", "http://skein.example"],
    ] as const) {
      assert.equal(parseApihost(text, "--apihost").href.replace(/\/$/, ""), origin);
    }
    assert.throws(() => parseApihost("http://", "--apihost"), CliFailure);
  });
});

suite("when it cannot be reached", () => {
  test("nothing listens: what, why and what to do, exit code 3", async () => {
    const ran = await run(["action", "list", "--apihost", "http://127.0.0.1:1", "--auth", "a:b"]);
    assert.equal(ran.exit, 3);
    assert.match(
      ran.stderr,
      /^error: cannot reach the platform at http:\/\/127\.0\.0\.1:1 \(from --apihost\)\n {2}why: nothing listens there\n {2}fix: start it with `npm start`/,
    );
  });

  test("no key: exit code 4, with the places that were looked at", async () => {
    const ran = await run(["action", "list"], { home });
    assert.equal(ran.exit, 4);
    assert.match(ran.stderr, /keys\/guest is not there/);
  });

  test("a wrong key: exit code 4, with the registry's help", async () => {
    const platform = await fakePlatform();
    const ran = await run(["action", "list", "--apihost", platform.url, "--auth", "a:b"]);
    await platform.close();
    assert.equal(ran.exit, 4);
    assert.match(ran.stderr, /why: The supplied authentication is invalid.*\n {2}fix: send HTTP Basic credentials/);
  });

  test("somebody who does not speak HTTP: exit code 3", async () => {
    const server = createServer((socket) => socket.end("hello?\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const ran = await run(["status", "--apihost", `127.0.0.1:${port}`]);
    server.close();
    assert.equal(ran.exit, 3);
  });

  test("somebody who never answers: exit code 3 when the deadline has passed", async () => {
    const { clientOf } = await import("../../src/cli/client.ts");
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const send = clientOf(connectionOf({ apihost: `127.0.0.1:${port}`, auth: "a:b" }, { env: {}, home }));
    await assert.rejects(
      send("GET", "/ping", { deadlineMs: 50 }),
      (error) => error instanceof CliFailure && error.exit === 3 && error.message.startsWith("no answer from"),
    );
    server.close();
  });
});
