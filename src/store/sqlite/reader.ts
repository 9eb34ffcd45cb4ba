import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../kernel/errors.ts";
import { openForLists } from "./database.ts";
import { failureOf } from "./failures.ts";
import type { ReadOp, ReadReply } from "./messages.ts";
import { Queries } from "./queries.ts";

assert(parentPort !== null, "reader.ts runs as a worker thread");
const port = parentPort;
const db = openForLists(workerData as string);
const queries = new Queries(db);

port.on("message", (message: ReadOp | "close") => {
  if (message === "close") {
    db.close();
    port.postMessage("closed");
    port.close();
    return;
  }
  port.postMessage(answer(message));
});

function answer(op: ReadOp): ReadReply {
  try {
    return queries.answer(op);
  } catch (error) {
    return failureOf(error, "read from the store");
  }
}
