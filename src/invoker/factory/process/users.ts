import { randomUUID } from "node:crypto";
import { existsSync, linkSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../../../kernel/errors.ts";
import { takeOsLock } from "../../../kernel/os-lock.ts";

/** User ids of one instance at most; the next after the last is the first again. */
const USERS_MAX = 20_000;

/** Longest wait for another instance that clears a stale claim, which is two system calls' work. */
const CLEAR_WAIT_MS = 100;

/**
 * Gives each container a user id of its own. Ids are claimed in a folder that all instances on the machine share, for a
 * container's end is to end all processes of its user, and two instances must not end one another's. Ids go round rather than
 * back: what a container left in a world-writable folder finds no owner soon.
 */
export class ContainerUsers {
  readonly #from: number;
  readonly #owner: string;
  readonly #claims: string;
  readonly #isInUse: (uid: number) => boolean;
  readonly #used = new Set<number>();
  #next = 0;

  /**
   * `owner` is this instance's run folder: what says, in a claim, whose it is. `isInUse` tells whether a process has the id, dead
   * ones that init has not waited for included, since the kernel counts those against the user's limit.
   */
  constructor(options: {
    readonly from: number;
    readonly owner: string;
    readonly isInUse: (uid: number) => boolean;
    readonly claimsDir?: string;
  }) {
    this.#from = options.from;
    this.#owner = options.owner;
    this.#isInUse = options.isInUse;
    this.#claims = options.claimsDir ?? join(tmpdir(), "skein-users");
    mkdirSync(this.#claims, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(this.#claims);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
      throw new PlatformError("invoker/container-failed", `folder ${this.#claims} is somebody else's`);
    }
  }

  /** Takes an id that nobody else has. @throws invoker/container-failed when all are taken. */
  claim(): number {
    for (let tries = 0; tries < USERS_MAX; tries += 1) {
      const uid = this.#from + this.#next;
      this.#next = (this.#next + 1) % USERS_MAX;
      if (this.#take(uid)) return uid;
    }
    throw new PlatformError("invoker/container-failed", `no free user id from ${this.#from} on`);
  }

  /** Keeps the id of a container that a former process of this instance made. */
  keep(uid: number): void {
    this.#used.add(uid);
  }

  /** Gives an id back once none of its processes is left. */
  release(uid: number): void {
    this.#used.delete(uid);
    if (this.#ownerOf(uid) === this.#owner) rmSync(this.#file(uid), { force: true });
  }

  #take(uid: number): boolean {
    if (this.#used.has(uid) || this.#isInUse(uid) || !this.#isClear(uid)) return false;
    // Written first and named then: nobody ever reads a claim that does not say yet whose it is.
    const draft = join(this.#claims, `${uid}.${randomUUID()}`);
    try {
      writeFileSync(draft, this.#owner);
      linkSync(draft, this.#file(uid));
    } catch {
      // Somebody else was faster.
      return false;
    } finally {
      rmSync(draft, { force: true });
    }
    this.#used.add(uid);
    return true;
  }

  /** Whether nobody has claimed the id, once a stale claim is cleared away. */
  #isClear(uid: number): boolean {
    if (!this.#isStale(uid)) return this.#ownerOf(uid) === undefined;
    // Stale claims are removed under a lock and after a second look: of two who found the same one, the slower would remove the
    // faster one's new claim, both had the id, and each would end the other's container with its own.
    const lock = takeOsLock(join(this.#claims, "clear.lock"), CLEAR_WAIT_MS);
    if (lock === undefined) return false;
    try {
      if (this.#isStale(uid)) rmSync(this.#file(uid), { force: true });
    } finally {
      lock.release();
    }
    return this.#ownerOf(uid) === undefined;
  }

  /** A claim of our own that we do not know is a crash's; one of an instance whose run folder is gone is nobody's. */
  #isStale(uid: number): boolean {
    const owner = this.#ownerOf(uid);
    return owner !== undefined && (owner === this.#owner || !existsSync(owner));
  }

  #ownerOf(uid: number): string | undefined {
    try {
      return readFileSync(this.#file(uid), "utf8");
    } catch {
      return undefined;
    }
  }

  #file(uid: number): string {
    return join(this.#claims, String(uid));
  }
}
