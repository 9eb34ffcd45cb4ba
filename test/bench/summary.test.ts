import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, render } from "../../bench/report/report.ts";
import { median, percentile, summarize } from "../../bench/report/summary.ts";

test("a percentile is a sample by nearest rank, not an average of two", () => {
  const sorted = Float64Array.from({ length: 1000 }, (_, at) => at + 1);
  assert.equal(percentile(sorted, 0.5), 500);
  assert.equal(percentile(sorted, 0.99), 990);
  assert.equal(percentile(sorted, 0.999), 999);
  assert.equal(percentile(sorted, 1), 1000);
});

test("one slow sample of ten shows in p99 and max, not in p50", () => {
  const summary = summarize([1, 1, 1, 1, 1, 1, 1, 1, 1, 50]);
  assert.deepEqual(summary, { count: 10, mean: 5.9, p50: 1, p99: 50, p999: 50, max: 50 });
});

test("figures nobody measured are no figures", () => {
  assert.equal(summarize([]).count, 0);
  assert.ok(Number.isNaN(summarize([]).p50));
  assert.ok(Number.isNaN(median([])));
  assert.equal(figure(Number.NaN), "-");
});

test("a report shows a claim that falls short", () => {
  const claim = { text: "p50", measured: "3", target: "<= 2", kept: false };
  const text = render({ question: "warm", claims: [claim], tables: [], notes: [], figures: {} });
  assert.match(text, /SHORT +p50 +3 +<= 2/);
});
