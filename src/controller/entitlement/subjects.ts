import { randomInt, randomUUID } from "node:crypto";
import { PlatformError } from "../../kernel/errors.ts";
import { asId } from "../../kernel/ids.ts";
import type { Log } from "../../kernel/log.ts";
import type { SkeinOptions } from "../../kernel/options/options.ts";
import type { SubjectNamespace, SubjectStore } from "../../store/ports.ts";
import { KeyFiles } from "./key-files.ts";
import { GUEST_NAMESPACE, SYSTEM_NAMESPACE } from "./rights.ts";

const KEY_LENGTH = 64;
const KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `uuid:key` of the namespaces that an installation begins with, and the files that hold them. */
export interface DefaultSubjects {
  /** Absent once an operator has deleted it: what was deleted does not come back by a restart. */
  readonly guest?: DefaultSubject;
  readonly system: DefaultSubject;
}

export interface DefaultSubject {
  readonly authKey: string;
  /** Where it was written, readable by the owner only. */
  readonly file: string;
}

interface Deps {
  readonly subjects: SubjectStore;
  readonly options: Pick<SkeinOptions, "guestKey" | "systemKey" | "data">;
  readonly log: Log;
}

interface Wanted {
  readonly name: string;
  readonly authKey: string | undefined;
  readonly setting: string;
}

/**
 * Makes `guest` and `whisk.system` at the first start, in this order, which is what tells a first start from later ones; and writes their
 * keys below `<data>/keys`. A key that exists stays: one in the options that differs is not taken over, since clients hold the old one.
 *
 * @throws `store/unavailable`, `data/unusable`
 */
export async function ensureDefaultSubjects(deps: Deps): Promise<DefaultSubjects> {
  const { subjects, options } = deps;
  const guest: Wanted = { name: GUEST_NAMESPACE, authKey: options.guestKey, setting: "SKEIN_GUEST_KEY" };
  const system: Wanted = { name: SYSTEM_NAMESPACE, authKey: options.systemKey, setting: "SKEIN_SYSTEM_KEY" };
  const first = (await storedNamespace(subjects, SYSTEM_NAMESPACE)) === undefined;
  const deleted = !first && (await storedNamespace(subjects, GUEST_NAMESPACE)) === undefined;
  return {
    ...(deleted ? {} : { guest: await ensureSubject(deps, guest) }),
    system: await ensureSubject(deps, system),
  };
}

async function ensureSubject({ subjects, options, log }: Deps, wanted: Wanted): Promise<DefaultSubject> {
  const { name, setting } = wanted;
  const stored = (await storedNamespace(subjects, name)) ?? (await createSubject(subjects, wanted));
  const authKey = `${stored.uuid}:${stored.key}`;
  if (wanted.authKey !== undefined && wanted.authKey !== authKey) {
    log.warn({ namespace: name, setting }, "the namespace has a key already; the one in the options is not used");
  }
  return { authKey, file: await new KeyFiles(options.data.dir).write(name, authKey) };
}

async function storedNamespace(subjects: SubjectStore, name: string): Promise<SubjectNamespace | undefined> {
  const subject = await subjects.byNamespace(asId(name));
  return subject?.namespaces.find((namespace) => namespace.name === name);
}

async function createSubject(subjects: SubjectStore, { name, authKey }: Wanted): Promise<SubjectNamespace> {
  const [uuid = "", key = ""] = (authKey ?? newAuthKey()).split(":");
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
