import type { ActionLimits, KeyValue } from "../../kernel/action.ts";
import { PlatformError } from "../../kernel/errors.ts";
import type { LimitsOptions, Range } from "../../kernel/options/options.ts";
import { type Action, isSequence } from "./action.ts";
import { type ActionPut, deprecated, type ExecPut, type LimitsPut } from "./action-put.ts";
import { keyValuesBytes, mergeKeyValues, withoutKeys } from "./key-values.ts";
import { FIRST_VERSION, nextPatch, requireKeyValueSizes, requireSize } from "./put-fields.ts";
import { refText } from "./ref.ts";
import type { Runtimes } from "./runtimes.ts";

/** Everything of an action that a PUT decides; who and where and when come with the write. */
export type ActionContent = Pick<Action, "version" | "publish" | "parameters" | "annotations" | "limits">;

/** What an action may ask for. */
export type ActionBounds = LimitsOptions["action"] & {
  /** What `instances` may be: the namespace's concurrency. */
  readonly instancesMax: number;
};

/** Annotations that we add, and that no bound is about. */
const OURS = ["provide-api-key", "exec"];

/**
 * What a new action holds.
 *
 * @throws `request/malformed` for limits out of range, `request/too-large`
 */
export function newContent(put: ActionPut, exec: ExecPut, bounds: ActionBounds): ActionContent {
  const given = put.annotations ?? [];
  const annotations = given.some((pair) => pair.key === "provide-api-key")
    ? given
    : [...given, { key: "provide-api-key", value: false }];
  return bounded(
    {
      version: put.version ?? FIRST_VERSION,
      publish: put.publish ?? false,
      parameters: parametersOf(exec, put.parameters) ?? [],
      annotations: withExecAnnotation(annotations, exec.kind),
      limits: limitsOf(put.limits, defaultLimits(bounds)),
    },
    put,
    bounds,
  );
}

/**
 * What an action holds after an update: annotations are merged, limits field by field, parameters replaced.
 *
 * @throws `request/malformed` for limits out of range, `request/too-large`
 */
export function updatedContent(old: Action, put: ActionPut, bounds: ActionBounds): ActionContent {
  const kept = withoutKeys(old.annotations, put.delAnnotations ?? []);
  return bounded(
    {
      version: put.version ?? nextPatch(old.version),
      publish: put.publish ?? old.publish,
      parameters: updatedParameters(old, put),
      annotations: withExecAnnotation(mergeKeyValues(kept, put.annotations ?? []), put.exec?.kind ?? old.exec.kind),
      limits: limitsOf(put.limits, old.limits),
    },
    put,
    bounds,
  );
}

/** @throws `request/malformed` when the action's kind can only be read and deleted any more. */
export function requireLiveKind(exec: { readonly kind: string }, runtimes: Runtimes): void {
  if (runtimes.resolve(exec.kind)?.deprecated === true) throw deprecated(exec.kind);
}

/** Bounds what was sent, code as the text it came as. @throws `request/too-large` */
export function requireSentSizes(put: ActionPut, bounds: ActionBounds): void {
  const { exec } = put;
  if (exec !== undefined && "code" in exec) {
    requireSize("exec", Buffer.byteLength(exec.code) + Buffer.byteLength(exec.main ?? ""), bounds.codeBytesMax);
  }
  requireKeyValueSizes(put, bounds.parameterBytesMax);
}

/** A sequence's parameters are the names of its components, as OpenWhisk keeps them; whatever else was sent is not kept. */
function parametersOf(
  exec: ExecPut | undefined,
  sent: readonly KeyValue[] | undefined,
): readonly KeyValue[] | undefined {
  if (exec === undefined || !("components" in exec)) return sent;
  return [{ key: "_actions", value: exec.components.map((component) => `/${refText(component)}`) }];
}

/** What a sequence has is its components' and not for changing; once it is one no more, there is nothing of it to keep. */
function updatedParameters(old: Action, put: ActionPut): readonly KeyValue[] {
  if (!isSequence(old)) return parametersOf(put.exec, put.parameters) ?? old.parameters;
  return put.exec === undefined ? old.parameters : (parametersOf(put.exec, put.parameters) ?? []);
}

function bounded(content: ActionContent, put: ActionPut, bounds: ActionBounds): ActionContent {
  // Annotations add up from one update to the next.
  requireSize("annotations", keyValuesBytes(withoutKeys(content.annotations, OURS)), bounds.parameterBytesMax);
  // An action written under other bounds keeps its limits until someone sends new ones.
  if (put.limits !== undefined) requireLimits(content.limits, bounds);
  return content;
}

function withExecAnnotation(annotations: readonly KeyValue[], kind: string): readonly KeyValue[] {
  return mergeKeyValues(annotations, [{ key: "exec", value: kind }]);
}

function defaultLimits(bounds: ActionBounds): ActionLimits {
  return {
    timeoutMs: bounds.timeoutMs.default,
    memoryMb: bounds.memoryMb.default,
    logsMb: bounds.logsMb.default,
    concurrency: bounds.concurrency.default,
  };
}

function limitsOf(put: LimitsPut | undefined, base: ActionLimits): ActionLimits {
  const instances = put?.instances ?? base.instances;
  return {
    timeoutMs: put?.timeout ?? base.timeoutMs,
    memoryMb: put?.memory ?? base.memoryMb,
    logsMb: put?.logs ?? base.logsMb,
    concurrency: put?.concurrency ?? base.concurrency,
    ...(instances === undefined ? {} : { instances }),
  };
}

function requireLimits(limits: ActionLimits, bounds: ActionBounds): void {
  requireRange(limits.timeoutMs, bounds.timeoutMs, { what: "duration", unit: " milliseconds" });
  requireRange(limits.memoryMb, bounds.memoryMb, { what: "memory size", unit: " MB" });
  requireRange(limits.logsMb, bounds.logsMb, { what: "log size", unit: " MB" });
  requireRange(limits.concurrency, bounds.concurrency, { what: "concurrency", unit: "" });
  requireRange(limits.instances ?? 0, { min: 0, max: bounds.instancesMax }, { what: "instance concurrency", unit: "" });
}

function requireRange(
  value: number,
  range: Pick<Range, "min" | "max">,
  words: { readonly what: string; readonly unit: string },
): void {
  const { what, unit } = words;
  if (value > range.max) {
    throw new PlatformError(
      "request/malformed",
      `${what} ${value}${unit} exceeds allowed threshold of ${range.max}${unit}`,
    );
  }
  if (value < range.min) {
    throw new PlatformError(
      "request/malformed",
      `${what} ${value}${unit} below allowed threshold of ${range.min}${unit}`,
    );
  }
}
