import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { chmod, mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../../kernel/errors.ts";
import { asId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { SkeinOptions } from "../../kernel/options/options.ts";
import type { SubjectNamespace, SubjectStore } from "../../store/ports.ts";
import { SYSTEM_NAMESPACE } from "./rights.ts";

const KEY_LENGTH = 64;
const KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `uuid:key` of the two namespaces every installation has, and the files that hold them. */
export interface DefaultSubjects {
  readonly guest: DefaultSubject;
  readonly system: DefaultSubject;
}

export interface DefaultSubject {
  readonly authKey: string;
  /** Where it was written, readable by the owner only. */
  readonly file: string;
}

/**
 * Makes `guest` and `whisk.system` at the first start, and writes their keys below `<data>/keys` where nobody else may read them.
 * A key that exists stays: one in the options that differs is not taken over, since clients hold the old one.
 *
 * @throws `store/unavailable`, `data/unusable`
 */
export async function ensureDefaultSubjects(deps: {
  readonly subjects: SubjectStore;
  readonly options: Pick<SkeinOptions, "guestKey" | "systemKey" | "data">;
  readonly log: Log;
}): Promise<DefaultSubjects> {
  const { options } = deps;
  return {
    guest: await ensureSubject(deps, { name: "guest", wanted: options.guestKey, setting: "SKEIN_GUEST_KEY" }),
    system: await ensureSubject(deps, {
      name: SYSTEM_NAMESPACE,
      wanted: options.systemKey,
      setting: "SKEIN_SYSTEM_KEY",
    }),
  };
}

interface Wanted {
  readonly name: string;
  readonly wanted: string | undefined;
  readonly setting: string;
}

async function ensureSubject(
  deps: { readonly subjects: SubjectStore; readonly options: Pick<SkeinOptions, "data">; readonly log: Log },
  { name, wanted, setting }: Wanted,
): Promise<DefaultSubject> {
  const stored = (await storedNamespace(deps.subjects, name)) ?? (await createSubject(deps.subjects, name, wanted));
  const authKey = `${stored.uuid}:${stored.key}`;
  if (wanted !== undefined && wanted !== authKey) {
    deps.log.warn({ namespace: name, setting }, "the namespace has a key already; the one in the options is not used");
  }
  const file = await writeKeyFile(join(deps.options.data.dir, "keys"), name, `${authKey}\n`);
  return { authKey, file };
}

async function storedNamespace(subjects: SubjectStore, name: string): Promise<SubjectNamespace | undefined> {
  const subject = await subjects.byNamespace(asId(name));
  return subject?.namespaces.find((namespace) => namespace.name === name);
}

async function createSubject(
  subjects: SubjectStore,
  name: string,
  wanted: string | undefined,
): Promise<SubjectNamespace> {
  const [uuid = "", key = ""] = (wanted ?? newAuthKey()).split(":");
  const namespace: SubjectNamespace = { name: asId(name), uuid, key };
  const result = await subjects.put({ subject: name, namespaces: [namespace], blocked: false }, "absent");
  if (result.kind === "ok") return namespace;
  // Another process on the same store was first, or the wished-for uuid is somebody else's.
  const stored = await storedNamespace(subjects, name);
  if (stored !== undefined) return stored;
  throw new PlatformError("options/invalid", `the key for namespace ${name} belongs to another namespace`);
}

/** A new `uuid:key`, fit to be kept secret. */
export function newAuthKey(): string {
  let key = "";
  for (let i = 0; i < KEY_LENGTH; i += 1) key += KEY_ALPHABET.charAt(randomInt(KEY_ALPHABET.length));
  return `${randomUUID()}:${key}`;
}

/** Writes the file whole or not at all, unless it says the same already. */
async function writeKeyFile(dir: string, name: string, content: string): Promise<string> {
  const file = join(dir, name);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if ((await readFile(file, "utf8").catch(() => undefined)) === content) {
      await chmod(file, 0o600);
      return file;
    }
    const draft = `${file}.${randomBytes(6).toString("hex")}`;
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
    return file;
  } catch (error) {
    throw new PlatformError("data/unusable", `cannot write ${file}`, { cause: error });
  }
}
