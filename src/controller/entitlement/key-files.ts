import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../../kernel/errors.ts";
import { GUEST_NAMESPACE, SYSTEM_NAMESPACE } from "./rights.ts";

/** The namespaces whose keys the command line finds by itself on the platform's own machine. */
const KEPT: ReadonlySet<string> = new Set([GUEST_NAMESPACE, SYSTEM_NAMESPACE]);

/** Keys of the namespaces that every installation begins with, below `<data>/keys`, where nobody but their owner may read them. */
export class KeyFiles {
  readonly #dir: string;

  constructor(dataDir: string) {
    this.#dir = join(dataDir, "keys");
  }

  /** True for a namespace whose key has a file here. */
  keeps(namespace: string): boolean {
    return KEPT.has(namespace);
  }

  /** Writes the file whole or not at all, unless it says the same already; says where it is. @throws `data/unusable` */
  async write(namespace: string, authKey: string): Promise<string> {
    const file = join(this.#dir, namespace);
    const content = `${authKey}\n`;
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 });
      if ((await readFile(file, "utf8").catch(() => undefined)) === content) await chmod(file, 0o600);
      else await replace(file, content);
      return file;
    } catch (error) {
      throw new PlatformError("data/unusable", `cannot write ${file}`, { cause: error });
    }
  }

  /** @throws `data/unusable` */
  async remove(namespace: string): Promise<void> {
    const file = join(this.#dir, namespace);
    try {
      await rm(file, { force: true });
    } catch (error) {
      throw new PlatformError("data/unusable", `cannot remove ${file}`, { cause: error });
    }
  }
}

async function replace(file: string, content: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
