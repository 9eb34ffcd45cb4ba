import assert from "node:assert/strict";
import { test } from "node:test";
import { BusyPoll } from "../../src/invoker/busy-poll.ts";
import { ManualClock } from "../../src/kernel/clock.ts";

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

test("the loop is kept awake while a run's answer is due, and no longer", async () => {
  const clock = new ManualClock();
  const poll = new BusyPoll({ clock, forMs: 0.2, runsMax: 1 });
  poll.enter();
  await turns(10);
  assert.equal(poll.awake, true);
  clock.advance(0.2);
  await turns(2);
  assert.equal(poll.awake, false, "a long run is waited for asleep");
  poll.leave();
});

test("it may sleep again as soon as the answer is there", async () => {
  const poll = new BusyPoll({ clock: new ManualClock(), forMs: 0.2, runsMax: 1 });
  poll.enter();
  poll.leave();
  await turns(2);
  assert.equal(poll.awake, false);
});

test("with more runs than spare cores it sleeps, so as not to hold them up", async () => {
  const poll = new BusyPoll({ clock: new ManualClock(), forMs: 0.2, runsMax: 1 });
  poll.enter();
  poll.enter();
  await turns(2);
  assert.equal(poll.awake, false);
});

test("0 never keeps it awake, nor does a machine without a spare core", () => {
  for (const options of [
    { forMs: 0, runsMax: 1 },
    { forMs: 0.2, runsMax: 0 },
  ]) {
    const poll = new BusyPoll({ clock: new ManualClock(), ...options });
    poll.enter();
    assert.equal(poll.awake, false);
  }
});
