import { DockerFactory, type DockerFactorySettings } from "../../../src/invoker/factory/docker/factory.ts";
import { parseImageManifest } from "../../../src/invoker/factory/docker/runtimes-json.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { silentLog } from "../../../src/kernel/log.ts";
import { defaultOptions, type DockerFactoryOptions } from "../../../src/kernel/options/options.ts";
import { manifestOf, type Podman, ULIMITS } from "../../support/podman.ts";

/** A factory on a test's Podman, with the image that runs kind nodejs:24. */
export function factoryOn(
  podman: Podman,
  image: string,
  options: Partial<DockerFactoryOptions> & Partial<Pick<DockerFactorySettings, "invoker" | "manifest" | "log">> = {},
): DockerFactory {
  const {
    invoker = "0123456789ab",
    manifest = parseImageManifest(manifestOf(image)),
    log = silentLog,
    ...own
  } = options;
  return new DockerFactory({
    options: { ...defaultOptions().invoker.docker, socket: podman.socket, pull: "never", ulimits: ULIMITS, ...own },
    manifest,
    invoker,
    resultBytesMax: 1_048_576,
    clock: systemClock,
    log,
  });
}
