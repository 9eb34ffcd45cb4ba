import { PlatformError } from "../../kernel/errors.ts";
import type { Subject, SubjectStore, WriteResult } from "../../store/ports.ts";

/** Writers of one subject are few: whoever loses this often meets something else. */
const TRIES = 5;

/** What a change comes to. */
export interface SubjectChange<Told> {
  /** The subject as it is to be; undefined deletes it. */
  readonly next: Pick<Subject, "namespaces" | "blocked"> | undefined;
  readonly answer: Told;
}

/**
 * Changes subjects, one at a time and as a whole. A change is seen by the next request of this process, and by other processes when their
 * change feed brings it.
 */
export class SubjectWriter {
  readonly #subjects: SubjectStore;
  readonly #onWrite: () => void;

  /** `onWrite` is called after every write, before it is acknowledged: whoever caches identities forgets them. */
  constructor(deps: { readonly subjects: SubjectStore; readonly onWrite: () => void }) {
    this.#subjects = deps.subjects;
    this.#onWrite = deps.onWrite;
  }

  /**
   * Writes what `plan` makes of the subject as it stands, and again where another writer was first.
   *
   * @throws `entity/conflict` when its uuid or namespace is somebody else's, `entity/concurrent-change`, `store/unavailable`, and what
   * `plan` throws, with nothing changed
   */
  async change<Told>(name: string, plan: (old: Subject | undefined) => SubjectChange<Told>): Promise<Told> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const old = await this.#subjects.get(name);
      const { next, answer } = plan(old);
      const result = await this.#write(name, old, next);
      if (result.kind === "ok") return answer;
      if ((await this.#subjects.get(name))?.revision === old?.revision) {
        // Nobody wrote this subject in between: what stands in the way is another one.
        throw new PlatformError("entity/conflict", "the namespace or the uuid belongs to another subject");
      }
    }
    throw new PlatformError("entity/concurrent-change", `the subject ${name} is being changed by somebody else`);
  }

  async #write(
    name: string,
    old: Subject | undefined,
    next: SubjectChange<unknown>["next"],
  ): Promise<Pick<WriteResult<Subject>, "kind">> {
    if (next === undefined && old === undefined) return { kind: "ok" };
    try {
      if (next === undefined && old !== undefined) return await this.#subjects.delete(name, old.revision);
      const { namespaces = [], blocked = false } = next ?? {};
      return await this.#subjects.put({ subject: name, namespaces, blocked }, old?.revision ?? "absent");
    } finally {
      this.#onWrite();
    }
  }
}
