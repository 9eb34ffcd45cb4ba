import type { Command } from "commander";
import { addAnnotationFlag, addClientFlags, addListFlags, type Finish } from "../command-flags.ts";
import type { Io } from "../io.ts";
import type { ClientFlags } from "../session.ts";
import type { ListFlags } from "./action-entities.ts";
import type { RuleFlags } from "./rules.ts";

/** `skein rule …`. */
export function defineRule(command: Command, io: Io, finish: Finish): void {
  for (const verb of ["create", "update"] as const) {
    addAnnotationFlag(addClientFlags(command.command(`${verb} <name> <trigger> <action>`)))
      .description(`${verb} a rule: when the trigger fires, the action runs`)
      .action(async (name: string, trigger: string, action: string, flags: RuleFlags) => {
        const { putRule } = await import("./rules.ts");
        finish(await putRule({ name, trigger, action }, { flags, io, overwrite: verb === "update" }));
      });
  }
  for (const [verb, status] of [
    ["enable", "active"],
    ["disable", "inactive"],
  ] as const) {
    addClientFlags(command.command(`${verb} <name>`))
      .description(`make a rule ${status}`)
      .action(async (name: string, flags: ClientFlags) => {
        const { setRule } = await import("./rules.ts");
        finish(await setRule(name, status, { flags, io }));
      });
  }
  addClientFlags(command.command("status <name>"))
    .description("say whether a rule is active")
    .action(async (name: string, flags: ClientFlags) => {
      const { ruleStatus } = await import("./rules.ts");
      finish(await ruleStatus(name, { flags, io }));
    });
  addListFlags(addClientFlags(command.command("list [place]")))
    .description("list the rules of the namespace")
    .action(async (place: string | undefined, flags: ListFlags) => {
      const { listRules } = await import("./rules.ts");
      finish(await listRules(place, { flags, io }));
    });
  addClientFlags(command.command("get <name>"))
    .description("show a rule")
    .action(async (name: string, flags: ClientFlags) => {
      const { getRule } = await import("./rules.ts");
      finish(await getRule(name, { flags, io }));
    });
  addClientFlags(command.command("delete <name>"))
    .description("delete a rule")
    .action(async (name: string, flags: ClientFlags) => {
      const { deleteRule } = await import("./rules.ts");
      finish(await deleteRule(name, { flags, io }));
    });
}
