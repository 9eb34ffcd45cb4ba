import { PlatformError } from "../../kernel/errors.ts";
import { asId, entityNameFault, type Namespace } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { AUTH_KEY } from "../../kernel/options/options.ts";
import type { Subject, SubjectNamespace, SubjectStore } from "../../store/ports.ts";
import type { LimitOverrides } from "./limits.ts";
import { type EraserDeps, type Erased, eraseNamespace } from "./namespace-eraser.ts";
import { SYSTEM_NAMESPACE } from "./rights.ts";
import { newAuthKey } from "./subjects.ts";

/** OpenWhisk's rule. */
const SUBJECT_LENGTH_MIN = 5;
/** Writers of one subject are few: whoever loses this often meets something else. */
const TRIES = 5;

/** What a creation asks for. */
export interface SubjectPut {
  /** The namespace to make; one of the subject's own name when absent. */
  readonly namespace?: string;
  /** `uuid:key`; random when absent. */
  readonly auth?: string;
  /** Give an existing namespace a new key: the old one is worth nothing from now on. */
  readonly revoke?: boolean;
  /** Let `auth` take the place of an existing key. */
  readonly force?: boolean;
}

/** Who a key is. */
export interface Whois {
  readonly subject: string;
  readonly namespace: Namespace;
}

/** A subject with one of its namespaces. */
export interface SubjectKey extends Whois {
  readonly auth: string;
}

/**
 * Users as operators see them: what OpenWhisk's admin tool does. Every write is seen by the next request of this process, and by other
 * processes when their change feed brings it.
 */
export class SubjectAdmin {
  readonly #subjects: SubjectStore;
  readonly #eraser: EraserDeps;
  readonly #onWrite: () => void;

  /** `onWrite` is called after every write, before it is acknowledged: whoever caches identities forgets them. */
  constructor(deps: { readonly subjects: SubjectStore; readonly eraser: EraserDeps; readonly onWrite: () => void }) {
    this.#subjects = deps.subjects;
    this.#eraser = deps.eraser;
    this.#onWrite = deps.onWrite;
  }

