import type { ProgressPatch } from "../../../contract/rpc.ts";
import type { Job, Progress } from "../../../domain/job/job.ts";
import { slotOfJob } from "../../../domain/job-id.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part, type StepScope } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";

interface ProgressRow extends SqlRow {
  id: string;
  at: number;
  percent: number | null;
  message: string | null;
}

type ShownJob = Pick<Job, "id" | "state" | "progress">;

/**
 * What workers say of the jobs they run: one row for each that ever said anything, from then until it succeeds, is
 * cancelled or is forgotten. Most shards have no such row most of the time, and know it: jobs without progress cost
 * neither a row nor a query.
 */
export class ProgressStore {
  readonly #sql: Sql;
  readonly #presence: Presence;

  constructor(sql: Sql, presence: Presence) {
    this.#sql = sql;
    this.#presence = presence;
  }

  /** Fields that are left out stay as they were. 1 row. */
  save(id: string, patch: ProgressPatch, now: number): void {
    const { percent = null, message = null, checkpoint } = patch;
    if (percent === null && message === null && (checkpoint ?? null) === null) {
      // There is nothing to remember, and perhaps something to forget.
      if (checkpoint === null && this.#presence.any)
        this.#sql.run(
          "UPDATE progress SET checkpoint = NULL, at = ? WHERE slot = ? AND id = ? AND checkpoint IS NOT NULL",
          now,
          slotOfJob(id),
          id,
        );
      return;
    }
    this.#sql.run(
      `INSERT INTO progress (id, at, percent, message, checkpoint, slot) VALUES (?1, ?2, ?3, ?4, ?5, ?7)
       ON CONFLICT (slot, id) DO UPDATE SET at = excluded.at, percent = coalesce(excluded.percent, percent),
         message = coalesce(excluded.message, message), checkpoint = CASE WHEN ?6 THEN excluded.checkpoint ELSE checkpoint END`,
      id,
      now,
      percent,
      message,
      checkpoint ?? null,
      checkpoint === undefined ? 0 : 1,
      slotOfJob(id),
    );
    this.#presence.raise();
  }

  /** The jobs with what their workers said of them, as far as anybody may still need it. */
  tellAll<J extends ShownJob>(jobs: J[]): J[] {
    if (!this.#presence.any || jobs.length === 0) return jobs;
    const rows = this.#sql.all<ProgressRow>(
      `SELECT id, at, percent, message FROM progress WHERE (slot, id) IN ${PLACES}`,
      placesOf(jobs.map(({ id }) => id)),
    );
    const byId = new Map(
      rows.map(({ id, at, percent, message }): [string, Progress] => [id, { percent, message, at }]),
    );
    // What was said of a job that has just ended goes with the end of the step.
    const over = ({ state }: J) => state === "succeeded" || state === "cancelled";
    return jobs.map((job) => ({ ...job, progress: over(job) ? null : (byId.get(job.id) ?? null) }));
  }

  tell<J extends ShownJob>(job: J): J {
    return this.tellAll([job])[0] ?? job;
  }

  /** The JSON texts of checkpoints by job; jobs without one are left out. */
  checkpoints(ids: string[]): Map<string, string> {
    if (!this.#presence.any || ids.length === 0) return NO_CHECKPOINTS;
    const rows = this.#sql.all<{ id: string; checkpoint: string }>(
      `SELECT id, checkpoint FROM progress WHERE (slot, id) IN ${PLACES} AND checkpoint IS NOT NULL`,
      placesOf(ids),
    );
    return new Map(rows.map(({ id, checkpoint }) => [id, checkpoint]));
  }

  /** These jobs need no next attempt. 1 row for each that has one. */
  forget(step: StepScope, ids: string[]): void {
    if (!this.#presence.any || ids.length === 0) return;
    this.#sql.run(`DELETE FROM progress WHERE (slot, id) IN ${PLACES}`, placesOf(ids));
    this.#presence.recheck(step);
  }

  /** Of these jobs, those that are no longer there. 1 row for each that has one. */
  forgetWithJobs(step: StepScope, ids: string[]): void {
    if (!this.#presence.any) return;
    this.#sql.run(
      `DELETE FROM progress WHERE (slot, id) IN ${PLACES} AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = progress.id)`,
      placesOf(ids),
    );
    this.#presence.recheck(step);
  }
}

/** Binds what `placesOf` gives. */
const PLACES = "(SELECT value ->> 0, value ->> 1 FROM json_each(?))";

function placesOf(ids: string[]): string {
  return JSON.stringify(ids.map((id) => [slotOfJob(id), id]));
}

const NO_CHECKPOINTS = new Map<string, string>();

/** Whether any job of this shard has said anything. */
export const ANY_PROGRESS = new Part("any progress", ({ sql }) => new Presence(sql, "progress"));

export const PROGRESS = new Part("progress", (shard) => new ProgressStore(shard.sql, shard.get(ANY_PROGRESS)));
