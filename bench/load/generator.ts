import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { keep, stopChild } from "../harness/processes.ts";
import type { Job, JobResult } from "./job.ts";

type Reply = { readonly result: JobResult } | { readonly error: string };

/** Puts servers under load from a process of its own, so that neither the bench nor a server shares its event loop. */
export class Generator {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL("generator-main.ts", import.meta.url)), {
      serialization: "advanced",
      execArgv: [],
    });
    keep(this.#child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Runs one slice. @throws when a single answer was not as expected: figures over errors are no figures. */
  async run(job: Job): Promise<JobResult> {
    const reply = await this.#ask(job);
    if ("error" in reply) throw new Error(`${job.target.name}: ${reply.error}`);
    const { result } = reply;
    if (result.failures > 0) {
      throw new Error(`${job.target.name}: ${result.failures} wrong answers, first: ${result.failureTexts.join("\n")}`);
    }
    if (result.completed === 0) throw new Error(`${job.target.name}: no answer within ${job.durationMs} ms`);
    return result;
  }

  async stop(): Promise<void> {
    await stopChild(this.#child);
  }

  #ask(job: Job): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("the load generator ended"));
      this.#child.once("exit", onExit);
      this.#child.once("message", (reply: Reply) => {
        this.#child.off("exit", onExit);
        resolve(reply);
      });
      this.#child.send(job);
    });
  }
}
