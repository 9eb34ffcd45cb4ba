import { isPlatformError, PlatformError } from "../../kernel/errors.ts";
import { asId } from "../../kernel/ids.ts";
import { COMPONENTS_MAX, NESTING_MAX } from "../core/composition-state.ts";
import { SEQUENCE_COMPONENT_MISSING, SEQUENCE_CYCLIC, SEQUENCE_TOO_LONG } from "../core/composition-words.ts";
import type { Identity } from "../entitlement/identity.ts";
import { isSequence } from "./action.ts";
import { type EntityRef, nameOf, packageOf, refText } from "./ref.ts";
import type { ActionResolver } from "./resolver.ts";

// Components looked at in one check, sequences among them. Each sequence holds code in the end, so that an honest one needs no more.
const VISITS_MAX = COMPONENTS_MAX * NESTING_MAX;

/**
 * Lets only those name these components who may use them: what is their own, and what others have published. One that is missing
 * passes: its absence is found out where it matters.
 *
 * @throws `auth/forbidden`, and `request/malformed` for more than a sequence may have
 */
export async function requireReachable(
  resolver: ActionResolver,
  identity: Identity,
  components: readonly EntityRef[],
): Promise<void> {
  if (components.length > COMPONENTS_MAX) throw tooLong();
  for (const ref of components) {
    try {
      const action = resolver.resolve(identity, ref);
      if (action instanceof Promise) await action;
    } catch (error) {
      if (!isPlatformError(error, "entity/not-found") && !isPlatformError(error, "entity/conflict")) throw error;
    }
  }
}

/**
 * Refuses a sequence that is too long with all that it contains, that contains itself, or whose components are not there. Two writes
 * at once may still make a circle of two; such a sequence ends when it is run, as too long.
 *
 * @throws `request/malformed`, `entity/conflict` for a component that is no action
 */
export async function checkSequence(
  resolver: ActionResolver,
  sequence: EntityRef,
  components: readonly EntityRef[],
): Promise<void> {
  const own = refText(sequence);
  let [visits, atomic] = [0, 0];
  const look = async (names: readonly EntityRef[], depth: number): Promise<void> => {
    for (const ref of names) {
      visits += 1;
      if (visits > VISITS_MAX || depth >= NESTING_MAX) throw tooLong();
      // Before it is looked for: it may be the one that is about to be made.
      if (refText(await located(resolver, ref)) === own) throw refusal(SEQUENCE_CYCLIC);
      const action = await resolver.resolve("anyone", ref);
      if (isSequence(action)) await look(action.exec.components, depth + 1);
      else atomic += 1;
      if (atomic > COMPONENTS_MAX) throw tooLong();
    }
  };
  try {
    await look(components, 1);
  } catch (error) {
    throw isPlatformError(error, "entity/not-found") ? refusal(SEQUENCE_COMPONENT_MISSING) : error;
  }
}

/** Where an action really is: behind the binding that its name may go through. */
async function located(resolver: ActionResolver, ref: EntityRef): Promise<EntityRef> {
  const folder = packageOf(ref.path);
  if (folder === undefined) return ref;
  const { provider } = await resolver.reachPackage("anyone", { namespace: ref.namespace, path: folder });
  return { namespace: provider.namespace, path: asId(`${provider.path}/${nameOf(ref.path)}`) };
}

function tooLong(): PlatformError<"request/malformed"> {
  return refusal(SEQUENCE_TOO_LONG);
}

function refusal(text: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", text);
}
