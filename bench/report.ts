/** One line of the report. `budget` is what Dure promises of the ratio to the floor, or of the figure itself. */
export interface Row {
  name: string;
  floor?: number | null;
  /** What stands in the place of the floor. Left out: the floor. */
  beside?: string;
  dure: number | null;
  unit: "jobs/s" | "ms" | "MB" | "";
  budget?: { of: "ratio" | "figure"; atLeast?: number; atMost?: number };
}

function show(value: number | null | undefined, unit: Row["unit"]): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "n/a";
  if (unit === "jobs/s") return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toFixed(value < 1 ? 3 : 2);
}

/** Whether the row keeps its budget; null when it has none or could not be measured. */
export function passes(row: Row): boolean | null {
  const { budget, dure, floor } = row;
  if (budget === undefined || dure === null || Number.isNaN(dure)) return null;
  if (budget.of === "ratio" && (floor === null || floor === undefined)) return null;
  const value = budget.of === "ratio" ? dure / (floor ?? 1) : dure;
  return (
    (budget.atLeast === undefined || value >= budget.atLeast) && (budget.atMost === undefined || value <= budget.atMost)
  );
}

function cells(row: Row): string[] {
  const { floor, dure, budget } = row;
  const ratio = typeof floor === "number" && dure !== null ? (dure / floor).toFixed(2) : "";
  const bound =
    budget === undefined ? "" : budget.atLeast === undefined ? `<= ${budget.atMost}` : `>= ${budget.atLeast}`;
  const kind = budget?.of === "ratio" ? `x ${row.beside ?? "floor"}` : "";
  const verdict = passes(row);
  const mark = budget === undefined ? "" : verdict === null ? "n/a" : verdict ? "pass" : "MISS";
  return [
    row.unit === "" ? row.name : `${row.name}, ${row.unit}`,
    floor === undefined ? "" : `${row.beside === undefined ? "" : `${row.beside} `}${show(floor, row.unit)}`,
    show(dure, row.unit),
    ratio,
    `${bound} ${kind}`.trim(),
    mark,
  ];
}

/** The rows as a table of text. */
export function table(rows: Row[]): string {
  const lines = [["", "floor", "Dure", "ratio", "budget", ""], ...rows.map(cells)];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}
