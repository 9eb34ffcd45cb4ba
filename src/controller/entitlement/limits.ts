import { z } from "zod";
import { PlatformError } from "../../kernel/errors.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import type { LimitsOptions, Range } from "../../kernel/options/options.ts";
import type { NamespaceLimits } from "./identity.ts";

const PRESETS = {
  /** One machine, one owner: enough not to be met by accident, low enough to stop a runaway loop. */
  generous: { invocationsPerMinute: 60_000, firesPerMinute: 60_000, concurrentInvocations: 1000 },
  /** What OpenWhisk's standalone server and its deployment scripts set. */
  openwhisk: { invocationsPerMinute: 60, firesPerMinute: 60, concurrentInvocations: 30 },
} as const;

/**
 * What may be set for one namespace, by the names that `GET /namespaces/_/limits` tells them. Durations are milliseconds, memory and logs
 * megabytes, sizes bytes; rates are per minute.
 */
export interface LimitOverrides {
  readonly invocationsPerMinute?: number;
  readonly firesPerMinute?: number;
  readonly concurrentInvocations?: number;
  /** Kinds that its actions may have. */
  readonly allowedKinds?: readonly string[];
  /** False: its activations leave no record. */
  readonly storeActivations?: boolean;
  readonly minActionTimeout?: number;
  readonly maxActionTimeout?: number;
  readonly minActionMemory?: number;
  readonly maxActionMemory?: number;
  readonly minActionLogs?: number;
  readonly maxActionLogs?: number;
  readonly minActionConcurrency?: number;
  readonly maxActionConcurrency?: number;
  readonly maxParameterSize?: number;
}

const whole = z.number().int().min(0).max(1e9);

const overridesSchema: z.ZodType<LimitOverrides> = z.strictObject({
  invocationsPerMinute: whole.exactOptional(),
  firesPerMinute: whole.exactOptional(),
  concurrentInvocations: whole.exactOptional(),
  allowedKinds: z.array(z.string().min(1).max(256)).max(100).exactOptional(),
  storeActivations: z.boolean().exactOptional(),
  minActionTimeout: whole.exactOptional(),
  maxActionTimeout: whole.exactOptional(),
  minActionMemory: whole.exactOptional(),
  maxActionMemory: whole.exactOptional(),
  minActionLogs: whole.exactOptional(),
  maxActionLogs: whole.exactOptional(),
  minActionConcurrency: whole.exactOptional(),
  maxActionConcurrency: whole.exactOptional(),
  maxParameterSize: whole.exactOptional(),
});

/** Every name that may be set. */
export const LIMIT_NAMES: readonly (keyof LimitOverrides)[] = [
  "invocationsPerMinute",
  "firesPerMinute",
  "concurrentInvocations",
  "allowedKinds",
  "storeActivations",
  "minActionTimeout",
  "maxActionTimeout",
  "minActionMemory",
  "maxActionMemory",
  "minActionLogs",
  "maxActionLogs",
  "minActionConcurrency",
  "maxActionConcurrency",
  "maxParameterSize",
];

/** What an operator sends. @throws `request/malformed` that names the field */
export function parseLimits(body: JsonValue): LimitOverrides {
  const parsed = overridesSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") ?? "";
  const what = issue?.code === "unrecognized_keys" ? `no limit is called ${issue.keys.join(", ")}` : issue?.message;
  throw malformed(`${where === "" ? "" : `${where}: `}${what ?? "limits expected"}`);
}

/**
 * Refuses bounds of actions that would say nothing: outside of the platform's own, or the least above the most.
 *
 * @throws `request/malformed` that names the limit
 */
export function requireSettable({ action }: LimitsOptions, set: LimitOverrides): void {
  requireInside("ActionTimeout", action.timeoutMs, [set.minActionTimeout, set.maxActionTimeout]);
  requireInside("ActionMemory", action.memoryMb, [set.minActionMemory, set.maxActionMemory]);
  requireInside("ActionLogs", action.logsMb, [set.minActionLogs, set.maxActionLogs]);
  requireInside("ActionConcurrency", action.concurrency, [set.minActionConcurrency, set.maxActionConcurrency]);
  if ((set.maxParameterSize ?? 0) > action.parameterBytesMax) {
    throw malformed(`maxParameterSize: the platform's own bound is ${action.parameterBytesMax}`);
  }
}

type Ends = readonly [least: number | undefined, most: number | undefined];

function requireInside(name: string, { min, max }: Range, ends: Ends): void {
  for (const [end, value] of [
    ["min", ends[0]],
    ["max", ends[1]],
  ] as const) {
    if (value !== undefined && (value < min || value > max)) {
      throw malformed(`${end}${name}: the platform's own bounds are ${min} to ${max}`);
    }
  }
  const [least = min, most = max] = ends;
  if (least > most) throw malformed(`min${name}: ${least} is above max${name}, ${most}`);
}

function malformed(detail: string): PlatformError<"request/malformed"> {
  return new PlatformError("request/malformed", `The request content was malformed:\n${detail}`);
}

/** What every namespace may do for which nothing was set: the preset, with what the operator set over it. */
export function namespaceLimits(options: LimitsOptions): NamespaceLimits {
  const preset = PRESETS[options.preset];
  return {
    invocationsPerMinute: options.invocationsPerMinute ?? preset.invocationsPerMinute,
    firesPerMinute: options.firesPerMinute ?? preset.firesPerMinute,
    concurrentInvocations: options.concurrentInvocations ?? preset.concurrentInvocations,
    storeActivations: true,
    action: options.action,
  };
}

/**
 * What one namespace may do: what was set for it, over what holds for all. Rates and concurrency may be set higher as well as lower; what
 * one action may ask for stays within the platform's own bounds, whatever was set.
 *
 * @throws `store/corrupted` when what was set cannot be read
 */
export function effectiveLimits(options: LimitsOptions, own: JsonObject | undefined): NamespaceLimits {
  const base = namespaceLimits(options);
  if (own === undefined) return base;
  const parsed = overridesSchema.safeParse(own);
  if (!parsed.success) {
    throw new PlatformError("store/corrupted", "Resource is corrupted and cannot be read.", { cause: parsed.error });
  }
  const set = parsed.data;
  const { action } = base;
  return {
    invocationsPerMinute: set.invocationsPerMinute ?? base.invocationsPerMinute,
    firesPerMinute: set.firesPerMinute ?? base.firesPerMinute,
    concurrentInvocations: set.concurrentInvocations ?? base.concurrentInvocations,
    storeActivations: set.storeActivations ?? base.storeActivations,
    ...(set.allowedKinds === undefined ? {} : { allowedKinds: set.allowedKinds }),
    action: {
      ...action,
      timeoutMs: within(action.timeoutMs, set.minActionTimeout, set.maxActionTimeout),
      memoryMb: within(action.memoryMb, set.minActionMemory, set.maxActionMemory),
      logsMb: within(action.logsMb, set.minActionLogs, set.maxActionLogs),
      concurrency: within(action.concurrency, set.minActionConcurrency, set.maxActionConcurrency),
      parameterBytesMax: Math.min(action.parameterBytesMax, set.maxParameterSize ?? Infinity),
    },
  };
}

/** A range narrowed to what was set; the default moves with its ends. */
function within(range: Range, least: number | undefined, most: number | undefined): Range {
  const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  const min = clamp(least ?? range.min, range.min, range.max);
  const max = clamp(most ?? range.max, min, range.max);
  return { min, default: clamp(range.default, min, max), max };
}
