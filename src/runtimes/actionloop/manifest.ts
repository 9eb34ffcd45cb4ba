import { nodejs } from "../nodejs/manifest.ts";
import type { ListenAt, RuntimeManifest } from "../manifest.ts";
import type { RuntimeEnvironment } from "./actionloop.cts";

/** Executables of any language that speak the protocol of OpenWhisk's Go, Rust, Swift and PHP runtimes. */
export const actionloop: RuntimeManifest = {
  family: "actionloop",
  description: "Native executables and scripts: JSON lines on stdin, answers on descriptor 3",
  kinds: ["actionloop:1"],
  default: "actionloop:1",
  aliases: { "actionloop:default": "actionloop:1", actionloop: "actionloop:1" },
  requireMain: false,
  image: null,
  start: {
    program: "node",
    folder: import.meta.dirname,
    // It speaks HTTP, unpacks archives and writes sentinels as that one does.
    libraries: [nodejs.start.folder],
    entry: "actionloop.cjs",
    env: environment,
    packages: nodejs.start.packages,
    actionPackages: [],
  },
  allowsConcurrency: false,
  sentinels: true,
};

function environment({ socket, readyFd }: ListenAt): Record<string, string> {
  const variables: RuntimeEnvironment = { __SKEIN_SOCKET: socket, __SKEIN_READY_FD: String(readyFd) };
  return { ...variables };
}
