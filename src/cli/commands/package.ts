import type { Command } from "commander";
import { addAnnotationFlag, addClientFlags, addListFlags, addParameterFlags, type Finish } from "../command-flags.ts";
import type { Io } from "../io.ts";
import type { ClientFlags } from "../session.ts";
import type { ListFlags } from "./action-entities.ts";
import type { PackageFlags } from "./packages.ts";

/** `skein package …`. */
export function definePackage(command: Command, io: Io, finish: Finish): void {
  for (const verb of ["create", "update"] as const) {
    addPackageFlags(addClientFlags(command.command(`${verb} <name>`)))
      .description(`${verb} a package`)
      .option("--shared [yes]", "whether other namespaces may use it: yes or no")
      .action(async (name: string, flags: PackageFlags) => {
        const { putPackage } = await import("./packages.ts");
        finish(await putPackage(name, { flags, io, overwrite: verb === "update" }));
      });
  }
  addPackageFlags(addClientFlags(command.command("bind <package> <name>")))
    .description("give another package a name of one's own, with parameters of one's own")
    .action(async (provider: string, name: string, flags: PackageFlags) => {
      const { bindPackage } = await import("./packages.ts");
      finish(await bindPackage(provider, name, { flags, io }));
    });
  addListFlags(addClientFlags(command.command("list [place]")))
    .description("list the packages of the namespace, or the public ones of /namespace")
    .action(async (place: string | undefined, flags: ListFlags) => {
      const { listPackages } = await import("./packages.ts");
      finish(await listPackages(place, { flags, io }));
    });
  addClientFlags(command.command("get <name>"))
    .description("show a package and what is in it")
    .action(async (name: string, flags: ClientFlags) => {
      const { getPackage } = await import("./packages.ts");
      finish(await getPackage(name, { flags, io }));
    });
  addClientFlags(command.command("delete <name>"))
    .description("delete a package")
    .option("--force", "with everything in it")
    .action(async (name: string, flags: ClientFlags & { readonly force?: boolean }) => {
      const { deletePackage } = await import("./packages.ts");
      finish(await deletePackage(name, { flags, io }));
    });
}

function addPackageFlags(command: Command): Command {
  return addAnnotationFlag(addParameterFlags(command));
}
