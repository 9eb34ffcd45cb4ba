/** What is told of a set of durations. All in the unit they came in. */
export interface Summary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Sums up samples; an empty set gives NaN everywhere, so that a figure nobody measured cannot pass for one. */
export function summarize(samples: Iterable<number>): Summary {
  const sorted = Float64Array.from(samples).sort();
  const total = sorted.reduce((sum, sample) => sum + sample, 0);
  return {
    count: sorted.length,
    mean: total / sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    p999: percentile(sorted, 0.999),
    max: percentile(sorted, 1),
  };
}

/** The smallest sample that at least `share` of all samples do not exceed (nearest rank): always a value that was measured. */
export function percentile(sorted: Float64Array, share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** The middle of a few figures, e.g. of one per round. */
export function median(figures: Iterable<number>): number {
  return percentile(Float64Array.from(figures).sort(), 0.5);
}
