import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { WakeHeap } from "../../../src/controller/core/alarm-heap.ts";

interface Item {
  readonly wakeAt: number;
  live: boolean;
}

test("property: a heap gives what is live, earliest first, and nothing before its time", () => {
  const commands = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("push" as const), wakeAt: fc.nat({ max: 50 }) }),
      fc.record({ kind: fc.constant("take" as const), now: fc.nat({ max: 60 }) }),
      fc.record({ kind: fc.constant("kill" as const), which: fc.nat() }),
      fc.record({ kind: fc.constant("sweep" as const) }),
    ),
    { maxLength: 200, size: "max" },
  );
  fc.assert(
    fc.property(commands, (list) => {
      const heap = new WakeHeap<Item>((item) => item.live);
      const all: Item[] = [];
      const earliest = (): number | undefined =>
        all
          .filter((item) => item.live)
          .reduce<number | undefined>((least, { wakeAt }) => Math.min(least ?? wakeAt, wakeAt), undefined);
      for (const command of list) {
        if (command.kind === "push") {
          const item = { wakeAt: command.wakeAt, live: true };
          all.push(item);
          heap.push(item);
        } else if (command.kind === "kill") {
          const item = all[command.which % Math.max(1, all.length)];
          if (item !== undefined) item.live = false;
        } else if (command.kind === "sweep") {
          heap.sweep();
          assert.equal(heap.size, all.filter((item) => item.live).length);
        } else {
          const expected = earliest();
          const taken = heap.take(command.now);
          assert.equal(taken?.wakeAt, expected !== undefined && expected <= command.now ? expected : undefined);
          if (taken !== undefined) taken.live = false;
        }
        assert.equal(heap.peek()?.wakeAt, earliest());
      }
    }),
    { numRuns: 200 },
  );
});
