// A summary of each column of a CSV text: what a spreadsheet's owner wants to know before opening it.

function main({ csv, topMax = 3 }) {
  if (typeof csv !== "string" || csv.trim() === "") return { error: "give the text of a CSV file as parameter csv" };
  const [header, ...rows] = parseCsv(csv);
  const columns = header.map((name, i) =>
    summarise(
      name,
      rows.map((row) => row[i] ?? ""),
      topMax,
    ),
  );
  console.log(`${rows.length} rows, ${header.length} columns`);
  return { rows: rows.length, columns };
}

function summarise(name, cells, topMax) {
  const filled = cells.filter((cell) => cell !== "");
  const empty = cells.length - filled.length;
  const numbers = filled.map(Number);
  if (filled.length > 0 && numbers.every(Number.isFinite)) {
    const sum = numbers.reduce((total, n) => total + n, 0);
    const sorted = numbers.toSorted((a, b) => a - b);
    return {
      name,
      type: "number",
      empty,
      min: sorted[0],
      median: sorted[Math.floor(sorted.length / 2)],
      mean: Number((sum / numbers.length).toFixed(2)),
      max: sorted.at(-1),
    };
  }
  const counts = new Map();
  for (const cell of filled) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const top = [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, topMax);
  return { name, type: "text", empty, distinct: counts.size, top: top.map(([value, count]) => ({ value, count })) };
}

// RFC 4180: quoted fields may hold commas, line breaks and doubled quotes.
function parseCsv(text) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "," || c === "\n") {
      row.push(cell.replace(/\r$/, ""));
      cell = "";
      if (c === "\n") {
        rows.push(row);
        row = [];
      }
    } else cell += c;
  }
  if (cell !== "" || row.length > 0) rows.push([...row, cell.replace(/\r$/, "")]);
  return rows.filter((cells) => cells.length > 1 || cells[0] !== "");
}
