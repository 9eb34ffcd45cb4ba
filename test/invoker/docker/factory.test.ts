import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Container } from "../../../src/invoker/factory.ts";
import { engineIdOf } from "../../../src/invoker/factory/docker/creation.ts";
import type { DockerFactory } from "../../../src/invoker/factory/docker/factory.ts";
import { parseImageManifest } from "../../../src/invoker/factory/docker/runtimes-json.ts";
import type { JsonBody } from "../../support/platform.ts";
import { manifestOf, needsPodman, Podman, ULIMITS } from "../../support/podman.ts";
import { containerId, run, valueOf } from "../process/fixture.ts";
import { factoryOn } from "./fixture.ts";

const IMAGE = "localhost/nodejs:1";
const FOREIGN = "localhost/foreign:1";
const LOGS = { bytesMax: 1_048_576, waitMs: 2000 };

/**
 * A runtime as OpenWhisk's are: node:http on port 8080, plain sentinels, idle connections closed after 5 seconds. `mute` prints no
 * sentinels, `deaf` never listens, `dead` ends at once.
 */
const FOREIGN_RUNTIME = `
const how = process.argv[2];
if (how === "dead") { console.error("no such thing"); process.exit(3); }
if (how === "deaf") setInterval(() => {}, 1000);
else require("node:http").createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    const { value } = JSON.parse(body);
    const answer = request.url === "/init" ? {} : { got: value, connection: request.headers.connection, env: process.env.__OW_API_HOST };
    if (request.url === "/run") console.log("ran " + JSON.stringify(value));
    const json = JSON.stringify(answer);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(json) });
    response.end(json);
    if (how === "plain" && request.url === "/run") {
      console.log("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX");
      console.error("XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX");
    }
  });
}).listen(8080);
`;

