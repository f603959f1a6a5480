import type { ShardOperation } from "../../../contract/rpc.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Rows } from "../kernel/quarantine.ts";

/**
 * How far an operation has walked: all ids up to `after` are behind it. `nextAt` (epoch milliseconds) is its place in the
 * line of operations, null when it is done.
 */
export interface Walk {
  after: string;
  scanned: number;
  matched: number;
  changed: number;
  /** The earliest time at which the next job may be put back in line, epoch milliseconds. */
  pacedAt: number;
  nextAt: number | null;
}

export interface KnownOperation extends Walk {
  operation: ShardOperation;
}

interface OperationRow extends SqlRow {
  request: string;
  after: string;
  scanned: number;
  matched: number;
  changed: number;
  paced_at: number;
  next_at: number | null;
}

/** Operations as rows that are walked over, by their ids: each walks over jobs itself. */
export const EACH_OPERATION = { kind: "operations", keyOf: (id) => id, nests: true } as const satisfies Rows<string>;

const COLUMNS = "request, after, scanned, matched, changed, paced_at, next_at";

/** Every statement on `operations`. */
export function operationStore(sql: Sql) {
  return {
    find(id: string): KnownOperation | null {
      const row = sql.all<OperationRow>(`SELECT ${COLUMNS} FROM operations WHERE id = ?`, id)[0];
      return row === undefined ? null : toKnown(row);
    },

    /** 2 rows. */
    add(operation: ShardOperation, now: number): void {
      sql.run(
        "INSERT INTO operations (id, request, next_at) VALUES (?, ?, ?)",
        operation.id,
        JSON.stringify(operation),
        now,
      );
    },

    /** The ids of the operations that are not done, those first that have waited for longest. */
    waiting(limit: number): string[] {
      const query = "SELECT id FROM operations WHERE next_at IS NOT NULL ORDER BY next_at LIMIT +?";
      return sql.all<{ id: string }>(query, limit).map(({ id }) => id);
    },

    save(id: string, walk: Walk, expiresAt: number | null): void {
      sql.run(
        `UPDATE operations SET after = ?, scanned = ?, matched = ?, changed = ?, paced_at = ?, next_at = ?, expires_at = ?
         WHERE id = ?`,
        walk.after,
        walk.scanned,
        walk.matched,
        walk.changed,
        walk.pacedAt,
        walk.nextAt,
        expiresAt,
        id,
      );
    },

    /** Whether any is not done, and when one may be forgotten, epoch milliseconds; null: never. */
    times(): { next: number | null; expiry: number | null } {
      const row = sql.all<{ next: number | null; expiry: number | null }>(
        `SELECT (SELECT min(next_at) FROM operations WHERE next_at IS NOT NULL) AS next,
           (SELECT min(expires_at) FROM operations WHERE expires_at IS NOT NULL) AS expiry`,
      )[0];
      return row ?? { next: null, expiry: null };
    },

    /** Forgets at most `limit` operations whose time is over. Returns how many. */
    sweep(now: number, limit: number): number {
      return sql.all(
        `DELETE FROM operations WHERE id IN (SELECT id FROM operations INDEXED BY operations_expiry
           WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT +?) RETURNING 1 AS done`,
        now,
        limit,
      ).length;
    },
  };
}

export const OPERATIONS = new Part("operations", ({ sql }) => operationStore(sql));

function toKnown(row: OperationRow): KnownOperation {
  const { request, after, scanned, matched, changed, paced_at: pacedAt, next_at: nextAt } = row;
  return { operation: JSON.parse(request) as ShardOperation, after, scanned, matched, changed, pacedAt, nextAt };
}
