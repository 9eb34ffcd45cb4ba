import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, Platform, temporaryFolder } from "../support/platform.ts";
import { manifestOf, needsPodman, Podman, ULIMITS } from "../support/podman.ts";

const IMAGE = "localhost/nodejs:1";

describe("the platform on a container engine", { skip: needsPodman }, () => {
  let podman: Podman;
  before(async () => {
    podman = await Podman.start();
    podman.nodejsImage(IMAGE);
  });
  after(() => podman.close());

  function start(dataDir: string): Promise<Platform> {
    const runtimes = join(podman.folder, "runtimes.json");
    writeFileSync(runtimes, manifestOf(IMAGE));
    const settings = {
      "invoker.factory": "docker",
      "invoker.docker.socket": podman.socket,
      "invoker.docker.runtimes": runtimes,
      "invoker.docker.ulimits": JSON.stringify(ULIMITS),
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    return Platform.start({ dataDir, flags });
  }

  const containers = (): readonly string[] =>
    podman
      .run("ps", "--all", "--format", "{{.Names}}")
      .split("\n")
      .filter((name) => name !== "");

  test("an action runs in a container, its record has its logs, and a stop leaves no container", async (t) => {
    const platform = await start(temporaryFolder(t));
    t.after(() => platform.stop());
    await platform.deploy(
      "hello",
      "function main({ name }) { console.log('for', name); return { at: process.cwd() }; }",
    );
    const { status, body } = await platform.call("POST", "actions/hello?blocking=true", { name: "é" });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.response.result, { at: "/action" });
    const logs = await eventually(async () => {
      const answer = await platform.call("GET", `activations/${body.activationId}/logs`);
      return answer.status === 200 ? answer.body.logs : undefined;
    }, "the logs");
    assert.match(logs.join("\n"), /^\S+ +stdout: for é$/);
    const again = await platform.call("POST", "actions/hello?blocking=true&result=true", {});
    assert.deepEqual(again.body, { at: "/action" });
    const label = (name: string) =>
      podman
        .run("ps", "--all", "--format", `{{index .Labels "io.skein.${name}"}}`, "--filter", "label=io.skein.action")
        .trim();
    assert.deepEqual([label("namespace"), label("action")], ["guest", "/guest/hello"]);
    assert.match(label("revision"), /^\d+$/);
    assert.match(containers().join("\n"), /^skein-[0-9a-f]{12}-[0-9a-f]+\S*-nodejs_24$/);
    await platform.stop();
    assert.deepEqual(containers(), []);
  });

  test("kinds are those of the manifest, each with its image", async (t) => {
    const platform = await start(temporaryFolder(t));
    t.after(() => platform.stop());
    const root = (await (await fetch(platform.url)).json()) as { runtimes: { nodejs: readonly object[] } };
    assert.deepEqual(root.runtimes.nodejs, [
      { kind: "nodejs:24", image: IMAGE, default: true, deprecated: false, requireMain: false, attached: true },
    ]);
    const answer = await platform.call("PUT", "actions/old", { exec: { kind: "nodejs:20", code: "1" } });
    assert.equal(answer.status, 400);
  });

  test("what a killed platform left is destroyed at the next start, paused or not", async (t) => {
    const dataDir = temporaryFolder(t);
    const first = await start(dataDir);
    t.after(() => first.kill());
    await first.deploy("hello", "function main() { return {}; }");
    assert.equal((await first.call("POST", "actions/hello?blocking=true", {})).status, 200);
    await first.kill();
    const [left] = containers();
    assert.ok(left !== undefined);
    const second = await start(dataDir);
    t.after(() => second.stop());
    await eventually(() => (containers().includes(left) ? undefined : true), "the leftover is gone");
    assert.equal((await second.call("POST", "actions/hello?blocking=true", {})).status, 200);
  });

  test("a platform whose engine does not answer says so and does not start", async (t) => {
    const dataDir = temporaryFolder(t);
    const runtimes = join(podman.folder, "runtimes.json");
    writeFileSync(runtimes, manifestOf(IMAGE));
    const flags = [
      "invoker.factory=docker",
      "invoker.docker.socket=/tmp/no.sock",
      `invoker.docker.runtimes=${runtimes}`,
    ];
    const starting = Platform.start({ dataDir, flags: flags.flatMap((flag) => ["--set", flag]) });
    await assert.rejects(starting, /the container engine at \/tmp\/no\.sock could not list containers: connect ENOENT/);
  });
});
