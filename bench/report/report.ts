/** A figure beside what it should be. `kept` is absent where no target was set or nothing was measured. */
export interface Claim {
  readonly text: string;
  readonly measured: string;
  readonly target: string;
  readonly kept: boolean;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What one question's run came to: for people (claims, tables, notes) and for machines (`figures`, JSON-safe). */
export interface Report {
  readonly question: string;
  readonly claims: readonly Claim[];
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
  readonly figures: Readonly<Record<string, unknown>>;
}

/** A claim that holds when `measured <= most`. */
export function atMost(text: string, measured: number, most: number, unit = ""): Claim {
  return {
    text,
    measured: `${figure(measured)}${unit}`,
    target: `<= ${figure(most)}${unit}`,
    kept: measured <= most,
  };
}

/** A claim that holds when `measured >= least`. */
export function atLeast(text: string, measured: number, least: number, unit = ""): Claim {
  return {
    text,
    measured: `${figure(measured)}${unit}`,
    target: `>= ${figure(least)}${unit}`,
    kept: measured >= least,
  };
}

/** A number with three digits that matter, or all digits before the point; whole numbers as they are. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "-";
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** The report as text for a terminal. */
export function render(report: Report): string {
  const claims: Table = {
    title: `${report.question}: claims`,
    columns: ["", "claim", "measured", "target"],
    rows: report.claims.map((claim) => [claim.kept ? "ok" : "SHORT", claim.text, claim.measured, claim.target]),
  };
  const tables = report.claims.length === 0 ? report.tables : [...report.tables, claims];
  return [...tables.map(renderTable), ...report.notes.map((note) => `  ${note}`)].join("\n");
}

function renderTable({ title, columns, rows }: Table): string {
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => (row[at] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (isText(at, rows) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  return [`\n${title}`, line(columns), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Columns of words are aligned left, columns of figures right. */
function isText(column: number, rows: Table["rows"]): boolean {
  return rows.some((row) => /[a-z]{2}/i.test(row[column] ?? ""));
}
