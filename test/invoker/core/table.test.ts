import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InvariantError } from "../../../src/kernel/errors.ts";
import { asId } from "../../../src/kernel/ids.ts";
import { type ContainerEvent, type StateKind, TRANSITIONS } from "../../../src/invoker/core/container.ts";
import { World, containerId } from "./world.ts";

const STATES = Object.keys(TRANSITIONS) as StateKind[];
const EVENTS = Object.keys(TRANSITIONS.gone) as ContainerEvent[];

function cell(state: StateKind, event: ContainerEvent): string {
  const verdict = TRANSITIONS[state][event];
  if (typeof verdict !== "string") return verdict.join(", ");
  return verdict === "late" ? "late" : "";
}

test("docs/protocols/pool.md shows the machine as it is", () => {
  const page = readFileSync(new URL("../../../docs/protocols/pool.md", import.meta.url), "utf8");
  const rows = EVENTS.map((event) => `| ${event} | ${STATES.map((state) => cell(state, event)).join(" | ")} |`);
  const table = [`| event | ${STATES.join(" | ")} |`, `|${"---|".repeat(STATES.length + 1)}`, ...rows].join("\n");
  assert.ok(page.includes(table), `the table should be:\n${table}`);
});

test("every state but gone is left in some way, and every event means something somewhere", () => {
  for (const state of STATES.filter((one) => one !== "gone")) {
    assert.ok(EVENTS.some((event) => Array.isArray(TRANSITIONS[state][event])));
  }
  for (const event of EVENTS) assert.ok(STATES.some((state) => Array.isArray(TRANSITIONS[state][event])));
});

test("news that cannot be are a broken invariant, late ones are ignored", () => {
  const world = new World();
  const unknown = containerId(99);
  assert.throws(() => world.tell({ kind: "created", container: unknown }), InvariantError);
  assert.throws(() => world.tell({ kind: "removed", container: unknown }), InvariantError);
  const activation = asId<never>("0".repeat(32));
  assert.throws(() => world.tell({ kind: "ran", container: unknown, activation, healthy: true }), InvariantError);
  for (const kind of ["ended", "paused", "resumed", "settled", "pause-failed", "resume-failed"] as const) {
    assert.deepEqual(world.tell({ kind, container: unknown }), []);
  }
});
