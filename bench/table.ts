/** Rows under headings, their columns aligned; numbers to the right. */
export type Cell = string | number | undefined;

/** Everything that was printed, for machines: a row is an object by its headings. */
export const printed: { readonly title: string; readonly rows: readonly Readonly<Record<string, Cell>>[] }[] = [];

export function printTable(title: string, headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  printed.push({ title, rows: rows.map((row) => Object.fromEntries(headings.map((name, i) => [name, row[i]]))) });
  const texts = rows.map((row) => row.map(textOf));
  const widths = headings.map((heading, i) => Math.max(heading.length, ...texts.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("   ");
  const rule = widths.map((width) => "-".repeat(width)).join("   ");
  process.stdout.write(`\n${title}\n\n${[line(headings), rule, ...texts.map(line)].join("\n")}\n`);
}

/** What is under way; not part of the result. */
export function progress(what: string): void {
  process.stderr.write(`… ${what}\n`);
}

function textOf(cell: Cell): string {
  if (cell === undefined || Number.isNaN(cell)) return "–";
  if (typeof cell === "string") return cell;
  if (cell >= 1000) return Math.round(cell).toLocaleString("en");
  if (cell >= 100) return cell.toFixed(0);
  return cell >= 10 ? cell.toFixed(1) : cell.toFixed(2);
}
