import type { LimitsOptions } from "../../kernel/options/options.ts";
import type { NamespaceLimits } from "./identity.ts";

const PRESETS = {
  /** One machine, one owner: enough not to be met by accident, low enough to stop a runaway loop. */
  generous: { invocationsPerMinute: 60_000, firesPerMinute: 60_000, concurrentInvocations: 1000 },
  /** What OpenWhisk's standalone server and its deployment scripts set. */
  openwhisk: { invocationsPerMinute: 60, firesPerMinute: 60, concurrentInvocations: 30 },
} as const;

/** What every namespace may do: the preset, with what the operator set over it. */
export function namespaceLimits(options: LimitsOptions): NamespaceLimits {
  const preset = PRESETS[options.preset];
  return {
    invocationsPerMinute: options.invocationsPerMinute ?? preset.invocationsPerMinute,
    firesPerMinute: options.firesPerMinute ?? preset.firesPerMinute,
    concurrentInvocations: options.concurrentInvocations ?? preset.concurrentInvocations,
    storeActivations: true,
  };
}
