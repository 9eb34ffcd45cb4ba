// The metronome of open-loop slices, on a thread of its own. Timers of the event loop are a millisecond coarse, and a loop that spins
// would take a core from what is measured; a futex with a timeout is tens of microseconds exact and sleeps in between.
import { parentPort, workerData } from "node:worker_threads";

const { intervalMs } = workerData as { readonly intervalMs: number };
const never = new Int32Array(new SharedArrayBuffer(4));

if (parentPort === null) throw new Error("pace.ts runs as a worker thread");
const beatTo = parentPort;

// The first beat says "the clock runs"; each other says "look what is due". It beats until the slice is over and terminates it.
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
beatTo.postMessage(0);
const startedAt = performance.now();
for (let beat = 1; ;) {
  const waitMs = startedAt + beat * intervalMs - performance.now();
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
  // A beat that was missed is made up for by the next: whoever listens sends everything that is due.
  beat = Math.max(beat + 1, Math.floor((performance.now() - startedAt) / intervalMs));
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  beatTo.postMessage(beat);
}
