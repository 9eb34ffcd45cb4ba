import { PlatformError } from "../../kernel/errors.ts";
import { asId, entityNameFault, type Namespace } from "../../kernel/ids.ts";
import type { Subject, SubjectNamespace, SubjectStore } from "../../store/ports.ts";
import type { KeyFiles } from "./key-files.ts";
import { type EraserDeps, type Erased, eraseNamespace } from "./namespace-eraser.ts";
import { SYSTEM_NAMESPACE } from "./rights.ts";
import type { SubjectWriter } from "./subject-writer.ts";
import { newAuthKey } from "./subjects.ts";

/** OpenWhisk's rule. */
const SUBJECT_LENGTH_MIN = 5;
/** Chosen: each costs 200 bytes in a document that is read and written whole. */
const NAMESPACES_MAX = 1000;
/** How long one request works on a deletion; shorter than clients wait for an answer. */
const ERASE_MS_MAX = 20_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KEY = /^[A-Za-z0-9]{64}$/;

/** What a creation asks for. */
export interface SubjectPut {
  /** The namespace to make; the one of the subject's own name when absent. */
  readonly namespace?: string;
  /** `uuid:key`; random when absent. */
  readonly auth?: string;
  /** Give an existing namespace a new key under its uuid: the old one is worth nothing from now on. */
  readonly revoke?: boolean;
  /** Give an existing namespace `auth`, or another random `uuid:key`. */
  readonly force?: boolean;
}

/** Who a key is. */
export interface Whois {
  readonly subject: string;
  readonly namespace: Namespace;
}

/** A subject with the key of one of its namespaces. */
export interface SubjectKey extends Whois {
  readonly auth: string;
}

interface Deps {
  readonly subjects: SubjectStore;
  readonly writer: SubjectWriter;
  readonly eraser: EraserDeps;
  readonly keyFiles?: KeyFiles;
}

/** Users as operators see them: what OpenWhisk's admin tool does, in its words; and deletion, which takes everything along. */
export class SubjectAdmin {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Makes a subject, or a namespace of one that is there, or gives one a new key; tells the key.
   *
   * @throws `request/malformed`, `entity/conflict` where it exists or its uuid is taken, `request/unprocessable` for a blocked subject
   */
  async create(name: string, put: SubjectPut): Promise<SubjectKey> {
    const namespace = namespaceOf(name, put.namespace ?? name);
    requirePut(put);
    const auth = await this.#deps.writer.change(name, (old) => {
      if (old?.blocked === true) throw unprocessable("The subject you want to edit is blocked");
      const held = old?.namespaces.find((one) => one.name === namespace);
      const others = (old?.namespaces ?? []).filter((one) => one !== held);
      if (others.length >= NAMESPACES_MAX) throw unprocessable(`a subject has at most ${NAMESPACES_MAX} namespaces`);
      const key = keyFor(held, put);
      if (others.some((one) => one.uuid === key.uuid)) throw taken();
      const made: SubjectNamespace = { ...held, name: namespace, ...key };
      return { next: { namespaces: [...others, made], blocked: false }, answer: authOf(made) };
    });
    const { keyFiles } = this.#deps;
    if (keyFiles?.keeps(namespace) === true) await keyFiles.write(namespace, auth);
    return { subject: name, namespace, auth };
  }

  /** @throws `entity/not-found` */
  async get(name: string): Promise<Subject> {
    return requireSubject(name, await this.#deps.subjects.get(name));
  }

  /** Who has a key. @throws `entity/not-found` */
  async whois(auth: string): Promise<Whois> {
    const subject = await this.#deps.subjects.byUuid(auth.split(":")[0] ?? "");
    const held = subject?.namespaces.find((one) => authOf(one) === auth);
    if (subject === undefined || held === undefined) throw missing("Subject id is not recognized");
    return { subject: subject.subject, namespace: held.name };
  }

  /** Who may use a namespace, with which key. */
  async identitiesOf(namespace: string): Promise<readonly SubjectKey[]> {
    const subject = await this.#deps.subjects.byNamespace(asId(namespace));
    const held = subject?.namespaces.filter((one) => one.name === namespace) ?? [];
    return held.map((one) => ({ subject: subject?.subject ?? "", namespace: one.name, auth: authOf(one) }));
  }

  /** Subjects by name, after `after`. */
  list(after: string | undefined, limit: number): Promise<readonly Subject[]> {
    return this.#deps.subjects.list(after, limit);
  }

  /** Lets nobody in with the subject's keys any more, or again. @throws `entity/not-found`, `request/unprocessable` */
  async setBlocked(name: string, blocked: boolean): Promise<void> {
    await this.#deps.writer.change(name, (old) => {
      const { namespaces } = requireSubject(name, old);
      if (blocked) requireNotSystem(namespaces, "blocked");
      return { next: { namespaces, blocked }, answer: undefined };
    });
  }

  /**
   * Deletes a subject with all its namespaces and everything in them, or one namespace of it (its last one goes with the subject). The
   * doors are closed first and the names are free last, so that nobody finds what was another's; a deletion that was cut short is
   * finished by asking again.
   *
   * @throws `entity/not-found`, `request/unprocessable` for the platform's own namespace, `subject/leaving` when it takes longer than a
   * request should
   */
  async remove(name: string, only?: string): Promise<Erased> {
    const going = await this.#closeDoors(name, only);
    const until = performance.now() + ERASE_MS_MAX;
    let [entities, records] = [0, 0];
    for (const namespace of going) {
      const gone = await eraseNamespace(this.#deps.eraser, namespace, until);
      entities += gone.entities;
      records += gone.records;
    }
    await this.#deps.writer.change(name, (old) => {
      const left = (old?.namespaces ?? []).filter((one) => !going.has(one.name));
      return {
        next: left.length === 0 ? undefined : { namespaces: left, blocked: old?.blocked === true },
        answer: undefined,
      };
    });
    return { entities, records };
  }

  /** Nobody enters with the keys of what is to go. Says which namespaces that are. */
  async #closeDoors(name: string, only: string | undefined): Promise<ReadonlySet<Namespace>> {
    const { writer, keyFiles } = this.#deps;
    const going = await writer.change(name, (old) => {
      const { namespaces, blocked } = requireSubject(name, old);
      const leaving = namespaces.filter((one) => only === undefined || one.name === only);
      if (only !== undefined && leaving.length === 0) throw missing(`Namespace "${only}" does not exist for "${name}"`);
      requireNotSystem(leaving, "deleted");
      const names: ReadonlySet<Namespace> = new Set(leaving.map((one) => one.name));
      if (leaving.length === namespaces.length) return { next: { namespaces, blocked: true }, answer: names };
      // The others go on: this one gets a key that nobody knows.
      const shut = namespaces.map((one) => (names.has(one.name) ? { ...one, ...keyOf(newAuthKey()) } : one));
      return { next: { namespaces: shut, blocked }, answer: names };
    });
    for (const namespace of going) if (keyFiles?.keeps(namespace) === true) await keyFiles.remove(namespace);
    return going;
  }
}

