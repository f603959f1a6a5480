import type { ShardOperation } from "../../../contract/rpc.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part } from "../kernel/part.ts";

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

    /** Of the operations that are not done, the one that has waited for longest. */
    next(): KnownOperation | null {
      const row = sql.all<OperationRow>(
        `SELECT ${COLUMNS} FROM operations WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1`,
      )[0];
      return row === undefined ? null : toKnown(row);
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

    /**
     * When an operation goes on, which is `now` while any is not done, or when one may be forgotten, epoch milliseconds; null
     * when there is none. `next_at` is a place in line, and no time to wait for.
     */
    nextAt(now: number): number | null {
      const row = sql.all<{ next: number | null; expiry: number | null }>(
        `SELECT (SELECT min(next_at) FROM operations WHERE next_at IS NOT NULL) AS next,
           (SELECT min(expires_at) FROM operations WHERE expires_at IS NOT NULL) AS expiry`,
      )[0];
      return row === undefined || row.next === null ? (row?.expiry ?? null) : now;
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
