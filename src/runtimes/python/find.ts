import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import type { FoundProgram } from "../manifest.ts";

/** What the runtime's files are written for. */
const MINOR_MIN = 8;
/** The earliest 3 that OpenWhisk had a kind for. */
const ALIAS_FROM = 6;
/** Chosen: an interpreter says its version in some 15 ms, on a busy machine in ten times as many. */
const ASK_MS = 5000;
/** Looked at after the path, since a service's may be short. */
const FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin"];
/** Prints what it is; fails when it lacks what the runtime needs (Debian's minimal Python lacks modules). */
const ASK = `
import json, select, socket, sys, zipfile, zlib
print(json.dumps([sys.implementation.name, sys.executable, *sys.version_info[:3]]))`;

/**
 * A CPython 3 that containers can run: the first in the path, then in the usual folders. As root, containers have users of their own,
 * so one that lies in somebody's home (pyenv) is passed over.
 */
export function findPython(
  path: string = process.env["PATH"] ?? "",
  ownUsers: boolean = process.getuid?.() === 0,
): FoundProgram | undefined {
  const folders = new Set([...path.split(delimiter).filter(isAbsolute), ...FOLDERS]);
  for (const folder of folders) {
    const file = join(folder, "python3");
    if (isExecutable(file, ownUsers)) {
      const found = ask(file, ownUsers);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function ask(file: string, ownUsers: boolean): FoundProgram | undefined {
  // Isolated: neither variables nor the folder we are in change what it says.
  const { status, stdout } = spawnSync(file, ["-I", "-B", "-c", ASK], { encoding: "utf8", timeout: ASK_MS, cwd: "/" });
  if (status !== 0) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(stdout);
  } catch {
    // Something else by that name.
    return undefined;
  }
  const [name, executable, major, minor, patch] = said as [string, string, number, number, number];
  if (name !== "cpython" || major !== 3 || minor < MINOR_MIN || !isExecutable(executable, ownUsers)) return undefined;
  const earlier = Array.from({ length: minor - ALIAS_FROM + 1 }, (_, i) => `python:3.${ALIAS_FROM + i}`);
  return {
    // Itself rather than the shim or wrapper that the path led to: those cost each start some milliseconds.
    path: executable,
    args: ["-B"],
    version: `${major}.${minor}.${patch}`,
    aliases: Object.fromEntries(earlier.map((alias) => [alias, "python:3"])),
  };
}

/** By anybody, when containers are other users. Access lists are not looked at. */
function isExecutable(file: string, byAll: boolean): boolean {
  try {
    accessSync(file, constants.X_OK);
    return !byAll || isOpen(realpathSync(file));
  } catch {
    return false;
  }
}

/** True when a user who owns nothing may read and run the file, and pass through the folders above it. */
function isOpen(path: string): boolean {
  const { mode } = statSync(path);
  const needed = statSync(path).isDirectory() ? 0o001 : 0o005;
  if ((mode & needed) !== needed) return false;
  return path === dirname(path) || isOpen(dirname(path));
}
