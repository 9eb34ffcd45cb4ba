/** From code to a file that can be executed. */
import type * as Fs from "node:fs";
import type * as Path from "node:path";
import type { Archive } from "../nodejs/archive.cts";

const { chmodSync, mkdirSync, statSync, writeFileSync } = require("node:fs") as typeof Fs;
const paths = require("node:path") as typeof Path;

/** An action's code as init brings it. */
interface Code {
  /** A script, or base64. */
  readonly text: string;
  readonly binary: boolean;
  /** The container's folder: code goes below it. */
  readonly folder: string;
}

/** In a zip, and of anything else: the Go proxy's name. */
const NAME = "exec";
const ZIP = "PK";
const SCRIPT = "#!";
/** How executables begin: ELF, and Mach-O of one machine or of several. Anything else the shell would be asked to make sense of. */
const EXECUTABLE = /^(?:#!|\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe)/;

/** Writes the code down and gives the path of its executable. Rejects with words for the log. */
async function writeCode({ text, binary, folder }: Code): Promise<string> {
  const target = paths.join(folder, "action");
  const file = paths.join(target, NAME);
  const bytes = Buffer.from(text, binary ? "base64" : "utf8");
  mkdirSync(target, { recursive: true });
  if (binary && bytes.toString("latin1", 0, 2) === ZIP) {
    // Costs nothing to those who need no archive.
    const { unpack } = require("./archive.cjs") as Archive;
    await unpack(bytes, target);
    if (!isFile(file)) throw new Error(`Zip file does not include ${NAME} at the root.`);
  } else {
    if (!binary && !text.startsWith(SCRIPT)) {
      throw new Error(
        "Source without a #! line: nothing here compiles; deploy an executable, or a zip with exec in it.",
      );
    }
    if (!EXECUTABLE.test(bytes.toString("latin1", 0, 4))) {
      throw new Error("The code is no zip archive, no script with a #! line and no executable.");
    }
    writeFileSync(file, bytes);
  }
  // Archives from elsewhere may have lost the mode.
  chmodSync(file, 0o755);
  return file;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

const code = { writeCode };
module.exports = code;
export type CodeFiles = typeof code;
export type { Code };
