import type { Command } from "commander";
import { addAnnotationFlag, addClientFlags, addListFlags, addParameterFlags, type Finish } from "../command-flags.ts";
import type { Io } from "../io.ts";
import type { ClientFlags } from "../session.ts";
import type { ListFlags } from "./action-entities.ts";
import type { TriggerFlags } from "./triggers.ts";

/** `skein trigger …`. */
export function defineTrigger(command: Command, io: Io, finish: Finish): void {
  addTriggerFlags(addClientFlags(command.command("create <name>")))
    .description("create a trigger; with --feed, one that a feed fires")
    .option("--feed <action>", "the feed action, e.g. /whisk.system/alarms/alarm; parameters go to it")
    .action(async (name: string, flags: TriggerFlags) => {
      const { createTrigger } = await import("./triggers.ts");
      finish(await createTrigger(name, { flags, io }));
    });
  addTriggerFlags(addClientFlags(command.command("update <name>")))
    .description("change a trigger; parameters of one with a feed go to the feed")
    .action(async (name: string, flags: TriggerFlags) => {
      const { updateTrigger } = await import("./triggers.ts");
      finish(await updateTrigger(name, { flags, io }));
    });
  addParameterFlags(addClientFlags(command.command("fire <name>")))
    .description("fire a trigger: its active rules run their actions")
    .action(async (name: string, flags: TriggerFlags) => {
      const { fireTrigger } = await import("./triggers.ts");
      finish(await fireTrigger(name, { flags, io }));
    });
  addListFlags(addClientFlags(command.command("list [place]")))
    .description("list the triggers of the namespace")
    .action(async (place: string | undefined, flags: ListFlags) => {
      const { listTriggers } = await import("./triggers.ts");
      finish(await listTriggers(place, { flags, io }));
    });
  addClientFlags(command.command("get <name>"))
    .description("show a trigger, its rules, and what its feed says of it")
    .action(async (name: string, flags: ClientFlags) => {
      const { getTrigger } = await import("./triggers.ts");
      finish(await getTrigger(name, { flags, io }));
    });
  addClientFlags(command.command("delete <name>"))
    .description("delete a trigger, and tell its feed")
    .action(async (name: string, flags: ClientFlags) => {
      const { deleteTrigger } = await import("./triggers.ts");
      finish(await deleteTrigger(name, { flags, io }));
    });
}

function addTriggerFlags(command: Command): Command {
  return addAnnotationFlag(addParameterFlags(command));
}
