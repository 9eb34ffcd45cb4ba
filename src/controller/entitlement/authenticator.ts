import { timingSafeEqual } from "node:crypto";
import type { Namespace } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Change, Subject, SubjectNamespace, SubjectStore } from "../../store/ports.ts";
import { Lru } from "../cache/lru.ts";
import type { ChangeListener } from "../cache/changes.ts";
import type { Identity, NamespaceLimits } from "./identity.ts";

/** The limits of a namespace, by what was set for it. */
export type LimitsOf = (own: JsonObject | undefined) => NamespaceLimits;

const KEY_LENGTH = 64;
const CREDENTIALS_LENGTH_MAX = 512;
const SCHEME = "basic ";
// Chosen: an identity is about 500 bytes with its header, so 5 MB and 500 KB.
const KNOWN_MAX = 10_000;
const UNKNOWN_MAX = 1000;

/**
 * Finds out who asks. Answers are cached by the whole header, refusals too (fewer, so that guessing cannot push out who is known);
 * any change of any subject empties the cache, and a lookup that was under way during the change is not kept.
 *
 * The cache's lookup hashes the header with a seed of the process before it compares bytes, so that its time says nothing about how
 * many leading characters of a key are right; the comparison with the stored key takes the same time for every key.
 */
export class Authenticator implements ChangeListener {
  readonly #subjects: SubjectStore;
  readonly #limitsOf: LimitsOf;
  readonly #known = new Lru<Identity>({ weightMax: KNOWN_MAX });
  readonly #unknown = new Lru<true>({ weightMax: UNKNOWN_MAX });
  readonly #owners = new Lru<Identity>({ weightMax: KNOWN_MAX });
  /** Counts invalidations, so that an older lookup can see that it is too late to be cached. */
  #generation = 0;
  #following = false;

  constructor(deps: { readonly subjects: SubjectStore; readonly limitsOf: LimitsOf }) {
    this.#subjects = deps.subjects;
    this.#limitsOf = deps.limitsOf;
  }

  /** Changes of subjects so far: an identity that was found out before the last one may be nobody's any more. */
  get generation(): number {
    return this.#generation;
  }

  /** The identity behind an `authorization` header when it is known already; undefined says nothing. */
  cached(header: string): Identity | undefined {
    return this.#known.get(header);
  }

  /** The identity behind an `authorization` header; undefined when it is nobody's. @throws `store/unavailable` */
  async authenticate(header: string | undefined): Promise<Identity | undefined> {
    if (header === undefined || header.length > CREDENTIALS_LENGTH_MAX) return undefined;
    const known = this.#known.get(header);
    if (known !== undefined) return known;
    if (this.#unknown.get(header) !== undefined) return undefined;
    const credentials = credentialsOf(header);
    if (credentials === undefined) return undefined;
    const generation = this.#generation;
    const cacheable = this.#following;
    const identity = await this.#lookUp(credentials);
    if (cacheable && generation === this.#generation) {
      if (identity === undefined) this.#unknown.set(header, true);
      else this.#known.set(header, identity);
    }
    return identity;
  }

  /**
   * The owner of a namespace, as whom web actions, alarms and recovered work run: at once when it is known already. Undefined when
   * nobody has the namespace, or its subject is blocked. @throws `store/unavailable`, as a rejection
   */
  identityOf(namespace: Namespace): Identity | Promise<Identity | undefined> {
    return this.#owners.get(namespace) ?? this.#findOwner(namespace);
  }

  onFollowing(): void {
    this.#following = true;
  }

  onChange(change: Change): void {
    if (change.kind === "subject") this.invalidate();
  }

  /** Forgets everybody. Whoever writes subjects calls it before the write is acknowledged. */
  invalidate(): void {
    this.#generation += 1;
    this.#known.clear();
    this.#unknown.clear();
    this.#owners.clear();
  }

  async #findOwner(namespace: Namespace): Promise<Identity | undefined> {
    const generation = this.#generation;
    const cacheable = this.#following;
    const subject = await this.#subjects.byNamespace(namespace);
    const held = subject?.namespaces.find((candidate) => candidate.name === namespace);
    if (subject === undefined || held === undefined || subject.blocked) return undefined;
    const identity = this.#identity(subject, held);
    if (cacheable && generation === this.#generation) this.#owners.set(namespace, identity);
    return identity;
  }

  async #lookUp(credentials: { readonly uuid: string; readonly key: string }): Promise<Identity | undefined> {
    const subject = await this.#subjects.byUuid(credentials.uuid);
    const namespace = subject?.namespaces.find((candidate) => candidate.uuid === credentials.uuid);
    if (subject === undefined || namespace === undefined || subject.blocked) return undefined;
    if (!sameText(namespace.key, credentials.key)) return undefined;
    return this.#identity(subject, namespace);
  }

  #identity(subject: Subject, namespace: SubjectNamespace): Identity {
    return {
      subject: subject.subject,
      namespace: namespace.name,
      namespaceUuid: namespace.uuid,
      authKey: `${namespace.uuid}:${namespace.key}`,
      limits: this.#limitsOf(namespace.limits),
    };
  }
}

/** `uuid:key` of a Basic header; undefined when it is not one, or its key has not 64 characters (OpenWhisk's rule). */
function credentialsOf(header: string): { readonly uuid: string; readonly key: string } | undefined {
  if (header.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  const text = Buffer.from(header.slice(SCHEME.length).trim(), "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon <= 0) return undefined;
  const key = text.slice(colon + 1);
  return key.length === KEY_LENGTH ? { uuid: text.slice(0, colon), key } : undefined;
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a, "utf8");
  const right = Buffer.from(b, "utf8");
  return left.length === right.length && timingSafeEqual(left, right);
}
