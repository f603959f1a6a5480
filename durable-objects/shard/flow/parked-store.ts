import type { Sql, SqlRow } from "../../sql.ts";
import { countsEqualRows, keptCounts } from "../kernel/kept-counts.ts";
import { Part, type Parts, type StepScope } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";
import type { Rows } from "../kernel/quarantine.ts";

/** One ordering key of one queue on this shard. */
export interface Line {
  slot: number;
  queue: number;
  key: string;
}

/** Parked keys as rows that are walked over. */
export const EACH_PARKED_KEY = {
  kind: "parked",
  keyOf: ({ slot, queue, key }) => `${slot}/${queue}/${key}`,
} as const satisfies Rows<Line>;

/** An ordering key that is parked. A key that is paused by hand may be blocked by a failure as well: `job` says so. */
export interface ParkedKey extends SqlRow {
  slot: number;
  queue: number;
  key: string;
  state: "blocked" | "paused";
  /** The failed job that the key waits for a decision about; null when nothing failed. */
  job: string | null;
  since: number;
}

/** Where a page of keys goes on: the last one it gave. */
export interface ParkedPosition {
  since: number;
  key: string;
}

/** The rows of keys that are parked. Most shards never have one, and then nobody looks. */
export class ParkedStore {
  #sql: Sql;
  readonly #presence: Presence;
  /** Queues that may have keys which nothing is to hold any more. Their settings and rows say whether they do. */
  readonly suspects: Set<number>;

  constructor(sql: Sql, presence: Presence, suspects: Set<number>) {
    this.#sql = sql;
    this.#presence = presence;
    this.suspects = suspects;
  }

  /** Whether any key may be parked. */
  get any(): boolean {
    return this.#presence.any;
  }

  find({ slot, queue, key }: Line): ParkedKey | null {
    if (!this.#presence.any) return null;
    const query = "SELECT * FROM parked WHERE slot = ? AND queue = ? AND key = ?";
    return this.#sql.all<ParkedKey>(query, slot, queue, key)[0] ?? null;
  }

  has(line: Line): boolean {
    return this.find(line) !== null;
  }

  /** 2 rows. */
  save(step: Parts, { slot, queue, key, state, job, since }: ParkedKey): void {
    if (!this.has({ slot, queue, key })) step.get(PARKED_COUNTS).add(queue, 1);
    this.#presence.raise();
    this.#sql.run(
      `INSERT INTO parked (slot, queue, key, state, job, since) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (slot, queue, key) DO UPDATE SET state = excluded.state, job = excluded.job, since = excluded.since`,
      slot,
      queue,
      key,
      state,
      job,
      since,
    );
  }

  remove(step: StepScope & Parts, { slot, queue, key }: Line): void {
    const query = "DELETE FROM parked WHERE slot = ? AND queue = ? AND key = ? RETURNING queue";
    step.get(PARKED_COUNTS).add(queue, -this.#sql.all(query, slot, queue, key).length);
    this.#presence.recheck(step);
  }

  /** Keys of a queue in one state, the latest first and by name where two are as old. */
  page(queue: number, state: ParkedKey["state"], { after, limit }: { after: ParkedPosition | null; limit: number }) {
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

/** Whether any ordering key is parked. */
export const ANY_PARKED = new Part("any parked key", ({ sql }) => new Presence(sql, "parked"));

/** How many keys of each queue are parked. */
export const PARKED_COUNTS = keptCounts("counts of parked keys", ({ sql }) =>
  sql.all<{ key: number; n: number }>("SELECT queue AS key, count(*) AS n FROM parked GROUP BY queue"),
);

export const PARKED_AUDIT = countsEqualRows("parked-equals-rows", PARKED_COUNTS, {
  name: "parked keys",
  rows: ({ sql }, limit) =>
    sql.all<{ key: number; n: number }>(
      "SELECT queue AS key, count(*) AS n FROM (SELECT queue FROM parked LIMIT +?1) GROUP BY queue",
      limit,
    ),
});

export const PARKED = new Part("parked keys", (shard) => {
  return new ParkedStore(shard.sql, shard.get(ANY_PARKED), new Set(shard.get(PARKED_COUNTS).keys()));
});
