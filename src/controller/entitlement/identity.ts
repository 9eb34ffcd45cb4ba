import type { Namespace } from "../../kernel/ids.ts";
import type { LimitsOptions } from "../../kernel/options/options.ts";

/** Who asks: one namespace of one subject, found by its key. */
export interface Identity {
  readonly subject: string;
  readonly namespace: Namespace;
  readonly namespaceUuid: string;
  /** `uuid:key`, as the caller sent it: what actions with `provide-api-key` are given. */
  readonly authKey: string;
  readonly limits: NamespaceLimits;
}

/** What a namespace may do. */
export interface NamespaceLimits {
  readonly invocationsPerMinute: number;
  readonly firesPerMinute: number;
  readonly concurrentInvocations: number;
  /** False: its activations leave no record. */
  readonly storeActivations: boolean;
  /** Kinds it may use; absent means all. */
  readonly allowedKinds?: readonly string[];
  /** What one of its actions may ask for. */
  readonly action: LimitsOptions["action"];
}
