import { PlatformError } from "../../kernel/errors.ts";
import { asId } from "../../kernel/ids.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { LimitsOptions } from "../../kernel/options/options.ts";
import type { SubjectNamespace, SubjectStore } from "../../store/ports.ts";
import { type LimitOverrides, parseLimits, requireSettable } from "./limits.ts";
import type { SubjectWriter } from "./subject-writer.ts";

/** Limits of single namespaces as operators see them: what was set, and nothing of what holds for all. */
export class LimitsAdmin {
  readonly #subjects: SubjectStore;
  readonly #writer: SubjectWriter;
  readonly #options: LimitsOptions;

  constructor(deps: {
    readonly subjects: SubjectStore;
    readonly writer: SubjectWriter;
    /** What holds for all, whose bounds nobody passes. */
    readonly options: LimitsOptions;
  }) {
    this.#subjects = deps.subjects;
    this.#writer = deps.writer;
    this.#options = deps.options;
  }

  /** What was set for a namespace. @throws `entity/not-found` */
  async get(namespace: string): Promise<JsonObject> {
    return (await this.#holder(namespace)).held.limits ?? {};
  }

  /** Sets limits over those that were set before; tells all that are set now. @throws `entity/not-found`, `request/malformed` */
  set(namespace: string, limits: LimitOverrides): Promise<JsonObject> {
    return this.#change(namespace, (before) => {
      // Plain data throughout, but interfaces have no index signature.
      const after = { ...before, ...limits } as unknown as JsonObject;
      requireSettable(this.#options, parseLimits(after));
      return { after, answer: after };
    });
  }

  /** Takes all back that was set; tells what that was. @throws `entity/not-found` */
  remove(namespace: string): Promise<JsonObject> {
    return this.#change(namespace, (before) => {
      if (before === undefined) throw missing(`No limits found for "${namespace}", default system limits apply`);
      return { after: undefined, answer: before };
    });
  }

  async #change(
    namespace: string,
    plan: (before: JsonObject | undefined) => { readonly after: JsonObject | undefined; readonly answer: JsonObject },
  ): Promise<JsonObject> {
    const { subject } = await this.#holder(namespace);
    return await this.#writer.change(subject, (old) => {
      const held = old?.namespaces.find((one) => one.name === namespace);
      if (old === undefined || held === undefined) throw missing(`there is no namespace "${namespace}"`);
      const { limits: before, ...bare } = held;
      const { after, answer } = plan(before);
      const changed: SubjectNamespace = after === undefined ? bare : { ...bare, limits: after };
      const namespaces = old.namespaces.map((one) => (one === held ? changed : one));
      return { next: { namespaces, blocked: old.blocked }, answer };
    });
  }

  async #holder(namespace: string): Promise<{ readonly subject: string; readonly held: SubjectNamespace }> {
    const subject = await this.#subjects.byNamespace(asId(namespace));
    const held = subject?.namespaces.find((one) => one.name === namespace);
    if (subject === undefined || held === undefined) throw missing(`there is no namespace "${namespace}"`);
    return { subject: subject.subject, held };
  }
}

function missing(message: string): PlatformError<"entity/not-found"> {
  return new PlatformError("entity/not-found", message);
}
