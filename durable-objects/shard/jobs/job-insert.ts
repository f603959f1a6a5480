import { inChunks } from "../../chunks.ts";
import type { Sql, SqlValue } from "../../sql.ts";
import type { NewRow } from "./job-store.ts";

/** What the jobs of one request mostly have in common is bound once; what each has to itself comes as an array. */
const INSERT = `INSERT INTO jobs (id, seq, rank, payload, queue, partition, state, blocked, priority, ordering_key, concurrency_key,
    dedup_key, due_at, timeout_ms, created_at, run_at, expires_at, spec)
  SELECT r ->> 0, r ->> 1, r ->> 2, r ->> 3, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15
  FROM (SELECT jsonb(value) AS r FROM json_each(?1) LIMIT -1) WHERE true ON CONFLICT (id) DO NOTHING RETURNING id`;

/** Inserts new jobs, a few statements for any number of them; answers the ids that were not there before. */
export function insertJobs(sql: Sql, rows: NewRow[]): Set<string> {
  const inserted = alike(rows).flatMap((group) =>
    inChunks(group.rows.map(({ id, seq, rank, payload }) => [id, seq, rank, payload])).flatMap((chunk) =>
      sql.all<{ id: string }>(INSERT, chunk, ...group.shared),
    ),
  );
  return new Set(inserted.map(({ id }) => id));
}

function sharedCells(row: NewRow): SqlValue[] {
  const { queue, partition, state, blocked, priority, orderingKey, concurrencyKey, dedupKey } = row;
  const { dueAt, timeoutMs, createdAt, runAt, expiresAt, spec } = row;
  const keys = [orderingKey, concurrencyKey, dedupKey];
  return [queue, partition, state, blocked, priority, ...keys, dueAt, timeoutMs, createdAt, runAt, expiresAt, spec];
}

/** Neighbours that share all but id, sequence, rank and payload. */
function alike(rows: NewRow[]): { shared: SqlValue[]; rows: NewRow[] }[] {
  const groups: { shared: SqlValue[]; rows: NewRow[] }[] = [];
  for (const row of rows) {
    const shared = sharedCells(row);
    const last = groups.at(-1);
    if (last?.shared.every((cell, i) => cell === shared[i])) last.rows.push(row);
    else groups.push({ shared, rows: [row] });
  }
  return groups;
}
