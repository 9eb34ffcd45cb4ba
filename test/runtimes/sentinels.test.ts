import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { stageRuntime } from "../../src/invoker/factory/process/staging.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { type AvailableRuntime, availableRuntimes } from "../../src/runtimes/manifest.ts";
import { temporaryFolder, until } from "../invoker/process/fixture.ts";
import { programsByFamily } from "./programs.ts";

const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

for (const available of availableRuntimes()) {
  const { family, kinds } = available.manifest;
  const printing = { ...programsByFamily[family]?.printing };

  test(`${kinds[0]} ends each run's log with OpenWhisk's sentinel on both streams, unless told otherwise`, async (t) => {
    const bare = await start(t, available);
    assert.equal(await bare.post("/init", { value: { main: "main", binary: false, ...printing } }), 200);
    assert.equal(await bare.post("/run", { value: {} }), 200);
    assert.equal(await bare.post("/run", { value: {} }), 200);
    const err = `err\n${SENTINEL}\n`;
    const out = `häl\nlo\n${SENTINEL}\n`;
    await until(() => bare.printed().out.length >= out.length * 2 + 8, "sentinels on stdout");
    await until(() => bare.printed().err.length >= err.length * 2, "sentinels on stderr");
    assert.deepEqual(bare.printed(), { out: `loading\n${out}${out}`, err: `${err}${err}` });
  });

  test(`${kinds[0]} adds the mark that it was given to its sentinels`, async (t) => {
    const bare = await start(t, available);
    const value = { main: "main", binary: false, ...printing };
    assert.equal(await bare.post("/init", { value }, { "X-Skein-Sentinel": "0af1" }), 200);
    assert.equal(await bare.post("/run", { value: {} }), 200);
    await until(() => bare.printed().err.endsWith(`\n${SENTINEL} 0af1\n`), "a sentinel on stderr");
    await until(() => bare.printed().out.endsWith(`\n${SENTINEL} 0af1\n`), "a sentinel on stdout");
  });

  test(`${kinds[0]} ends a failed init's log too, and answers what is no request of its own with 400`, async (t) => {
    const bare = await start(t, available);
    const [{ code } = { code: "" }] = Object.values(programsByFamily[family]?.broken ?? {});
    assert.equal(await bare.post("/init", { value: { main: "main", binary: false, code } }), 502);
    await until(() => bare.printed().err.endsWith(`\n${SENTINEL}\n`), "a sentinel on stderr");
    await until(() => bare.printed().out === `${SENTINEL}\n`, "a sentinel on stdout");
    assert.equal(await bare.post("/other", {}), 400);
    assert.equal(await bare.post("/run", "no JSON"), 400);
  });
}

interface Bare {
  post(
    path: string,
    body: JsonObject | string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<number | undefined>;
  printed(): { readonly out: string; readonly err: string };
}

/** The runtime's process with nothing of the platform around it. */
async function start(t: { after(cleanUp: () => void): void }, { manifest, program }: AvailableRuntime): Promise<Bare> {
  const folder = temporaryFolder(t);
  const socketPath = join(folder, "s");
  const { entry } = stageRuntime(manifest.start, folder);
  const [file, ...args] = program === undefined ? [process.execPath] : [program.path, ...program.args];
  const child = spawn(file, [...args, entry], {
    cwd: folder,
    env: { PATH: process.env["PATH"], LANG: "C.UTF-8", ...manifest.start.env({ socket: socketPath, readyFd: 3 }) },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  await new Promise<unknown>((resolve) => child.stdio[3]?.once("data", resolve));
  const post: Bare["post"] = (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const text = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      const sent = { ...headers, "Content-Length": String(text.length) };
      const asked = request({ socketPath, path, method: "POST", headers: sent, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on("error", reject);
      asked.end(text);
    });
  return { post, printed: () => ({ out, err }) };
}
