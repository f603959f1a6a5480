import type { Job } from "../../domain/job.ts";

/** Where the projector writes: history's copy of finished jobs, and how far each shard's are in it. */
export interface ProjectionStore {
  /** The last cursor written for `shard`; 0 before the first. Read from the primary. */
  cursor(shard: string): Promise<number>;
  /** Writes `jobs` and `cursor` together or not at all. An older copy of a job never replaces a newer. */
  write(shard: string, jobs: Job[], cursor: number): Promise<void>;
}

/** D1 binds values of up to 2 MB; a page is split well below, counting code units of the JSON at up to three bytes. */
const MAX_CHUNK_UNITS = 600_000;

const COLUMNS = "id, namespace, queue, state, version, ordering_key, finished_at, record, payload, result, attempts";

const KEEP_NEWER = `ON CONFLICT (id) DO UPDATE SET
  state = excluded.state, version = excluded.version, finished_at = excluded.finished_at, record = excluded.record,
  payload = excluded.payload, result = excluded.result, attempts = excluded.attempts
  WHERE excluded.version > jobs.version`;

/**
 * Any number of rows for one bound value: D1 allows a hundred of those in a statement. Each row is parsed once, into
 * JSONB: read straight from `json_each` it would be parsed again for every column.
 */
const UPSERT_MANY = `WITH rows AS MATERIALIZED (SELECT jsonb(value) AS r FROM json_each(?1))
INSERT INTO jobs (${COLUMNS})
SELECT r ->> 0, r ->> 1, r ->> 2, r ->> 3, r ->> 4, r ->> 5, r ->> 6, r ->> 7, r ->> 8, r ->> 9, r ->> 10
FROM rows WHERE true ${KEEP_NEWER}`;

/** For a row whose JSON would be too large to bind as one value. */
const UPSERT_ONE = `INSERT INTO jobs (${COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ${KEEP_NEWER}`;

/** A projector that was overtaken must not take the cursor back. */
const ADVANCE = `INSERT INTO projections (shard, cursor, updated_at) VALUES (?1, ?2, ?3)
ON CONFLICT (shard) DO UPDATE SET cursor = max(cursor, excluded.cursor), updated_at = excluded.updated_at`;

type Cell = string | number | null;

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
    async write(shard, jobs, cursor) {
      const { chunks, large } = split(jobs.map(cellsOf));
      await db.batch([
        ...chunks.map((chunk) => db.prepare(UPSERT_MANY).bind(chunk)),
        ...large.map((cells) => db.prepare(UPSERT_ONE).bind(...cells)),
        db.prepare(ADVANCE).bind(shard, cursor, now()),
      ]);
    },
  };
}

function cellsOf(job: Job): Cell[] {
  const { payload, result, attempts, ...record } = job;
  // Only final jobs are projected, and those have a finish.
  const finishedAt = job.finishedAt ?? job.createdAt;
  const { id, namespace, queue, state, version, orderingKey } = job;
  const texts = [JSON.stringify(record), payload, result, JSON.stringify(attempts)];
  return [id, namespace, queue, state, version, orderingKey, finishedAt, ...texts];
}

/** Rows as JSON arrays of rows, each small enough to bind, and those rows that are too large for that. */
function split(rows: Cell[][]): { chunks: string[]; large: Cell[][] } {
  const chunks: string[] = [];
  const large: Cell[][] = [];
  let pending: string[] = [];
  let units = 0;
  const flush = () => {
    if (pending.length > 0) chunks.push(`[${pending.join(",")}]`);
    pending = [];
    units = 0;
  };
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (json.length > MAX_CHUNK_UNITS) {
      large.push(row);
      continue;
    }
    if (units + json.length > MAX_CHUNK_UNITS) flush();
    pending.push(json);
    units += json.length + 1;
  }
  flush();
  return { chunks, large };
}
