import { HISTORY_COLUMNS } from "../../contract/history.ts";
import { once, type RetryD1 } from "./retry.ts";

/** Where the projector writes: history's copy of finished jobs, and how far each shard's are in it. */
export interface ProjectionStore {
  /** The last cursor written for `shard`; 0 before the first. Read from the primary. */
  cursor(shard: string): Promise<number>;
  /**
   * Writes rows (`contract/history.ts`) and the cursor together or not at all; may be done twice. An older copy of a job
   * never replaces a newer. Answers D1's bookmark of the write, or null where it gives none.
   */
  write(shard: string, chunks: string[], reached: Reached): Promise<string | null>;
}

/** How far history is with a shard once the rows beside it are written. */
export interface Reached {
  /** All that the shard's log has up to here. */
  cursor: number;
  /** Epoch ms: and all that had come to its end by then. Null: that is not known, because the shard has more. */
  heardAt: number | null;
}

/**
 * Any number of rows for one bound value: D1 allows a hundred of those in a statement. Each row is parsed once, into
 * JSONB: read straight from `json_each` it would be parsed again for every column.
 */
const ROWS = "WITH rows AS MATERIALIZED (SELECT jsonb(value) AS r FROM json_each(?1))";

const UPSERT = `${ROWS}
INSERT INTO jobs (${HISTORY_COLUMNS.join(", ")})
SELECT ${HISTORY_COLUMNS.map((_, i) => `r ->> ${i}`).join(", ")}
FROM rows WHERE true
ON CONFLICT (namespace, id) DO UPDATE SET
  state = excluded.state, version = excluded.version, ordering_key = excluded.ordering_key,
  finished_at = excluded.finished_at, record = excluded.record,
  payload = excluded.payload, result = excluded.result, attempts = excluded.attempts
  WHERE excluded.version > jobs.version`;

const column = (name: (typeof HISTORY_COLUMNS)[number]) => `r ->> ${HISTORY_COLUMNS.indexOf(name)}`;

/**
 * What the same rows make of the number of succeeded jobs of each queue, counted before they are written: those that come
 * in, less those whose place something else takes. The newest copy of a job counts. One row a queue.
 */
const COUNT = `${ROWS}, newest AS (
  SELECT ${column("namespace")} AS namespace, ${column("id")} AS id, ${column("queue")} AS queue,
    ${column("state")} AS state, max(${column("version")}) AS version
  FROM rows GROUP BY 1, 2),
changes AS (
  SELECT newest.namespace AS namespace, newest.queue AS queue,
    sum((newest.state = 'succeeded') - coalesce(jobs.state = 'succeeded', 0)) AS change
  FROM newest LEFT JOIN jobs ON jobs.namespace = newest.namespace AND jobs.id = newest.id
  WHERE jobs.version IS NULL OR newest.version > jobs.version GROUP BY 1, 2)
INSERT INTO history_counts (namespace, queue, succeeded)
SELECT namespace, queue, change FROM changes WHERE change <> 0
ON CONFLICT (namespace, queue) DO UPDATE SET succeeded = succeeded + excluded.succeeded`;

/** A projector that was overtaken must not take the cursor back. */
const MOVE_CURSOR = `INSERT INTO projections (shard, cursor, updated_at, heard_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (shard) DO UPDATE SET cursor = max(cursor, excluded.cursor), updated_at = excluded.updated_at,
  heard_at = coalesce(excluded.heard_at, heard_at)`;

/** History has all of a shard's log up to a number that the shard gave at `?2` or later: so it has all that ended by then. */
const CONFIRM = `UPDATE projections SET heard_at = ?2, updated_at = ?3
WHERE EXISTS (SELECT 1 FROM json_each(?1) WHERE value ->> 0 = shard AND value ->> 1 <= cursor)`;

/** The projection in D1. `now` is epoch milliseconds. Reads and writes the primary. */
export function projectionStore(db: D1Database, now: () => number, retryD1: RetryD1 = once): ProjectionStore {
  return {
    async cursor(shard) {
      const query = "SELECT cursor FROM projections WHERE shard = ?1";
      const row = await retryD1(() => db.prepare(query).bind(shard).first<{ cursor: number }>());
      return row?.cursor ?? 0;
    },
    write(shard, chunks, { cursor, heardAt }) {
      return retryD1(async () => {
        const session = db.withSession("first-primary");
        await session.batch([
          ...chunks.flatMap((chunk) => [COUNT, UPSERT].map((query) => session.prepare(query).bind(chunk))),
          session.prepare(MOVE_CURSOR).bind(shard, cursor, now(), heardAt),
        ]);
        return session.getBookmark();
      });
    },
  };
}

/**
 * Notes that history is level with these shards, where it is: `seq` is the newest number of a shard's log, given at
 * `heardAt` or later. So what is read of a shard with nothing to do has an age as well. One row a shard.
 */
export async function confirmProjections(
  db: D1Database,
  logs: { shard: string; seq: number }[],
  { heardAt, now }: { heardAt: number; now: number },
): Promise<void> {
  const ends = JSON.stringify(logs.map(({ shard, seq }) => [shard, seq]));
  await db.withSession("first-primary").prepare(CONFIRM).bind(ends, heardAt, now).run();
}