  /**
   * Makes a subject, or a namespace of one that is there, or gives one a new key; tells the key.
   *
   * @throws `request/malformed`, `entity/conflict` where it exists or its uuid is taken, `auth/forbidden` for a blocked subject
   */
  async create(name: string, put: SubjectPut): Promise<SubjectKey> {
    const namespace = namespaceOf(put.namespace ?? name);
    requireSubjectName(name);
    if (put.auth !== undefined && !AUTH_KEY.test(put.auth)) {
      throw malformed("authorization must be `uuid:key`: a UUID in lower case, a colon, 64 letters or digits");
    }
    return await this.#change(name, async (old) => {
      if (old?.blocked === true) throw new PlatformError("auth/forbidden", `the subject ${name} is blocked`);
      const held = old?.namespaces.find((one) => one.name === namespace);
      const auth = keyFor(held, put);
      const [uuid = "", key = ""] = auth.split(":");
      const made: SubjectNamespace = { name: namespace, uuid, key, ...limitsOf(held) };
      const namespaces = [...(old?.namespaces ?? []).filter((one) => one.name !== namespace), made];
      return { next: { namespaces, blocked: false }, answer: { subject: name, namespace, auth } };
    });
  }

  /** @throws `entity/not-found` */
  async get(name: string): Promise<Subject> {
    const subject = await this.#subjects.get(name);
    if (subject === undefined) throw missing(`there is no subject ${name}`);
    return subject;
  }

  /** Who has a key. @throws `entity/not-found` */
  async whois(auth: string): Promise<Whois> {
    const [uuid = "", key] = auth.split(":");
    const subject = await this.#subjects.byUuid(uuid);
    const held = subject?.namespaces.find((one) => one.uuid === uuid && one.key === key);
    if (subject === undefined || held === undefined) throw missing("subject id is not recognized");
    return { subject: subject.subject, namespace: held.name };
  }

  /** The keys of a namespace. @throws `entity/not-found` */
  async keysOf(namespace: string): Promise<readonly SubjectKey[]> {
    const { subject, held } = await this.#holder(namespace);
    return [{ subject: subject.subject, namespace: held.name, auth: `${held.uuid}:${held.key}` }];
  }

  /** Subjects by name, after `after`. */
  list(after: string | undefined, limit: number): Promise<readonly Subject[]> {
    return this.#subjects.list(after, limit);
  }

  /** Lets nobody in with the subject's keys any more, or again. @throws `entity/not-found` */
  async setBlocked(name: string, blocked: boolean): Promise<void> {
    requireNotSystem(name);
    await this.#change(name, async (old) => {
      if (old === undefined) throw missing(`there is no subject ${name}`);
      return { next: { namespaces: old.namespaces, blocked }, answer: undefined };
    });
  }

  /**
   * Deletes a subject with all its namespaces and everything in them, or one namespace of it. The doors are closed first, the subject goes
   * last: a deletion that was cut short is finished by asking again.
   *
   * @throws `entity/not-found`
   */
  async remove(name: string, only?: string): Promise<Erased> {
    requireNotSystem(name);
    const subject = await this.get(name);
    const going = only === undefined ? subject.namespaces : subject.namespaces.filter((one) => one.name === only);
    if (only !== undefined && going.length === 0) throw missing(`subject ${name} has no namespace ${only}`);
    const all = going.length === subject.namespaces.length;
    if (all) await this.setBlocked(name, true);
    else await this.create(name, { namespace: only ?? name, revoke: true });
    const erased = { entities: 0, records: 0 };
    for (const { name: namespace } of going) {
      const gone = await eraseNamespace(this.#eraser, namespace);
      erased.entities += gone.entities;
      erased.records += gone.records;
    }
    const left = (namespaces: readonly SubjectNamespace[]): readonly SubjectNamespace[] =>
      namespaces.filter((one) => !going.some((gone) => gone.name === one.name));
    await this.#change(name, async (old) => {
      const namespaces = left(old?.namespaces ?? []);
      return { next: namespaces.length === 0 ? undefined : { namespaces, blocked: false }, answer: undefined };
    });
    return erased;
  }

  /** What was set for a namespace; undefined when nothing was. @throws `entity/not-found` */
  async limitsOf(namespace: string): Promise<JsonObject | undefined> {
    return (await this.#holder(namespace)).held.limits;
  }

  /** Sets limits over those that were set before, or takes all back (undefined). @throws `entity/not-found` */
  async setLimits(namespace: string, limits: LimitOverrides | undefined): Promise<void> {
    const { subject } = await this.#holder(namespace);
    await this.#change(subject.subject, async (old) => {
      if (old === undefined) throw missing(`there is no namespace ${namespace}`);
      const namespaces = old.namespaces.map((one) => {
        if (one.name !== namespace) return one;
        const { limits: before, ...rest } = one;
        // Plain data throughout, but interfaces have no index signature.
        return limits === undefined ? rest : { ...rest, limits: { ...before, ...limits } as unknown as JsonObject };
      });
      return { next: { namespaces, blocked: old.blocked }, answer: undefined };
    });
  }

  async #holder(namespace: string): Promise<{ readonly subject: Subject; readonly held: SubjectNamespace }> {
    const subject = await this.#subjects.byNamespace(asId(namespace));
    const held = subject?.namespaces.find((one) => one.name === namespace);
    if (subject === undefined || held === undefined) throw missing(`there is no namespace ${namespace}`);
    return { subject, held };
  }

  /** Writes what `plan` makes of the subject as it stands (undefined deletes it), again where another writer was first. */
  async #change<Told>(
    name: string,
    plan: (old: Subject | undefined) => Promise<{
      readonly next: Pick<Subject, "namespaces" | "blocked"> | undefined;
      readonly answer: Told;
    }>,
  ): Promise<Told> {
    for (let attempt = 1; ; attempt += 1) {
      const old = await this.#subjects.get(name);
      const { next, answer } = await plan(old);
      try {
        const result = await this.#write(name, old, next);
        if (result === "ok") return answer;
        // Nobody wrote this subject in between: then what stands in the way is somebody else's uuid or namespace.
        const now = await this.#subjects.get(name);
        if (now?.revision === old?.revision)
          throw new PlatformError("entity/conflict", "the uuid or the namespace is taken");
      } finally {
        this.#onWrite();
      }
      if (attempt === TRIES) throw new PlatformError("entity/concurrent-change", `subject ${name} is being changed`);
    }
  }

  async #write(
    name: string,
    old: Subject | undefined,
    next: Pick<Subject, "namespaces" | "blocked"> | undefined,
  ): Promise<"ok" | "conflict"> {
    if (next !== undefined)
      return (await this.#subjects.put({ subject: name, ...next }, old?.revision ?? "absent")).kind;
    return old === undefined ? "ok" : (await this.#subjects.delete(name, old.revision)).kind;
  }
}

/** The key that a namespace gets. @throws `entity/conflict` where one is there and may not be replaced */
function keyFor(held: SubjectNamespace | undefined, { auth, revoke = false, force = false }: SubjectPut): string {
  if (held === undefined) return auth ?? newAuthKey();
  if (auth !== undefined && (force || revoke)) return auth;
  if (!revoke) throw new PlatformError("entity/conflict", "Namespace already exists");
  // The uuid stays: it is what usage was counted under.
  return `${held.uuid}:${newAuthKey().split(":")[1] ?? ""}`;
}

function limitsOf(held: SubjectNamespace | undefined): { readonly limits?: JsonObject } {
  return held?.limits === undefined ? {} : { limits: held.limits };
}

function requireSubjectName(name: string): void {
  if (name.length < SUBJECT_LENGTH_MIN)
    throw malformed(`Subject name must be at least ${SUBJECT_LENGTH_MIN} characters`);
  namespaceOf(name);
}

function namespaceOf(text: string): Namespace {
  const fault = entityNameFault(text);
  if (fault !== undefined) throw malformed(`${text}: ${fault}`);
  return asId(text);
}

/** The platform's own subject holds the keys that administer: without it nobody could bring it back. */
function requireNotSystem(name: string): void {
  if (name === SYSTEM_NAMESPACE)
    throw new PlatformError("auth/forbidden", `${name} can be neither blocked nor deleted`);
}

function malformed(detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The request content was malformed:\n${detail}`);
}

function missing(message: string): PlatformError<"entity/not-found"> {
  return new PlatformError("entity/not-found", message);
}
