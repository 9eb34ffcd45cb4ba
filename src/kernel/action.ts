import type { CodeDigest, EntityPath, Namespace, Revision } from "./ids.ts";
import type { JsonValue } from "./json.ts";

/** One parameter or annotation. `init` marks a parameter that goes to the environment at init instead of the arguments. */
export interface KeyValue {
  readonly key: string;
  readonly value: JsonValue;
  readonly init?: boolean;
}

/** What one activation of an action may use. */
export interface ActionLimits {
  /** Milliseconds for init and again for run; 100 to 300,000, default 60,000. */
  readonly timeoutMs: number;
  /** Megabytes (2^20 bytes) of the container; 128 to 512, default 256. */
  readonly memoryMb: number;
  /** Megabytes of log kept per activation; 0 to 10, default 10; 0 collects none. */
  readonly logsMb: number;
  /** Activations at once inside one container; default 1. */
  readonly concurrency: number;
  /**
   * Containers at once of the action, up to the namespace's concurrency; absent when nobody set it. Kept and shown; as in OpenWhisk
   * without its scheduler, nothing enforces it.
   */
  readonly instances?: number;
}

/** What runs: always code behind a kind here; sequences and blackboxes join with their own issues. */
export interface CodeExec {
  /** A concrete kind such as `nodejs:24`; aliases are resolved when the action is written. */
  readonly kind: string;
  /** The entry point's name; the runtime's own default ("main") when absent. */
  readonly main?: string;
  /** True when the code is a zip archive, false when it is source text (UTF-8). */
  readonly binary: boolean;
  readonly code: CodeDigest;
  /** Size of the stored code in bytes, for limits and for planning. */
  readonly codeBytes: number;
}

/** Which action, exactly: the revision pins code, limits and parameters at once. */
export interface ActionRef {
  /** The owner's namespace, not the caller's. */
  readonly namespace: Namespace;
  readonly path: EntityPath;
  readonly version: string;
  readonly revision: Revision;
}
