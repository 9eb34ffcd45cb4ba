import type { Command } from "commander";
import { addSystemFlags, type Finish, wholeNumber } from "../command-flags.ts";
import type { Io } from "../io.ts";
import type { ClientFlags } from "../session.ts";
import type { CreateFlags, GetFlags, ListFlags, NamespaceFlags } from "./users.ts";

/** `skein user …`, with the words of OpenWhisk's admin tool. */
export function defineUser(command: Command, io: Io, finish: Finish): void {
  addNamespaceFlag(addSystemFlags(command.command("create <name>")), "make the key for this namespace")
    .description("create a user, or another namespace of one, and print its key")
    .option("-u, --auth-key <uuid:key>", "the user's key; random when not given")
    .option("-r, --revoke", "give a namespace that is there a new key under its uuid")
    .option("-f, --force", "give a namespace that is there the --auth-key, or another one made at random")
    .action(async (name: string, flags: CreateFlags) => {
      const { createUser } = await import("./users.ts");
      finish(await createUser(name, { flags, io }));
    });
  addNamespaceFlag(addSystemFlags(command.command("get <name>")), "the key of this namespace")
    .description("print the key of a user")
    .option("-a, --all", "every namespace of the user, with its key")
    .action(async (name: string, flags: GetFlags) => {
      const { getUser } = await import("./users.ts");
      finish(await getUser(name, { flags, io }));
    });
  addSystemFlags(command.command("whois <key>"))
    .description("say whose key it is")
    .action(async (key: string, flags: ClientFlags) => {
      const { whoisUser } = await import("./users.ts");
      finish(await whoisUser(key, { flags, io }));
    });
  addSystemFlags(command.command("list [namespace]"))
    .description("list the keys of a namespace, or all users")
    .option("-p, --pick <count>", "at most this many", wholeNumber("--pick"))
    .option("-k, --key", "the keys alone")
    .option("-a, --all", "all of them, as without --pick")
    .action(async (namespace: string | undefined, flags: ListFlags) => {
      const { listUsers } = await import("./users.ts");
      finish(await listUsers(namespace, { flags, io }));
    });
  addNamespaceFlag(addSystemFlags(command.command("delete <name>")), "only this namespace of the user")
    .description("delete a user, with all its namespaces and everything in them")
    .action(async (name: string, flags: NamespaceFlags) => {
      const { deleteUser } = await import("./users.ts");
      finish(await deleteUser(name, { flags, io }));
    });
  for (const [verb, what] of [
    ["block", "refuse the keys of users"],
    ["unblock", "take the keys of users again"],
  ] as const) {
    addSystemFlags(command.command(`${verb} <names...>`))
      .description(what)
      .action(async (names: readonly string[], flags: ClientFlags) => {
        const { blockUsers } = await import("./users.ts");
        finish(await blockUsers(names, { flags, io, blocked: verb === "block" }));
      });
  }
}

/** wskadmin's `-ns`, which the option parser cannot read, is made this one before it. */
function addNamespaceFlag(command: Command, what: string): Command {
  return command.option("--namespace <namespace>", `${what} (also -ns); the user's name when not given`);
}
