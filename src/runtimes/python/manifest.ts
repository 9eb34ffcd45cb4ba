import { findPython } from "./find.ts";
import type { ListenAt, RuntimeManifest } from "../manifest.ts";

/** CPython 3, whichever the machine has. What was written for an earlier 3 runs on a later, so their kinds are names for this one. */
export const python: RuntimeManifest = {
  family: "python",
  description: "The machine's CPython 3, with its standard library",
  kinds: ["python:3"],
  default: "python:3",
  aliases: { "python:default": "python:3" },
  requireMain: false,
  image: null,
  start: {
    program: findPython,
    folder: import.meta.dirname,
    libraries: [],
    entry: "main.py",
    env: environment,
    packages: [],
    actionPackages: [],
  },
  allowsConcurrency: true,
  sentinels: true,
};

function environment({ socket, readyFd }: ListenAt): Record<string, string> {
  return { __SKEIN_SOCKET: socket, __SKEIN_READY_FD: String(readyFd) };
}
