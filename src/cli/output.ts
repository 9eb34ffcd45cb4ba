/** Rows under headings, each column as wide as its widest cell. Ends with a line break. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(headings), ...rows.map(line), ""].join("\n");
}

/** `name  value` lines, values below each other. */
export function fieldList(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** One line of JSON; on a terminal, several once it is wider than the window. */
export function jsonText(value: unknown, view: { readonly terminal: boolean; readonly columns: number }): string {
  const line = JSON.stringify(value) ?? "null";
  return `${view.terminal && line.length > view.columns ? JSON.stringify(value, null, 2) : line}\n`;
}

/** A point in time for people: local time, to the second, e.g. `2026-11-21 14:05:09`. */
export function timeText(epochMs: number | undefined): string {
  if (epochMs === undefined) return "-";
  const date = new Date(epochMs);
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** How long ago, in its largest unit: `12s ago`, `3m ago`, `5h ago`, `2d ago`. */
export function agoText(epochMs: number | undefined, nowMs: number): string {
  if (epochMs === undefined) return "-";
  const seconds = Math.max(0, Math.round((nowMs - epochMs) / 1000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h ago` : `${Math.floor(seconds / 86_400)}d ago`;
}

/** Milliseconds for people: `7 ms`, `1.25 s`, `2 m 5 s`. */
export function durationText(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(2))} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

/** Bytes for people: `12 B`, `4.2 KB`, `36.0 MB` (2^10 and 2^20). */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}
