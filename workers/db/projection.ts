import { HISTORY_COLUMNS } from "../../contract/history.ts";

/** Where the projector writes: history's copy of finished jobs, and how far each shard's are in it. */
export interface ProjectionStore {
  /** The last cursor written for `shard`; 0 before the first. Read from the primary. */
  cursor(shard: string): Promise<number>;
  /**
   * Writes rows (`contract/history.ts`) and `cursor` together or not at all. An older copy of a job never replaces a
   * newer.
   */
  write(shard: string, chunks: string[], cursor: number): Promise<void>;
}

/**
 * Any number of rows for one bound value: D1 allows a hundred of those in a statement. Each row is parsed once, into
 * JSONB: read straight from `json_each` it would be parsed again for every column.
 */
const UPSERT = `WITH rows AS MATERIALIZED (SELECT jsonb(value) AS r FROM json_each(?1))
INSERT INTO jobs (${HISTORY_COLUMNS.join(", ")})
SELECT ${HISTORY_COLUMNS.map((_, i) => `r ->> ${i}`).join(", ")}
FROM rows WHERE true
ON CONFLICT (id) DO UPDATE SET
  state = excluded.state, version = excluded.version, ordering_key = excluded.ordering_key,
  finished_at = excluded.finished_at, record = excluded.record,
  payload = excluded.payload, result = excluded.result, attempts = excluded.attempts
  WHERE excluded.version > jobs.version`;

/** A projector that was overtaken must not take the cursor back. */
const ADVANCE = `INSERT INTO projections (shard, cursor, updated_at) VALUES (?1, ?2, ?3)
ON CONFLICT (shard) DO UPDATE SET cursor = max(cursor, excluded.cursor), updated_at = excluded.updated_at`;

/** The projection in D1. `now` is epoch milliseconds. Only `db.withSession` would read a replica, and it is not used. */
export function projectionStore(db: D1Database, now: () => number): ProjectionStore {
  return {
    async cursor(shard) {
      const row = await db
        .prepare("SELECT cursor FROM projections WHERE shard = ?1")
        .bind(shard)
        .first<{ cursor: number }>();
      return row?.cursor ?? 0;
    },
    async write(shard, chunks, cursor) {
      await db.batch([
        ...chunks.map((chunk) => db.prepare(UPSERT).bind(chunk)),
        db.prepare(ADVANCE).bind(shard, cursor, now()),
      ]);
    },
  };
}
