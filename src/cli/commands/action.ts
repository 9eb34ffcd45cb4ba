import type { Command } from "commander";
import {
  addAnnotationFlag,
  addClientFlags,
  addListFlags,
  addParameterFlags,
  type Finish,
  wholeNumber,
} from "../command-flags.ts";
import type { Io } from "../io.ts";
import type { ActionFlags } from "./action-deploy.ts";
import type { GetFlags, ListFlags } from "./action-entities.ts";
import type { InvokeFlags } from "./action-invoke.ts";
import type { ClientFlags } from "../session.ts";

/** `skein action …`. Each handler is loaded when it is called, so that a command reads only its own code. */
export function defineAction(action: Command, io: Io, finish: Finish): void {
  defineWriting(action, io, finish);
  defineInvoke(action, io, finish);

  addListFlags(addClientFlags(action.command("list [place]")))
    .description("list the actions of the namespace, of /namespace, or of package/")
    .action(async (place: string | undefined, flags: ListFlags) => {
      const { listActions } = await import("./action-entities.ts");
      finish(await listActions(place, flags, io));
    });
  addClientFlags(action.command("get <name>"))
    .description("show an action")
    .option("--code", "print its code")
    .option("--save <file>", "write its code to a file")
    .option("--url", "print the URL of a web action")
    .action(async (name: string, flags: GetFlags) => {
      const { getAction } = await import("./action-entities.ts");
      finish(await getAction(name, flags, io));
    });
  addClientFlags(action.command("delete <name>"))
    .description("delete an action")
    .action(async (name: string, flags: ClientFlags) => {
      const { deleteAction } = await import("./action-entities.ts");
      finish(await deleteAction(name, flags, io));
    });
}

function defineWriting(action: Command, io: Io, finish: Finish): void {
  addActionFlags(addClientFlags(action.command("deploy <path>")))
    .description("create or replace an action from a source file, a folder or a zip")
    .option("--name <name>", "its name; the file's own without extension when not given")
    .option("--kind <kind>", "its runtime, e.g. nodejs:24")
    .option("--main <function>", "the function to call, `main` when not given")
    .action(async (path: string, flags: ActionFlags & { readonly name?: string }) => {
      const { deployAction } = await import("./action-deploy.ts");
      finish(await deployAction(path, flags, io));
    });
  addActionFlags(addClientFlags(action.command("sequence <name> <actions>")))
    .description("create or replace a sequence: actions, separated by commas, each given the result of the one before")
    .action(async (name: string, actions: string, flags: ActionFlags) => {
      const { deploySequence } = await import("./action-deploy.ts");
      finish(await deploySequence(name, actions, flags, io));
    });
  addActionFlags(addClientFlags(action.command("update <name>")))
    .description("change settings of an action, not its code")
    .action(async (name: string, flags: ActionFlags) => {
      const { updateAction } = await import("./action-deploy.ts");
      finish(await updateAction(name, flags, io));
    });
}

function defineInvoke(action: Command, io: Io, finish: Finish): void {
  addParameterFlags(addClientFlags(action.command("invoke <name>")))
    .description("run an action")
    .option("-b, --blocking", "wait until it has run, and print its record")
    .option("-r, --result", "wait until it has run, and print its result alone")
    .option("--async", "do not wait (as without --blocking and --result)")
    .option("--wait <seconds>", "wait this long at most", wholeNumber("--wait"))
    .action(async (name: string, flags: InvokeFlags) => {
      const { invokeAction } = await import("./action-invoke.ts");
      finish(await invokeAction(name, flags, io));
    });
}

function addActionFlags(command: Command): Command {
  return addAnnotationFlag(addParameterFlags(command))
    .option("-m, --memory <MB>", "memory limit", wholeNumber("--memory"))
    .option("-t, --timeout <ms>", "time limit", wholeNumber("--timeout"))
    .option("-l, --logs <MB>", "log limit", wholeNumber("--logs"))
    .option("-c, --concurrency <count>", "activations at once in one container", wholeNumber("--concurrency"))
    .option("--web [mode]", "a web action: true, raw or false")
    .option(
      "--web-secure <secret>",
      "callers of the web action must send it as X-Require-Whisk-Auth; true asks for a key",
    );
}
