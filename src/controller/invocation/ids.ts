import { randomFillSync } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { type ActivationId, activationIdOf } from "../../kernel/ids.ts";

const RANDOM_BYTES = 10;
const POOL_IDS = 512;

/** Makes activation ids: the time, then 80 unguessable bits. Random bytes are drawn in bulk, as one draw costs as much as a hundred. */
export function activationIds(clock: Clock): () => ActivationId {
  const pool = Buffer.alloc(RANDOM_BYTES * POOL_IDS);
  let used = pool.length;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.toString("hex", used, used + RANDOM_BYTES);
    used += RANDOM_BYTES;
    return activationIdOf(clock.wallMs(), random);
  };
}
