import type { Command } from "commander";
import { addSystemFlags, type Finish, wholeNumber } from "../command-flags.ts";
import { usageFailure } from "../failure.ts";
import type { Io } from "../io.ts";
import type { ClientFlags } from "../session.ts";
import type { LimitFlags } from "./limits-values.ts";

/** Flags that take a number, by the names that the API has for them. */
const NUMBERS = [
  ["invocationsPerMinute", "invocations a minute"],
  ["firesPerMinute", "firings of triggers a minute"],
  ["concurrentInvocations", "activations at the same time"],
  ["minActionTimeout", "least timeout of an action, in milliseconds"],
  ["maxActionTimeout", "longest timeout of an action, in milliseconds"],
  ["minActionMemory", "least memory of an action, in megabytes"],
  ["maxActionMemory", "most memory of an action, in megabytes"],
  ["minActionLogs", "least log of an activation, in megabytes"],
  ["maxActionLogs", "longest log of an activation, in megabytes"],
  ["minActionConcurrency", "least concurrency of an action's container"],
  ["maxActionConcurrency", "most concurrency of an action's container"],
  ["maxParameterSize", "most bytes of an entity's parameters"],
] as const;

/** `skein limits …`, with the words of OpenWhisk's admin tool. */
export function defineLimits(command: Command, io: Io, finish: Finish): void {
  const set = addSystemFlags(command.command("set <namespace>"))
    .description("set limits of a namespace; those not named stay as they are")
    .option("--allowedKinds <kinds...>", "kinds that its actions may have")
    .option("--storeActivations <yes>", "whether its activations leave records: true or false", trueOrFalse)
    .option("--enableStoreActivations", "the same as --storeActivations true")
    .option("--disableStoreActivations", "the same as --storeActivations false");
  for (const [name, what] of NUMBERS) set.option(`--${name} <count>`, what, wholeNumber(`--${name}`));
  set.action(async (namespace: string, flags: LimitFlags) => {
    const { setLimits } = await import("./limits-values.ts");
    finish(await setLimits(namespace, { flags, io }));
  });
  addSystemFlags(command.command("get <namespace>"))
    .description("print the limits that were set for a namespace")
    .action(async (namespace: string, flags: ClientFlags) => {
      const { getLimits } = await import("./limits-values.ts");
      finish(await getLimits(namespace, { flags, io }));
    });
  addSystemFlags(command.command("delete <namespace>"))
    .description("take back all limits that were set for a namespace")
    .action(async (namespace: string, flags: ClientFlags) => {
      const { deleteLimits } = await import("./limits-values.ts");
      finish(await deleteLimits(namespace, { flags, io }));
    });
}

function trueOrFalse(text: string): boolean {
  const word = text.toLowerCase();
  if (word === "true" || word === "false") return word === "true";
  throw usageFailure(`--storeActivations ${text} is neither true nor false`);
}
