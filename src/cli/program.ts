import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addClientFlags, type Finish } from "./command-flags.ts";
import type { Io } from "./io.ts";
import { SERVE_FLAGS, type ServeFlags } from "./serve-flags.ts";
import type { ClientFlags } from "./session.ts";

/**
 * The command tree. `finish` is told what the command that ran ends with. With `noun`, only that noun's verbs are defined: of the
 * time that a command takes to start, half would go into commands that were not called.
 */
export async function buildProgram(io: Io, finish: Finish, noun?: string): Promise<Command> {
  const program = new Command("skein")
    .description("an OpenWhisk-compatible serverless platform")
    .version(packageVersion(), "-V, --version")
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr, getOutHelpWidth: () => io.columns })
    .showHelpAfterError("see --help for what it takes");
  defineServing(program, io, finish);
  const wanted = (name: string): boolean => noun === undefined || noun === name || noun === "help";
  const action = program.command("action").description("functions: deploy, run and look at them");
  if (wanted("action")) (await import("./commands/action.ts")).defineAction(action, io, finish);
  const activation = program.command("activation").description("runs of actions: records, results, logs");
  if (wanted("activation")) (await import("./commands/activation.ts")).defineActivation(activation, io, finish);

  const folder = program.command("package").description("packages of actions, and bindings to them");
  if (wanted("package")) (await import("./commands/package.ts")).definePackage(folder, io, finish);
  const trigger = program.command("trigger").description("triggers: names for events, and feeds that fire them");
  if (wanted("trigger")) (await import("./commands/trigger.ts")).defineTrigger(trigger, io, finish);
  const rule = program.command("rule").description("rules: which action runs when a trigger fires");
  if (wanted("rule")) (await import("./commands/rule.ts")).defineRule(rule, io, finish);

  const user = program.command("user").description("users and their keys, for operators");
  if (wanted("user")) (await import("./commands/user.ts")).defineUser(user, io, finish);
  const limits = program.command("limits").description("limits of namespaces, for operators");
  if (wanted("limits")) (await import("./commands/limits.ts")).defineLimits(limits, io, finish);

  const namespace = program.command("namespace").description("namespaces");
  addClientFlags(namespace.command("list"))
    .description("list the namespaces of the key")
    .action(async (flags: ClientFlags) => {
      const { listNamespaces } = await import("./commands/platform.ts");
      finish(await listNamespaces(flags, io));
    });
  addClientFlags(namespace.command("get"))
    .description("list everything in the namespace")
    .action(async (flags: ClientFlags) => {
      const { showNamespace } = await import("./commands/platform.ts");
      finish(await showNamespace(flags, io));
    });
  addClientFlags(program.command("status"))
    .description("say whether the platform answers, and what it offers")
    .action(async (flags: ClientFlags) => {
      const { showStatus } = await import("./commands/platform.ts");
      finish(await showStatus(flags, io));
    });
  return program;
}

function defineServing(program: Command, io: Io, finish: Finish): void {
  addServeFlags(program.command("up"))
    .description("serve a platform until a signal stops it")
    .action(async (flags: ServeFlags) => {
      const { up } = await import("./up.ts");
      finish(await up(flags, io));
    });
  const config = program.command("config").description("options of the platform");
  addServeFlags(config.command("show"))
    .description("print every option, its value and where it comes from")
    .action(async (flags: ServeFlags) => {
      const { showConfig } = await import("./commands/config-show.ts");
      finish(showConfig(flags, io));
    });
}

function addServeFlags(command: Command): Command {
  for (const { flags, help } of SERVE_FLAGS) command.option(flags, help);
  return command
    .option("--config <file>", "options file, ./skein.yaml when it is there")
    .option("--set <path=value>", "any option (repeatable)", collectText)
    .option("--json", "print JSON and nothing else");
}

function collectText(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** Two levels up from src/cli and from dist/cli alike. */
function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  return manifest.version;
}
