import type { Namespace } from "../../kernel/ids.ts";
import type { LimitsOptions } from "../../kernel/options/options.ts";
import type { Stores } from "../../store/ports.ts";
import type { ChangeListener } from "../cache/changes.ts";
import type { KeyFiles } from "./key-files.ts";
import { LimitsAdmin } from "./limits-admin.ts";
import { SubjectAdmin } from "./subject-admin.ts";
import { SubjectWriter } from "./subject-writer.ts";

/** What operators do about users. */
export interface Administration {
  readonly users: SubjectAdmin;
  readonly limits: LimitsAdmin;
}

export function createAdministration(deps: {
  readonly stores: Pick<Stores, "subjects" | "artifacts" | "activations">;
  readonly limits: LimitsOptions;
  readonly inFlight: (namespace: Namespace) => number;
  readonly caches: readonly Pick<ChangeListener, "onChange">[];
  /** Where the keys of the first namespaces are kept for the command line; absent where nowhere. */
  readonly keyFiles?: KeyFiles;
  /** Called after every write of a subject, before it is acknowledged. */
  readonly onSubjectWrite: () => void;
}): Administration {
  const { limits: options, onSubjectWrite } = deps;
  const { subjects } = deps.stores;
  const writer = new SubjectWriter({ subjects, onWrite: onSubjectWrite });
  return {
    users: new SubjectAdmin({ ...deps, subjects, writer, eraser: deps }),
    limits: new LimitsAdmin({ subjects, writer, options }),
  };
}
