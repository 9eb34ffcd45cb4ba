import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Platform, temporaryFolder } from "../support/platform.ts";

const CERT = fileURLToPath(new URL("../fixtures/tls/cert.pem", import.meta.url));
const KEY = fileURLToPath(new URL("../fixtures/tls/key.pem", import.meta.url));

function get(url: string, ca: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ca, timeout: 10_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => (text += part));
      answer.on("end", () => resolve({ status: answer.statusCode, text }));
    });
    call.on("error", reject);
    call.end();
  });
}

test("with a certificate it serves HTTPS, and nothing else on that port", async (t) => {
  const dataDir = temporaryFolder(t);
  const flags = ["--tls-cert", CERT, "--tls-key", KEY];
  const platform = await Platform.start({ dataDir, flags });
  const port = new URL(platform.url).port;
  assert.match(platform.url, /^https:/);
  assert.deepEqual(await get(`https://127.0.0.1:${port}/ping`, readFileSync(CERT, "utf8")), {
    status: 200,
    text: "pong",
  });
  await assert.rejects(fetch(`http://127.0.0.1:${port}/ping`, { signal: AbortSignal.timeout(10_000) }));
  assert.equal(await platform.stop(), 0);
});
