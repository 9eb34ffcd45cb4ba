import type { RuntimesAdvert } from "../controller/entities/runtimes.ts";
import { advertisedRuntimes, availableRuntimes } from "../runtimes/manifest.ts";

/** What the controller tells of the runtimes that can run here. */
export function runtimesAdvert(): RuntimesAdvert {
  return {
    families: advertisedRuntimes(),
    aliases: Object.assign({}, ...availableRuntimes().map(({ aliases }) => aliases)) as Record<string, string>,
  };
}
