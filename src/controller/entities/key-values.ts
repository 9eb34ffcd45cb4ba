import type { KeyValue } from "../../kernel/action.ts";

/** `base` with `over` laid over it: a key of both has its new value, in its old place. */
export function mergeKeyValues(base: readonly KeyValue[], over: readonly KeyValue[]): readonly KeyValue[] {
  const merged = new Map<string, KeyValue>();
  for (const pair of base) merged.set(pair.key, pair);
  for (const pair of over) merged.set(pair.key, pair);
  return [...merged.values()];
}

/** `pairs` without the keys named. */
export function withoutKeys(pairs: readonly KeyValue[], keys: readonly string[]): readonly KeyValue[] {
  return keys.length === 0 ? pairs : pairs.filter((pair) => !keys.includes(pair.key));
}

/** Bytes as OpenWhisk counts them: every key, and every value as JSON. */
export function keyValuesBytes(pairs: readonly KeyValue[]): number {
  let bytes = 0;
  for (const pair of pairs) bytes += Buffer.byteLength(pair.key) + Buffer.byteLength(JSON.stringify(pair.value));
  return bytes;
}
