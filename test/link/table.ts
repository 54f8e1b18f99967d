/** What came of each suite for each terminal, as a table. */

export interface Tally {
  readonly passed: number;
  readonly of: number;
}

/** A word: why a suite was not run there. */
export type Result = Tally | string;

export interface Row {
  readonly name: string;
  readonly results: readonly Result[];
}

/** A suite of which nothing ran has proven nothing. */
export const isGood = (result: Result): boolean =>
  typeof result === "string" || (result.of > 0 && result.passed === result.of);

export function table(headings: readonly string[], rows: readonly Row[]): string {
  const cells = [headings, ...rows.map(({ name, results }) => [name, ...results.map(textOf)])];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return cells.map((row) => `${line(row).trimEnd()}\n`).join("");
}

function textOf(result: Result): string {
  if (typeof result === "string") return result;
  return `${result.passed} of ${result.of}${isGood(result) ? "" : " FAILED"}`;
}