describe("the docker factory", { skip: needsPodman }, () => {
  let podman: Podman;
  let factory: DockerFactory;

  before(async () => {
    podman = await Podman.start();
    podman.nodejsImage(IMAGE);
    for (const how of ["plain", "mute", "deaf", "dead"]) {
      podman.image(`${FOREIGN}-${how}`, {
        files: { "main.js": FOREIGN_RUNTIME },
        changes: [`CMD ["/node","/main.js","${how}"]`],
      });
    }
    factory = factoryOn(podman, IMAGE);
  });
  after(async () => {
    await factory.close();
    await podman.close();
  });

  async function started(t: TestContext, code: string, by = factory): Promise<Container> {
    const container = await by.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
    t.after(() => container.destroy());
    const answer = await container.init({ value: { name: "a", main: "main", code, binary: false } }, 10_000);
    assert.equal(answer.kind === "answer" && answer.status, 200, JSON.stringify(answer));
    return container;
  }

  function foreign(how: string, more: Parameters<typeof factoryOn>[2] = {}, kind: object = {}): DockerFactory {
    const manifest = JSON.parse(manifestOf(`${FOREIGN}-${how}`)) as { runtimes: { nodejs: [object] } };
    Object.assign(manifest.runtimes.nodejs[0], kind);
    return factoryOn(podman, IMAGE, { ...more, manifest: parseImageManifest(JSON.stringify(manifest)) });
  }

  function inspect(container: Container): JsonBody {
    return (JSON.parse(podman.run("inspect", engineIdOf(container.descriptor))) as [JsonBody])[0];
  }

  test("a container has its limits, no capability, a name and labels that say whose it is", async (t) => {
    const container = await started(t, "function main() {}");
    const { HostConfig: host, Name: name, Config: config, EffectiveCaps: caps } = inspect(container);
    const { id } = container.descriptor;
    assert.equal(host.Memory, 128 * 1_048_576);
    assert.equal(host.MemorySwap, 128 * 1_048_576);
    assert.equal(host.PidsLimit, 1024);
    assert.equal(host.CpuShares, 512);
    assert.deepEqual(caps ?? [], []);
    assert.ok(host.SecurityOpt.includes("no-new-privileges"));
    assert.equal(name, `skein-0123456789ab-${id}-nodejs_24`);
    const { "io.skein.sentinel": mark, ...labels } = config.Labels;
    assert.match(mark, /^[0-9a-f]{32}$/);
    assert.deepEqual(
      { ...labels },
      {
        "io.skein.runtime": "nodejs",
        "io.skein.invoker": "0123456789ab",
        "io.skein.container": id,
        "io.skein.kind": "nodejs:24",
        "io.skein.memory-mb": "128",
      },
    );
  });

  test("inside, the limits hold and no capability is left", async (t) => {
    const code = `const { readFileSync } = require("node:fs");
      function main() {
        const status = readFileSync("/proc/self/status", "utf8");
        const limits = readFileSync("/proc/self/limits", "utf8");
        const field = (name) => new RegExp("^" + name + ":\\\\t(.*)$", "m").exec(status)[1];
        return { caps: field("CapEff"), noNewPrivileges: field("NoNewPrivs"), files: /Max open files +(\\d+)/.exec(limits)[1] };
      }`;
    const ulimits = [...ULIMITS.slice(1), { name: "nofile", soft: 512, hard: 512 }];
    const container = await started(t, code, factoryOn(podman, IMAGE, { ulimits }));
    const answer = await run(container);
    assert.deepEqual(valueOf(answer), { caps: "0000000000000000", noNewPrivileges: "1", files: "512" });
  });

  test("a container that takes more memory than it has ends, and its end is told as such", async (t) => {
    const container = await started(
      t,
      "const all = []; function main() { for (;;) all.push(Buffer.alloc(1048576, 1)); }",
    );
    assert.deepEqual(await run(container), { kind: "gone", reason: "out-of-memory" });
    await container.ended;
  });

  test("a paused container uses no time, and goes on where it was", async (t) => {
    const container = await started(
      t,
      "let n = 0; setInterval(() => { n += 1; }, 5); function main() { return { n }; }",
    );
    const count = async () => (valueOf(await run(container)) as { n: number }).n;
    await container.pause();
    await container.pause();
    assert.equal(inspect(container).State.Status, "paused");
    assert.deepEqual(await run(container, {}, 100), { kind: "timeout" });
    await container.resume();
    await container.resume();
    const before = await count();
    await container.pause();
    await delay(500);
    await container.resume();
    assert.ok((await count()) - before < 60, "half a second passed without it");
  });

  test("whatever it does, destroy ends and removes it, once or twice", async (t) => {
    const container = await started(t, "process.on('SIGTERM', () => {}); function main() { for (;;); }");
    const answer = run(container);
    await delay(50);
    await container.pause();
    await Promise.all([container.destroy(), container.destroy()]);
    assert.deepEqual((await answer).kind, "gone");
    await container.ended;
    assert.equal(
      (await factory.list()).find(({ id }) => id === container.descriptor.id),
      undefined,
    );
    await factory.destroy(container.descriptor);
  });

  test("an end from outside is told, and what calls it then is told gone", async (t) => {
    const container = await started(
      t,
      "process.on('SIGTERM', () => process.exit(7)); function main() { return new Promise(() => {}); }",
    );
    const answer = run(container);
    podman.run("kill", "--signal", "TERM", engineIdOf(container.descriptor));
    assert.deepEqual(await answer, { kind: "gone", reason: "exited" });
    await container.ended;
    assert.deepEqual(await run(container), { kind: "gone", reason: "exited" });
  });

  test("a successor finds its containers by their labels, no other's, and can take or destroy them", async (t) => {
    const first = factoryOn(podman, IMAGE, { invoker: "aaaaaaaaaaaa" });
    const other = factoryOn(podman, IMAGE, { invoker: "bbbbbbbbbbbb" });
    t.after(async () => await Promise.all([first.close(), other.close()]));
    const spec = { kind: "nodejs:24", memoryMb: 128, env: {} };
    const made = await first.create({ ...spec, id: containerId() });
    await first.create({ ...spec, id: containerId() });
    await made.init(
      { value: { name: "a", main: "main", code: "function main() { console.log(1); return { n: 1 }; }" } },
      5000,
    );
    await made.pause();

    const successor = factoryOn(podman, IMAGE, { invoker: "aaaaaaaaaaaa" });
    t.after(() => successor.close());
    const found = await successor.list();
    assert.equal(found.length, 2);
    assert.deepEqual(await other.list(), []);
    const descriptor = found.find(({ id }) => id === made.descriptor.id);
    assert.deepEqual(descriptor, made.descriptor);
    const kept = JSON.parse(JSON.stringify(made.descriptor)) as typeof made.descriptor;
    await assert.rejects(other.attach(kept), { code: "invoker/container-failed", message: /is no longer there/ });
    const taken = await successor.attach(kept);
    assert.deepEqual(valueOf(await run(taken)), { n: 1 });
    assert.match((await taken.logs(LOGS)).join("\n"), /^\S+ stdout: 1$/);
    for (const left of found) await successor.destroy(left);
    assert.deepEqual(await successor.list(), []);
    await assert.rejects(successor.attach(kept), { code: "invoker/container-failed" });
  });

  test("a descriptor of another factory is refused", async () => {
    const descriptor = { id: containerId(), kind: "nodejs:24", memoryMb: 128, where: { version: 1, folder: "/x" } };
    await assert.rejects(factory.destroy(descriptor), { code: "invoker/container-failed" });
  });

  test("OpenWhisk's runtimes run as they are: plain sentinels, a connection for each call", async (t) => {
    const runtimes = foreign("plain");
    t.after(() => runtimes.close());
    const env = { __OW_API_HOST: "http://here" };
    const container = await runtimes.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env });
    await container.init({ value: { code: "" } }, 5000);
    for (let i = 0; i < 3; i += 1) {
      assert.deepEqual(valueOf(await run(container, { i })), { got: { i }, connection: "close", env: "http://here" });
      assert.match((await container.logs(LOGS)).join("\n"), new RegExp(`^\\S+ stdout: ran {"i":${i}}$`));
    }
  });

  test("a runtime without sentinels has its logs all the same, each run its own", async (t) => {
    const runtimes = foreign("mute", {}, { sentinelledLogs: false });
    t.after(() => runtimes.close());
    const container = await runtimes.create({ id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} });
    await container.init({ value: { code: "" } }, 5000);
    for (let i = 0; i < 3; i += 1) {
      await run(container, { i });
      const asked = performance.now();
      if (i !== 1) assert.match((await container.logs(LOGS)).join("\n"), new RegExp(`^\\S+ stdout: ran {"i":${i}}$`));
      assert.ok(performance.now() - asked < 1000);
    }
  });

  const failures: readonly (readonly [string, () => DockerFactory, RegExp])[] = [
    ["ends at its start", () => foreign("dead"), /ended: no such thing/],
    ["never listens", () => foreign("deaf", { startMs: 700 }), /did not listen within 700 ms/],
    ["has no image", () => factoryOn(podman, "localhost/nowhere:1"), /'localhost\/nowhere:1' is not on this machine/],
    [
      "has an image that cannot be pulled",
      () => factoryOn(podman, "localhost/nowhere:1", { pull: "missing" }),
      /^Failed to pull container image 'localhost\/nowhere:1'\.$/,
    ],
    ["is to be on a network that is not there", () => factoryOn(podman, IMAGE, { network: "nowhere" }), /nowhere/],
  ];
  for (const [what, make, words] of failures) {
    test(`a container that ${what} is told, and leaves nothing`, async (t) => {
      const failing = make();
      t.after(() => failing.close());
      const before = (await failing.list()).length;
      const spec = { id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} };
      await assert.rejects(failing.create(spec), { code: "invoker/container-failed", message: words });
      assert.equal((await failing.list()).length, before);
    });
  }

  test("an id is made once, an unknown kind never, and nothing after the close, which leaves nothing", async () => {
    const own = factoryOn(podman, IMAGE, { invoker: "cccccccccccc" });
    const spec = { id: containerId(), kind: "nodejs:24", memoryMb: 128, env: {} };
    assert.deepEqual(own.kinds(), ["nodejs:24"]);
    const twice = await Promise.allSettled([own.create(spec), own.create(spec)]);
    assert.deepEqual(
      twice.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    await assert.rejects(own.create({ ...spec, kind: "cobol:60" }), { code: "invoker/kind-unavailable" });
    const late = own.create({ ...spec, id: containerId() }).catch(() => undefined);
    await own.close();
    await late;
    await own.close();
    await assert.rejects(own.create(spec), { code: "invoker/closing" });
    assert.deepEqual(await own.list(), []);
  });

  test("a container whose output the engine let go of answers what it runs, and is then not used again", async (t) => {
    const code =
      "function main({ ms }) { console.log('in'); return new Promise((ok) => setTimeout(() => ok({ ms }), ms)); }";
    const container = await started(t, code);
    let ended = false;
    void container.ended.then(() => {
      ended = true;
    });
    const answer = run(container, { ms: 3000 });
    await delay(200);
    await podman.restartService();
    await delay(500);
    assert.equal(ended, false);
    assert.deepEqual(valueOf(await answer), { ms: 3000 });
    assert.match((await container.logs(LOGS)).join("\n"), /^\S+ stdout: in$/);
    await container.ended;
  });
});
