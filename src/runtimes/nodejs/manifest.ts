import type { ListenAt, RuntimeManifest } from "../manifest.ts";
import type { RuntimeEnvironment } from "./main.cts";

/** Node.js. One runtime serves all its kinds: what ran on 20 and 22 runs on 24. */
export const nodejs: RuntimeManifest = {
  family: "nodejs",
  description: "Node.js 24, with the openwhisk package at hand",
  kinds: ["nodejs:24", "nodejs:22", "nodejs:20"],
  default: "nodejs:24",
  aliases: { "nodejs:default": "nodejs:24" },
  requireMain: false,
  image: null,
  start: {
    program: "node",
    folder: import.meta.dirname,
    libraries: [],
    entry: "main.cjs",
    env: environment,
    packages: ["yauzl"],
    actionPackages: ["openwhisk"],
  },
  allowsConcurrency: true,
  sentinels: true,
};

function environment({ socket, readyFd }: ListenAt): Record<string, string> {
  const variables: RuntimeEnvironment = { __SKEIN_SOCKET: socket, __SKEIN_READY_FD: String(readyFd) };
  return { ...variables };
}
