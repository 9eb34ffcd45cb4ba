import { randomBytes, randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";

const SYSTEM_PREFIX = "sid_";
const ACCEPTABLE = /^[\x21-\x7e]{1,256}$/;

const RANDOM_BYTES = 16;
const POOL_IDS = 512;

/** The name of something that never became a request. */
export function strayTransactionId(): string {
  return randomBytes(RANDOM_BYTES).toString("hex");
}

/**
 * Names requests in answers and logs: by the caller's `x-request-id`, unless it poses as the platform's own or would not fit a log
 * line; else by 32 characters at random. Random bytes are drawn in bulk, as one draw costs as much as a hundred.
 */
export function transactionIds(): (request: IncomingMessage) => string {
  const pool = Buffer.alloc(RANDOM_BYTES * POOL_IDS);
  let used = pool.length;
  return (request) => {
    const given = request.headers["x-request-id"];
    if (typeof given === "string" && !given.startsWith(SYSTEM_PREFIX) && ACCEPTABLE.test(given)) return given;
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += RANDOM_BYTES;
    return pool.toString("hex", used - RANDOM_BYTES, used);
  };
}
