declare const instant: unique symbol;

/**
 * A moment on this process's monotonic clock, in milliseconds (fractions allowed) since an arbitrary origin.
 * Comparable only within one process; calendar time lives in records, as epoch milliseconds named `...At`.
 */
export type Instant = number & { readonly [instant]: true };

/** Makes an {@link Instant} of a number of milliseconds. Only clocks and tests call it. */
export function instantOf(ms: number): Instant {
  return ms as Instant;
}

/** The instant `ms` milliseconds after `at` (before it, when negative). */
export function later(at: Instant, ms: number): Instant {
  return (at + ms) as Instant;
}

/** The earlier of two instants, where undefined means never. */
export function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? a : b;
}