type Key = Pick<SubjectNamespace, "uuid" | "key">;

/** The key that a namespace gets. @throws `entity/conflict` where one is there and may not be replaced */
function keyFor(held: SubjectNamespace | undefined, { auth, revoke = false, force = false }: SubjectPut): Key {
  if (held === undefined || force) return keyOf(auth ?? newAuthKey());
  if (!revoke) throw new PlatformError("entity/conflict", "Namespace already exists");
  return { uuid: held.uuid, key: keyOf(newAuthKey()).key };
}

function keyOf(auth: string): Key {
  const [uuid = "", key = ""] = auth.split(":");
  return { uuid, key };
}

function authOf({ uuid, key }: Key): string {
  return `${uuid}:${key}`;
}

function requirePut({ auth, revoke = false, force = false }: SubjectPut): void {
  if (auth === undefined) return;
  const parts = auth.split(":");
  if (parts.length !== 2) throw malformed("failed to determine authorization id and key: write uuid:key");
  if (!UUID.test(parts[0] ?? "")) throw malformed("authorization id is not a valid UUID (of lower-case digits)");
  if (!KEY.test(parts[1] ?? "")) throw malformed("authorization key must be 64 letters and digits");
  if (revoke && !force) throw malformed("revoking makes a key of its own; force takes the one that is given");
}

/** The namespace that a subject is to get. @throws `request/malformed` for a name that neither may have */
function namespaceOf(subject: string, text: string): Namespace {
  if (subject.length < SUBJECT_LENGTH_MIN) {
    throw malformed(`Subject name must be at least ${SUBJECT_LENGTH_MIN} characters`);
  }
  for (const name of [subject, text]) {
    const fault = entityNameFault(name);
    if (fault !== undefined) throw malformed(fault);
  }
  if (text === "_") throw malformed("the namespace _ is everybody's own");
  return asId(text);
}

/** Its key is the one that administers: without it nobody could bring it back. */
function requireNotSystem(namespaces: readonly SubjectNamespace[], what: "blocked" | "deleted"): void {
  if (namespaces.some((one) => one.name === SYSTEM_NAMESPACE)) {
    throw unprocessable(`the namespace ${SYSTEM_NAMESPACE} can be neither blocked nor deleted; it was not ${what}`);
  }
}

function requireSubject(name: string, subject: Subject | undefined): Subject {
  if (subject === undefined) throw missing(`there is no subject "${name}"`);
  return subject;
}

/** The refusal of a uuid or a namespace that somebody else has. */
function taken(): PlatformError<"entity/conflict"> {
  return new PlatformError("entity/conflict", "the uuid belongs to another namespace");
}

function malformed(detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The request content was malformed:\n${detail}`);
}

function unprocessable(message: string): PlatformError<"request/unprocessable"> {
  return new PlatformError("request/unprocessable", message);
}

function missing(message: string): PlatformError<"entity/not-found"> {
  return new PlatformError("entity/not-found", message);
}
