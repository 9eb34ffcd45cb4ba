import type { Command } from "commander";
import type { ExitCode } from "./exit-codes.ts";
import { usageFailure } from "./failure.ts";
import { collectPair } from "./parameters.ts";

/** Takes the exit code of the command that ran. */
export type Finish = (code: ExitCode) => void;

/** The flags of every command that talks to a platform. */
export function addClientFlags(command: Command): Command {
  return command
    .option("--apihost <url>", "where the platform is")
    .option("-u, --auth <uuid:key>", "the key to use")
    .option("-i, --insecure", "accept any TLS certificate")
    .option("--json", "print JSON and nothing else");
}

/** The same for a command that administers: `-u` is a user's key there, as wskadmin has it. */
export function addSystemFlags(command: Command): Command {
  return command
    .option("--apihost <url>", "where the platform is")
    .option("--auth <uuid:key>", "the key of whisk.system")
    .option("-i, --insecure", "accept any TLS certificate")
    .option("--json", "print JSON and nothing else");
}

/** The flags that give parameters. */
export function addParameterFlags(command: Command): Command {
  return command
    .option("-p, --param <key value>", "a parameter; JSON where it is JSON, else text (repeatable)", collectPair)
    .option("--param-text <key file>", "a parameter with a file's text as its value (repeatable)", collectPair)
    .option("-P, --param-file <file>", "parameters from a JSON file, - for standard input");
}

/** The flag that gives annotations. */
export function addAnnotationFlag(command: Command): Command {
  return command.option("-a, --annotation <key value>", "an annotation (repeatable)", collectPair);
}

/** The flags of every list. */
export function addListFlags(command: Command): Command {
  return command
    .option("--limit <count>", "at most this many, 30 when not given; 0 means 200", wholeNumber("--limit"))
    .option("--skip <count>", "leave out the first ones", wholeNumber("--skip"));
}

/** A parser of whole numbers from 0 that says which flag it was. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (!/^\d{1,15}$/.test(text)) throw usageFailure(`${flag} ${text} is not a whole number from 0`);
    return Number(text);
  };
}
