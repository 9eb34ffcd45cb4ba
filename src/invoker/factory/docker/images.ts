import { PlatformError } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { DockerFactoryOptions } from "../../../kernel/options/options.ts";
import { IMAGE_LABEL } from "./creation.ts";
import type { DockerEngine } from "./engine.ts";
import type { ImageRuntime } from "./runtimes-json.ts";

/** An image that is here. */
export interface LocalImage {
  readonly ownRuntime: boolean;
}

/** Images that are known to be here at most: one for each kind, so far above any manifest. */
const KNOWN_MAX = 1000;

/**
 * Sees to it that images are on this machine. Each is looked for, and pulled as the policy says, once after the start: what the
 * registry has newer comes with a restart. Containers that want the same image wait for the same pull.
 */
export class Images {
  readonly #engine: DockerEngine;
  readonly #options: Pick<DockerFactoryOptions, "pull" | "pullMs" | "pullsMax">;
  readonly #log: Log;
  readonly #known = new Map<string, Promise<LocalImage>>();
  /** Pulls under way, and who waits for one of them to end. */
  #pulling = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: {
    readonly engine: DockerEngine;
    readonly options: Pick<DockerFactoryOptions, "pull" | "pullMs" | "pullsMax">;
    readonly log: Log;
  }) {
    this.#engine = parts.engine;
    this.#options = parts.options;
    this.#log = parts.log;
  }

  /** @throws invoker/container-failed in OpenWhisk's words when it is not here and cannot be had. */
  async get({ image, local }: Pick<ImageRuntime, "image" | "local">): Promise<LocalImage> {
    const known = this.#known.get(image);
    if (known !== undefined) return await known;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    const getting = this.#get(image, local ? "never" : this.#options.pull);
    this.#known.set(image, getting);
    try {
      return await getting;
    } catch (error) {
      // The next one tries anew.
      this.#known.delete(image);
      throw error;
    }
  }

  /** Somebody may have removed it behind our back: look again. */
  forget(image: string): void {
    this.#known.delete(image);
  }

  async #get(image: string, policy: DockerFactoryOptions["pull"]): Promise<LocalImage> {
    const found = await this.#engine.imageLabels(image);
    if (policy === "never" || (policy === "missing" && found !== undefined)) return localOf(image, found);
    try {
      await this.#pull(image);
    } catch (error) {
      // OpenWhisk's rule: a tag that stands still may as well be the one that is here; `latest` may not.
      if (found === undefined || isFloating(image)) {
        throw new PlatformError("invoker/container-failed", `Failed to pull container image '${image}'.`, {
          cause: error,
        });
      }
      this.#log.warn({ err: error, image }, "an image could not be pulled; the one that is here is taken");
      return localOf(image, found);
    }
    return localOf(image, await this.#engine.imageLabels(image));
  }

  async #pull(image: string): Promise<void> {
    if (this.#pulling >= this.#options.pullsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#pulling += 1;
    this.#log.info({ image }, "pulling an image");
    try {
      await this.#engine.pull(image, this.#options.pullMs);
    } finally {
      // The place goes to who waits longest, if anybody does.
      const next = this.#waiting.shift();
      if (next === undefined) this.#pulling -= 1;
      else next();
    }
  }
}

function localOf(image: string, labels: Readonly<Record<string, string>> | undefined): LocalImage {
  if (labels === undefined) {
    throw new PlatformError("invoker/container-failed", `container image '${image}' is not on this machine`);
  }
  return { ownRuntime: labels[IMAGE_LABEL] !== undefined };
}

/** True for a tag that moves: `latest`, said or meant. */
export function isFloating(image: string): boolean {
  const name = image.slice(image.lastIndexOf("/") + 1);
  return !name.includes("@") && (!name.includes(":") || name.endsWith(":latest"));
}
