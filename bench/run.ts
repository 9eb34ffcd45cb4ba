import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeCommit, describeMachine } from "./report/machine.ts";
import { render, type Report } from "./report/report.ts";
import { ASYNC_SIZES, measureAsync } from "./system/async.ts";
import { measureMemory, MEMORY_SIZES } from "./system/memory.ts";
import { measurePaths, PATHS_SIZES } from "./system/paths.ts";
import { measureStarts, STARTS_SIZES } from "./system/starts.ts";
import { measureStore, STORE_SIZES } from "./system/store.ts";
import { measureWarm, WARM_SIZES } from "./system/warm.ts";

type SizeName = "full" | "quick" | "tiny";

const QUESTIONS: Readonly<Record<string, (size: SizeName) => Promise<Report>>> = {
  warm: (size) => measureWarm(WARM_SIZES[size]),
  starts: (size) => measureStarts(STARTS_SIZES[size]),
  store: (size) => measureStore(STORE_SIZES[size]),
  memory: (size) => measureMemory(MEMORY_SIZES[size]),
  paths: (size) => measurePaths(PATHS_SIZES[size]),
  async: (size) => measureAsync(ASYNC_SIZES[size]),
};

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: { quick: { type: "boolean" }, tiny: { type: "boolean" }, only: { type: "string" } },
});
const size: SizeName = values.tiny === true ? "tiny" : values.quick === true ? "quick" : "full";
const chosen = values.only?.split(",") ?? Object.keys(QUESTIONS);
const unknown = chosen.filter((name) => !Object.hasOwn(QUESTIONS, name));
if (unknown.length > 0) {
  console.error(`no question ${unknown.join(", ")}; there are ${Object.keys(QUESTIONS).join(", ")}`);
  process.exit(2);
}

const machine = describeMachine();
const commit = describeCommit(root);
const startedAt = new Date();
console.log(`skein ${commit}, ${size} size, ${startedAt.toISOString()}`);
console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryMb} MB, ${machine.kernel}, node ${machine.node}`);
console.log(`load before the run: ${machine.loadBefore.toFixed(2)}`);

const reports: Report[] = [];
const failed: Record<string, string> = {};
for (const name of chosen) {
  try {
    const report = await QUESTIONS[name]?.(size);
    if (report === undefined) continue;
    reports.push(report);
    console.log(render(report));
  } catch (error) {
    // The other questions are worth their answers still; the run as a whole has failed.
    failed[name] = error instanceof Error ? error.message : String(error);
    console.error(`\n${name} FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 1;
  }
}

const results = join(root, "bench", "results");
mkdirSync(results, { recursive: true });
const stamp = startedAt.toISOString().slice(0, 19).replaceAll(":", "");
const file = join(results, `${stamp}-${commit}.json`);
const claims = reports.flatMap(({ question, claims }) => claims.map((claim) => ({ question, ...claim })));
writeFileSync(
  file,
  `${JSON.stringify({ commit, date: startedAt.toISOString(), size, machine, claims, failed, reports }, undefined, 2)}\n`,
);
const kept = claims.filter((claim) => claim.kept).length;
console.log(`\n${kept} of ${claims.length} claims hold; written to ${file.slice(root.length)}`);
