/**
 * The journal of promised activations: what a successor does with the entries of a dead owner.
 *
 * Intuition: a 202 is a promise written down before it is given. Whoever finds the promise of somebody who is gone keeps it, unless
 * its work had already begun: then nobody knows how far it came, and running it a second time might pay an invoice twice. So only
 * work that says it may be repeated (annotation `retry-on-loss`) is; other begun work ends as a whisk error that says what was lost.
 * Source: DESIGN.md section 3, "the activation record is the journal"; the opposite of a queue offset committed before the work
 * (OpenWhisk's MessageFeed), which loses it. docs/protocols/journal.md has the table and the invariants.
 */
import type { JournalEntry, JournalState } from "../../kernel/activation.ts";
import type { Incarnation } from "../../kernel/ids.ts";

/** What to do with an entry found at start. */
export type RecoveryPlan =
  /** It is this process's own: it is being worked on. */
  | { readonly kind: "leave" }
  /** Adopt it and hand it to an invoker. */
  | { readonly kind: "run" }
  /** Adopt it and end it with a record that says that its run was lost. */
  | { readonly kind: "lose" }
  /** Adopt it and go on with it: it ran nowhere itself, and knows which of its components may be run again. */
  | { readonly kind: "go-on" };

const BEGUN: Readonly<Record<JournalState, boolean>> = { accepted: false, dispatched: false, running: true };

/** Decides about one entry, given that its owner is dead unless it is `me`. */
export function planRecovery(entry: JournalEntry, me: Incarnation): RecoveryPlan {
  if (entry.owner === me) return { kind: "leave" };
  if ("composition" in entry.message) return { kind: "go-on" };
  if (BEGUN[entry.state] && !entry.message.retryOnLoss) return { kind: "lose" };
  return { kind: "run" };
}
