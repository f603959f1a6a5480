import type { Sql, SqlRow } from "../../sql.ts";

/** One ordering key of one queue on this shard. */
export interface Line {
  queue: number;
  key: string;
}

/** An ordering key that stands still. A key that is paused by hand may be blocked by a failure as well: `job` says so. */
export interface ParkedKey extends SqlRow {
  queue: number;
  key: string;
  state: "blocked" | "paused";
  /** The failed job that the key waits for a decision about; null when nothing failed. */
  job: string | null;
  since: number;
}

/** Where a page of keys goes on: the last one it gave. */
export interface ParkedPlace {
  since: number;
  key: string;
}

/** The rows of keys that stand still. Most shards never have one, and then nobody looks. */
export class ParkedStore {
  #sql: Sql;
  /** Whether there may be a row. Once true it stays so until the object starts anew: it only spares looking. */
  #any: boolean;
  /** Queues that may have keys which nothing is to hold any more. Their settings and rows say whether they do. */
  readonly suspects: Set<number>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#any = sql.all("SELECT 1 AS one FROM parked LIMIT 1").length > 0;
    this.suspects = new Set(sql.all<{ queue: number }>("SELECT DISTINCT queue FROM parked").map(({ queue }) => queue));
  }

  /** The settings of a queue have changed so that its keys may have to be let go. True when it may have any. */
  suspect(queue: number): boolean {
    if (this.#any) this.suspects.add(queue);
    return this.#any;
  }

  find({ queue, key }: Line): ParkedKey | null {
    if (!this.#any) return null;
    return this.#sql.all<ParkedKey>("SELECT * FROM parked WHERE queue = ? AND key = ?", queue, key)[0] ?? null;
  }

  has(line: Line): boolean {
    return this.find(line) !== null;
  }

  /** 2 rows. */
  save({ queue, key, state, job, since }: ParkedKey): void {
    this.#any = true;
    this.#sql.run(
      `INSERT INTO parked (queue, key, state, job, since) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (queue, key) DO UPDATE SET state = excluded.state, job = excluded.job, since = excluded.since`,
      queue,
      key,
      state,
      job,
      since,
    );
  }

  remove({ queue, key }: Line): void {
    this.#sql.run("DELETE FROM parked WHERE queue = ? AND key = ?", queue, key);
  }

  /** How many keys of a queue stand still; of all queues when it is null. */
  count(queue: number | null): number {
    if (!this.#any) return 0;
    const where = queue === null ? "" : "WHERE queue = ?";
    const params = queue === null ? [] : [queue];
    return this.#sql.all<{ n: number }>(`SELECT count(*) AS n FROM parked ${where}`, ...params)[0]?.n ?? 0;
  }

  /** Keys of a queue in one state, the latest first and by name where two are as old. */
  page(queue: number, state: ParkedKey["state"], { after, limit }: { after: ParkedPlace | null; limit: number }) {
    return this.#sql.all<ParkedKey>(
      `SELECT * FROM parked INDEXED BY parked_since
       WHERE queue = ? AND state = ? AND since <= ? AND (since < ? OR key > ?) ORDER BY since DESC, key LIMIT +?`,
      queue,
      state,
      after?.since ?? Number.MAX_SAFE_INTEGER,
      after?.since ?? Number.MAX_SAFE_INTEGER,
      after?.key ?? "",
      limit,
    );
  }
}
