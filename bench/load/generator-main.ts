// The load generator's own process: runs the jobs it is sent, one after the other, on connections it keeps per target.
import { Connection } from "./connection.ts";
import type { Job } from "./job.ts";
import { runJob } from "./run-job.ts";

const pools = new Map<number, Connection[]>();

process.on("message", (job: Job) => {
  void connectionsFor(job)
    .then((connections) => runJob(job, connections))
    .then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    );
});
process.once("disconnect", () => process.exit(0));

async function connectionsFor({ target, connections }: Job): Promise<readonly Connection[]> {
  const pool = (pools.get(target.port) ?? []).filter((connection) => connection.usable);
  pools.set(target.port, pool);
  while (pool.length < connections) pool.push(await Connection.open(target.port));
  return pool.slice(0, connections);
}
