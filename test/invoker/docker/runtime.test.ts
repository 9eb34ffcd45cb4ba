import { after, before, describe } from "node:test";
import type { DockerFactory } from "../../../src/invoker/factory/docker/factory.ts";
import { type MakeContainer, testRuntime } from "../../runtimes/conformance.ts";
import { nodejsPrograms } from "../../runtimes/programs.ts";
import { needsPodman, Podman } from "../../support/podman.ts";
import { containerId } from "../process/fixture.ts";
import { factoryOn } from "./fixture.ts";

/** The first process of a container is immune to its own SIGKILL. */
const PROGRAMS = {
  ...nodejsPrograms,
  killing: { code: "function main() { process.abort(); }" },
};
const IMAGE = "localhost/nodejs:1";

describe("the docker factory on Podman", { skip: needsPodman }, () => {
  let podman: Podman;
  let factory: DockerFactory;

  before(async () => {
    podman = await Podman.start();
    podman.nodejsImage(IMAGE);
    factory = factoryOn(podman, IMAGE);
  });
  after(async () => {
    await factory.close();
    await podman.close();
  });

  const make: MakeContainer = async (t, { env = {} } = {}) => {
    const container = await factory.create({ id: containerId(), kind: "nodejs:24", memoryMb: 256, env });
    t.after(() => container.destroy());
    return container;
  };
  testRuntime("nodejs:24 in an image", make, PROGRAMS);
});
