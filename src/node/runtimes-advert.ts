import type { RuntimeKind, RuntimesAdvert } from "../controller/entities/runtimes.ts";
import { advertisedRuntimes, runtimes } from "../runtimes/manifest.ts";

/** What the controller tells of the runtimes that this build brings. */
export function runtimesAdvert(): RuntimesAdvert {
  const families: Record<string, readonly RuntimeKind[]> = {};
  for (const [family, kinds] of Object.entries(advertisedRuntimes())) {
    // Clients of OpenWhisk read an image's name here; a process has none, so the kind stands for it.
    families[family] = kinds.map((kind) => ({ ...kind, image: kind.image ?? kind.kind }));
  }
  return {
    families,
    aliases: Object.assign({}, ...runtimes.map((runtime) => runtime.aliases)) as Record<string, string>,
  };
}
