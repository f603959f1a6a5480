import type { Said } from "../../../contract/rpc.ts";
import type { Job, Progress } from "../../../domain/job/job.ts";
import type { Sql, SqlRow } from "../../sql.ts";

interface ProgressRow extends SqlRow {
  id: string;
  at: number;
  percent: number | null;
  message: string | null;
}

type Told = Pick<Job, "id" | "state" | "progress">;

/**
 * What workers say of the jobs they run: one row for each that ever said anything, from then until it succeeds, is
 * cancelled or is forgotten. Most shards have no such row most of the time, and know it: jobs without progress cost
 * neither a row nor a query.
 */
export class ProgressStore {
  #sql: Sql;
  #any = false;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.reload();
  }

  /** The memory of whether there is any row follows the rows: at the start, and after a step that was undone. */
  reload(): void {
    this.#any = this.#sql.all("SELECT 1 AS found FROM progress LIMIT 1").length > 0;
  }

  /** Whether any job of this shard has said anything. */
  any(): boolean {
    return this.#any;
  }

  /** Fields that are left out stay as they were. 1 row. */
  save(id: string, said: Said, now: number): void {
    const { percent = null, message = null, checkpoint } = said;
    if (percent === null && message === null && (checkpoint ?? null) === null) {
      // There is nothing to remember, and perhaps something to forget.
      if (checkpoint === null && this.#any)
        this.#sql.run("UPDATE progress SET checkpoint = NULL, at = ? WHERE id = ? AND checkpoint IS NOT NULL", now, id);
      return;
    }
    this.#sql.run(
      `INSERT INTO progress (id, at, percent, message, checkpoint) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT (id) DO UPDATE SET at = excluded.at, percent = coalesce(excluded.percent, percent),
         message = coalesce(excluded.message, message), checkpoint = CASE WHEN ?6 THEN excluded.checkpoint ELSE checkpoint END`,
      id,
      now,
      percent,
      message,
      checkpoint ?? null,
      checkpoint === undefined ? 0 : 1,
    );
    this.#any = true;
  }

  /** The jobs with what their workers said of them, as far as anybody may still need it. */
  tellAll<J extends Told>(jobs: J[]): J[] {
    if (!this.#any || jobs.length === 0) return jobs;
    const rows = this.#sql.all<ProgressRow>(
      "SELECT id, at, percent, message FROM progress WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(jobs.map(({ id }) => id)),
    );
    const byId = new Map(
      rows.map(({ id, at, percent, message }): [string, Progress] => [id, { percent, message, at }]),
    );
    // What was said of a job that has just ended goes with the end of the step.
    const over = ({ state }: J) => state === "succeeded" || state === "cancelled";
    return jobs.map((job) => ({ ...job, progress: over(job) ? null : (byId.get(job.id) ?? null) }));
  }

  tell<J extends Told>(job: J): J {
    return this.tellAll([job])[0] ?? job;
  }

  /** The JSON texts of checkpoints by job; jobs without one are left out. */
  checkpoints(ids: string[]): Map<string, string> {
    if (!this.#any || ids.length === 0) return NO_CHECKPOINTS;
    const rows = this.#sql.all<{ id: string; checkpoint: string }>(
      `SELECT id, checkpoint FROM progress WHERE id IN (SELECT value FROM json_each(?)) AND checkpoint IS NOT NULL`,
      JSON.stringify(ids),
    );
    return new Map(rows.map(({ id, checkpoint }) => [id, checkpoint]));
  }

  /** These jobs need no next attempt. 1 row for each that has one. */
  forget(ids: string[]): void {
    if (!this.#any || ids.length === 0) return;
    this.#sql.run("DELETE FROM progress WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
    this.reload();
  }

  /** Of a JSON array of [id, version]: those whose job is no longer there. */
  forgetWithJobs(jobs: string): void {
    if (!this.#any) return;
    this.#sql.run(
      `DELETE FROM progress WHERE id IN (SELECT value ->> 0 FROM json_each(?))
         AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = progress.id)`,
      jobs,
    );
    this.reload();
  }
}

const NO_CHECKPOINTS = new Map<string, string>();
