import type { Sql } from "../sql.ts";
import type { JobHead } from "./rows.ts";

/** Where an unfinished job stands. `ready` may be claimed; `blocked` is due and waits for something else. */
export type Standing = "ready" | "blocked" | "scheduled" | "running";
export type Tally = Record<Standing, number>;

export function standingOf(row: Pick<JobHead, "state" | "blocked">): Standing | null {
  switch (row.state) {
    case "queued":
      return row.blocked === 0 ? "ready" : "blocked";
    case "scheduled":
    case "running":
      return row.state;
    default:
      return null;
  }
}

/**
 * How many unfinished jobs of each queue stand where. Held in memory to size bells and to skip queues without
 * work; counted from the rows when the object starts and at every wake, changed only after a step has
 * committed, and compared with the rows by the audit.
 */
export class Counts {
  #byQueue = new Map<number, Tally>();

  of(queue: number): Tally {
    let tally = this.#byQueue.get(queue);
    if (tally === undefined) {
      tally = { ready: 0, blocked: 0, scheduled: 0, running: 0 };
      this.#byQueue.set(queue, tally);
    }
    return tally;
  }

  queues(): IterableIterator<[number, Tally]> {
    return this.#byQueue.entries();
  }

  withReady(): number[] {
    return [...this.#byQueue].filter(([, { ready }]) => ready > 0).map(([queue]) => queue);
  }

  recount(sql: Sql): void {
    this.#byQueue.clear();
    for (const { queue, standing, n } of countRows(sql)) this.of(queue)[standing] = n;
  }
}

/** Reads indexes of unfinished jobs only: finished ones cost nothing here. */
export function countRows(sql: Sql): { queue: number; standing: Standing; n: number }[] {
  return sql.all(`
    SELECT queue, 'ready' AS standing, count(*) AS n FROM jobs INDEXED BY jobs_ready
      WHERE state = 'queued' AND blocked = 0 GROUP BY queue
    UNION ALL
    SELECT queue, 'blocked', sum(n) FROM (
      SELECT queue, count(*) AS n FROM jobs INDEXED BY jobs_key
        WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') AND state = 'queued' AND blocked = 1
        GROUP BY queue
      UNION ALL
      SELECT queue, count(*) FROM jobs INDEXED BY jobs_shut WHERE state = 'queued' AND blocked > 1 GROUP BY queue)
      GROUP BY queue
    UNION ALL
    SELECT queue, state, count(*) FROM jobs INDEXED BY jobs_due
      WHERE due_at IS NOT NULL AND state IN ('scheduled', 'running') GROUP BY queue, state`);
}
