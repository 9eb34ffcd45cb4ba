import assert from "node:assert/strict";
import { test } from "node:test";
import { planRecovery, type RecoveryPlan } from "../../../src/controller/core/journal.ts";
import type { JournalState } from "../../../src/kernel/activation.ts";
import { asId, type Incarnation } from "../../../src/kernel/ids.ts";
import { messageNumber } from "../../support/messages.ts";

const me = asId<Incarnation>("me");
const dead = asId<Incarnation>("dead");

type Cell = { readonly once: RecoveryPlan["kind"]; readonly repeatable: RecoveryPlan["kind"] };
const TABLE: Record<JournalState, Cell> = {
  accepted: { once: "run", repeatable: "run" },
  dispatched: { once: "run", repeatable: "run" },
  running: { once: "lose", repeatable: "run" },
};

for (const [state, cell] of Object.entries(TABLE) as [JournalState, Cell][]) {
  test(`a dead owner's ${state} entry: ${cell.once}; annotated retry-on-loss: ${cell.repeatable}`, () => {
    assert.equal(planRecovery({ message: messageNumber(1), state, owner: dead }, me).kind, cell.once);
    const repeatable = messageNumber(1, { retryOnLoss: true });
    assert.equal(planRecovery({ message: repeatable, state, owner: dead }, me).kind, cell.repeatable);
  });

  test(`a dead owner's ${state} composition is gone on with, whatever its state`, () => {
    const { args: _, exec: _exec, limits: _limits, initEnv: _env, ...promised } = messageNumber(1);
    const message = { ...promised, composition: {} };
    assert.equal(planRecovery({ message, state, owner: dead }, me).kind, "go-on");
    assert.equal(planRecovery({ message, state, owner: me }, me).kind, "leave");
  });

  test(`one's own ${state} entry is left alone`, () => {
    assert.equal(planRecovery({ message: messageNumber(1), state, owner: me }, me).kind, "leave");
  });
}
