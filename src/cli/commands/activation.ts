import type { Command } from "commander";
import { addClientFlags, addListFlags, type Finish, wholeNumber } from "../command-flags.ts";
import type { Io } from "../io.ts";
import type { PollFlags } from "./activation-poll.ts";
import type { ActivationListFlags, OneActivationFlags } from "./activations.ts";

/** `skein activation …`. */
export function defineActivation(activation: Command, io: Io, finish: Finish): void {
  addListFlags(addClientFlags(activation.command("list [action]")))
    .description("list activations, the newest first")
    .option("--since <time>", "started at this time or later: epoch milliseconds or a date")
    .option("--upto <time>", "started at this time or earlier")
    .option("--count", "print how many there are")
    .action(async (action: string | undefined, flags: ActivationListFlags) => {
      const { listActivations } = await import("./activations.ts");
      finish(await listActivations(action, flags, io));
    });
  addClientFlags(activation.command("poll [action]"))
    .description("print records and logs as activations end, until interrupted")
    .option("--since <time>", "begin with those started at this time: epoch milliseconds or a date")
    .option("--exit <seconds>", "stop after this long", wholeNumber("--exit"))
    .action(async (action: string | undefined, flags: PollFlags) => {
      const { pollActivations } = await import("./activation-poll.ts");
      finish(await pollActivations(action, flags, io));
    });
  one(activation, "get", "show a record").action(async (id: string | undefined, flags: OneActivationFlags) => {
    const { getActivation } = await import("./activations.ts");
    finish(await getActivation(id, flags, io));
  });
  one(activation, "logs", "print what it wrote").action(async (id: string | undefined, flags: OneActivationFlags) => {
    const { activationLogs } = await import("./activations.ts");
    finish(await activationLogs(id, flags, io));
  });
  one(activation, "result", "print its result").action(async (id: string | undefined, flags: OneActivationFlags) => {
    const { activationResult } = await import("./activations.ts");
    finish(await activationResult(id, flags, io));
  });
}

function one(activation: Command, verb: string, description: string): Command {
  return addClientFlags(activation.command(`${verb} [id]`))
    .description(`${description} of one activation`)
    .option("--last", "the newest activation");
}
