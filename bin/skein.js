#!/usr/bin/env node
// The launcher: plain JavaScript that any Node since 20 can read. Skein itself needs Node 24 (node:sqlite, type stripping),
// which the npm package `node` brings along; `npx` and npm scripts find that one first, so the second start below is rare.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (Number(process.versions.node.split(".")[0]) < NODE_MAJOR_MIN) {
  const bundled = join(root, "node_modules", "node", "bin", "node");
  if (!existsSync(bundled) || process.env.SKEIN_RELAUNCHED === "1") {
    fail(
      `skein needs Node ${NODE_MAJOR_MIN} or newer, and this is ${process.version}`,
      "run 'npm ci' in the folder of skein: it brings its own",
    );
  }
  const child = spawnSync(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, SKEIN_RELAUNCHED: "1" },
  });
  process.exit(child.status ?? 1);
}

const main = join(root, "dist", "cli", "main.js");
if (!existsSync(main)) fail("skein is not built yet", "run 'npm run build' in its folder ('npm start' does it too)");
const { runCli } = await import(main);
process.exitCode = await runCli(process.argv.slice(2));

function fail(what, fix) {
  process.stderr.write(`skein: ${what}\n  ${fix}\n`);
  process.exit(70);
}
