import type { AuditViolation } from "../../../contract/rpc.ts";
import type { SqlRow, SqlValue } from "../../sql.ts";
import type { AuditPage, AuditView, RowRules } from "./audit-rules.ts";

/** Where a walk along a table goes on: behind the row with this key; null: at the first. */
export type RowCursor = readonly SqlValue[] | null;

/**
 * Looks at the next rows of a table, as many as weigh `limit` (one at least), with all of its rules in one statement. Nothing
 * comes between a row and what its rules ask of other rows: a violation was one.
 */
export class RowWalk {
  readonly #table: RowRules;
  readonly #texts: { keys: (open: boolean) => string; broken: (open: boolean) => string };

  constructor(table: RowRules) {
    this.#table = table;
    this.#texts = textsOf(table);
  }

  next(view: AuditView, after: RowCursor, limit: number): AuditPage & { after: RowCursor } {
    const { key, rules, weight = 1 } = this.#table;
    const from = after ?? [];
    const most = Math.ceil(limit / weight);
    const keys = view.sql.all(this.#texts.keys(after === null), ...from, most);
    const last = keys.at(-1);
    if (last === undefined) return { rows: 0, done: true, violations: [], after };
    const upTo = key.map((column) => last[column] ?? null);
    const rows = view.sql.all<SqlRow & { named: string }>(
      this.#texts.broken(after === null),
      view.now,
      ...upTo,
      ...from,
    );
    const violations = rows.flatMap((row) =>
      rules.flatMap(({ rule, detail }, i): AuditViolation[] =>
        row[`r${i}`] === 1 ? [{ rule, detail: `${row.named} ${detail}` }] : [],
      ),
    );
    return { rows: keys.length * weight, done: keys.length < most, violations, after: upTo };
  }
}

/** The statements: `open` where the walk has no row behind it yet. They are made once: SQLite finds a statement by its text. */
function textsOf({ table, key, named, rules }: RowRules) {
  const columns = key.join(", ");
  const places = (first: number) => key.map((_, i) => `?${first + i}`).join(", ");
  const behind = (first: number) => `(${columns}) > (${places(first)})`;
  const keys = (open: boolean) =>
    `SELECT ${columns} FROM ${table} ${open ? "" : `WHERE ${behind(1)}`} ORDER BY ${columns} LIMIT +?${open ? 1 : key.length + 1}`;
  const flags = rules.map(({ where }, i) => `coalesce((${where}), 0) <> 0 AS r${i}`).join(", ");
  const broken = (open: boolean) =>
    `SELECT * FROM (SELECT ${named} AS named, ${flags} FROM ${table} AS r
       WHERE (${columns}) <= (${places(2)}) ${open ? "" : `AND ${behind(2 + key.length)}`} LIMIT -1)
     WHERE ${rules.map((_, i) => `r${i}`).join(" OR ")}`;
  const both = (make: (open: boolean) => string) => {
    const texts = [make(false), make(true)] as const;
    return (open: boolean) => texts[open ? 1 : 0];
  };
  return { keys: both(keys), broken: both(broken) };
}
