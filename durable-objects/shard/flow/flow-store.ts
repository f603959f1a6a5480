import type { AtGate } from "../../../domain/gate.ts";
import type { RateLog } from "../../../domain/rate.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import { Part } from "../kernel/part.ts";
import type { Rows } from "../kernel/quarantine.ts";

/** One partition of a queue with a rate. */
export interface RatedPartition {
  slot: number;
  queue: number;
  partition: number;
}

/** What the clock has to look at: the gate of one concurrency key. */
export interface GateKey {
  slot: number;
  queue: number;
  key: string;
}

/** Gates as rows that are walked over. */
export const EACH_GATE = {
  kind: "gates",
  keyOf: ({ slot, queue, key }) => `${slot}/${queue}/${key}`,
} as const satisfies Rows<GateKey>;

/** Rates of partitions as rows that are walked over. */
export const EACH_RATE = {
  kind: "rates",
  keyOf: ({ slot, queue, partition }) => `${slot}/${queue}/${partition}`,
} as const satisfies Rows<RatedPartition>;

/** The starts of the last period where the keys have a rate, and when the clock rebalances the gate next. */
export interface Gate {
  log: RateLog;
  lookAt: number | null;
}

const CLOSED_BOOK: Gate = { log: [], lookAt: null };

/** Rates and gates: the rows behind the limits of a queue and of its concurrency keys. */
function flowStore(sql: Sql) {
  return {
    rateLog({ slot, queue, partition }: RatedPartition): RateLog {
      const row = sql.all<{ log: string }>(
        "SELECT log FROM rates WHERE slot = ? AND queue = ? AND partition = ?",
        slot,
        queue,
        partition,
      )[0];
      return row === undefined ? [] : JSON.parse(row.log);
    },

    /** When a job of the queue, whose partitions have these slots, last started under its rate; null when none has. */
    lastStart(queue: number, slots: number[]): number | null {
      const rows = sql.all<{ log: string }>(
        "SELECT log FROM rates WHERE slot IN (SELECT value FROM json_each(?)) AND queue = ?",
        JSON.stringify(slots),
        queue,
      );
      const last = rows.flatMap(({ log }) => (JSON.parse(log) as RateLog).at(-1)?.[0] ?? []);
      return last.length === 0 ? null : Math.max(...last);
    },

    /** When the last of the gates that remember starts forgets them; null when none does. Reads the gates of the queue. */
    lastLookAt(queue: number, slots: number[]): number | null {
      const row = sql.all<{ at: number | null }>(
        `SELECT max(look_at) AS at FROM gates
         WHERE slot IN (SELECT value FROM json_each(?)) AND queue = ? AND log <> '[]'`,
        JSON.stringify(slots),
        queue,
      )[0];
      return row?.at ?? null;
    },

    /** 1 row a claim and partition, however many jobs start. */
    saveRateLog({ slot, queue, partition }: RatedPartition, log: RateLog): void {
      sql.run(
        `INSERT INTO rates (slot, queue, partition, log) VALUES (?, ?, ?, ?)
         ON CONFLICT (slot, queue, partition) DO UPDATE SET log = excluded.log`,
        slot,
        queue,
        partition,
        JSON.stringify(log),
      );
    },

    /** Logs with starts ahead of `now`: the clock has stepped back since. */
    rateLogsAhead(now: number): (RatedPartition & { log: RateLog })[] {
      const query =
        "SELECT slot, queue, partition, log FROM rates WHERE iif(json_valid(log), log ->> '$[#-1][0]' > ?, false)";
      return sql
        .all<SqlRow & RatedPartition & { log: string }>(query, now)
        .map((row) => ({ ...row, log: JSON.parse(row.log) }));
    },

    gate({ slot, queue, key }: GateKey): Gate {
      const row = sql.all<{ log: string; look_at: number | null }>(
        "SELECT log, look_at FROM gates WHERE slot = ? AND queue = ? AND key = ?",
        slot,
        queue,
        key,
      )[0];
      return row === undefined ? CLOSED_BOOK : { log: JSON.parse(row.log), lookAt: row.look_at };
    },

    /** 2 rows. A gate that remembers nothing has no row. */
    saveGate({ slot, queue, key }: GateKey, gate: Gate): void {
      if (gate.log.length === 0 && gate.lookAt === null) {
        sql.run("DELETE FROM gates WHERE slot = ? AND queue = ? AND key = ?", slot, queue, key);
        return;
      }
      sql.run(
        `INSERT INTO gates (slot, queue, key, log, look_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (slot, queue, key) DO UPDATE SET log = excluded.log, look_at = excluded.look_at`,
        slot,
        queue,
        key,
        JSON.stringify(gate.log),
        gate.lookAt,
      );
    },

    /** The gates that the clock looks at first, and when. */
    lookTimes(limit: number): { key: string; at: number }[] {
      const query = "SELECT slot, queue, key, look_at FROM gates WHERE look_at IS NOT NULL ORDER BY look_at LIMIT +?";
      const rows = sql.all<SqlRow & GateKey & { look_at: number }>(query, limit);
      return rows.map((row) => ({ key: EACH_GATE.keyOf(row), at: row.look_at }));
    },

    gatesToLookAt(now: number, limit: number): GateKey[] {
      return sql.all(
        "SELECT slot, queue, key FROM gates WHERE look_at IS NOT NULL AND look_at <= ? ORDER BY look_at LIMIT +?",
        now,
        limit,
      ) as unknown as GateKey[];
    },

    /** Gates that the clock would look at only after `at`, the latest first. */
    gatesBeyond(at: number, limit: number): GateKey[] {
      return sql.all(
        "SELECT slot, queue, key FROM gates WHERE look_at IS NOT NULL AND look_at > ? ORDER BY look_at DESC LIMIT +?",
        at,
        limit,
      ) as unknown as GateKey[];
    },

    nextLookAt(): number | null {
      return (
        sql.all<{ at: number | null }>("SELECT min(look_at) AS at FROM gates WHERE look_at IS NOT NULL")[0]?.at ?? null
      );
    },

    /** The limits of a queue's keys have changed: every gate with queued jobs is to be rebalanced, from `now` on. */
    lookAtAll(queue: number, now: number): void {
      sql.run(
        `INSERT INTO gates (slot, queue, key, log, look_at)
           SELECT (SELECT slot FROM jobs WHERE id = first), ?1, key, '[]', ?2 FROM (
             SELECT concurrency_key AS key, min(id) AS first FROM jobs INDEXED BY jobs_gate
             WHERE queue = ?1 AND concurrency_key IS NOT NULL AND state IN ('queued', 'running') AND state = 'queued'
             GROUP BY concurrency_key)
           WHERE true
         ON CONFLICT (slot, queue, key) DO UPDATE SET look_at = excluded.look_at`,
        queue,
        now,
      );
    },

    runningOfKey(queue: number, key: string): number {
      const row = sql.all<{ n: number }>(
        `SELECT count(*) AS n FROM jobs INDEXED BY jobs_gate WHERE queue = ? AND concurrency_key = ?
           AND concurrency_key IS NOT NULL AND state IN ('queued', 'running') AND state = 'running'`,
        queue,
        key,
      )[0];
      return row?.n ?? 0;
    },

    /** The jobs that are through the gate, the worst rank first. */
    openOfGate(queue: number, key: string, limit: number): AtGate[] {
      return sql.all(
        `SELECT id, rank FROM jobs INDEXED BY jobs_gate WHERE queue = ? AND concurrency_key = ?
           AND concurrency_key IS NOT NULL AND state IN ('queued', 'running') AND state = 'queued' AND blocked = 0
         ORDER BY rank DESC LIMIT +?`,
        queue,
        key,
        limit,
      ) as unknown as AtGate[];
    },

    /** The jobs that wait at the gate and for nothing else, the best rank first. */
    waitingAtGate(queue: number, key: string, limit: number): AtGate[] {
      return sql.all(
        `SELECT id, rank FROM jobs INDEXED BY jobs_gate WHERE queue = ? AND concurrency_key = ?
           AND concurrency_key IS NOT NULL AND state IN ('queued', 'running') AND state = 'queued' AND blocked = ${BLOCKS.gate}
         ORDER BY rank LIMIT +?`,
        queue,
        key,
        limit,
      ) as unknown as AtGate[];
    },

    /** Lets queued jobs through the gate, or sends them back. Answers them with their partitions, in no promised order. 2 rows each. */
    setGate(ids: string[], gated: boolean): { id: string; partition: number }[] {
      return sql.all<{ id: string; partition: number }>(
        gated
          ? `UPDATE jobs SET blocked = blocked | ${BLOCKS.gate} WHERE id IN (SELECT value FROM json_each(?)) RETURNING id, partition`
          : `UPDATE jobs SET blocked = blocked & ~${BLOCKS.gate} WHERE id IN (SELECT value FROM json_each(?)) RETURNING id, partition`,
        JSON.stringify(ids),
      );
    },
  };
}

export const FLOW = new Part("gates and rates", ({ sql }) => flowStore(sql));
