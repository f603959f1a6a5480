import type { JobKeys, ReleaseKeysRequest } from "../../../contract/rpc.ts";
import { isFinal } from "../../../domain/job/state.ts";
import { dedupScope, idempotencyScope } from "../../../domain/key-scope.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { jobDecided } from "../claiming/ordering.ts";
import type { JobHead, JobSpec } from "../rows.ts";
import { KEEP_AT_LEAST_MS, type Turn } from "../turn.ts";

/** What stays of a discarded job until history knows that it is gone. */
export interface Discarded extends SqlRow {
  queue: number;
  created_at: number;
  run_at: number;
}

/** The only statements that see rows of discarded jobs, beside lists and the log of finished jobs. */
export function discardStore(sql: Sql) {
  return {
    find(id: string): Discarded | null {
      const query = "SELECT queue, created_at, run_at FROM jobs WHERE id = ? AND state = 'discarded'";
      return sql.all<Discarded>(query, id)[0] ?? null;
    },

    /** Empties the row of a final job. Its id, queue and place stay, so that an older copy of it is never believed. */
    empty(row: JobHead, now: number): void {
      sql.run(
        `UPDATE jobs SET state = 'discarded', version = ?, blocked = 0, held = 0, due_at = NULL, attempt = 0, spent_before = 0,
           lease = NULL, worker = NULL, attempt_at = NULL, attempt_ends_at = NULL, lease_ends_at = NULL, started_at = NULL,
           finished_at = ?, expires_at = NULL, ordering_key = NULL, concurrency_key = NULL, dedup_key = NULL, fingerprint = NULL,
           spec = ?, error = NULL, attempts = '[]', truncated = 0, result = NULL, payload = 'null' WHERE id = ?`,
        row.version + 1,
        now,
        emptySpec(row),
        row.id,
      );
      sql.run("DELETE FROM progress WHERE id = ?", row.id);
    },

    /** Forgets the keys that answer with a job of the queue `ref`. */
    releaseKeys(ref: number, job: JobKeys): void {
      if (job.idempotencyKey !== null) {
        sql.run(
          "DELETE FROM idempotency WHERE queue = ? AND ordering_key = ? AND key = ? AND job = ?",
          ref,
          idempotencyScope(job),
          job.idempotencyKey,
          job.id,
        );
      }
      if (job.dedupKey !== null) {
        sql.run(
          "DELETE FROM dedup WHERE queue = ? AND scope = ? AND key = ? AND job = ?",
          ref,
          dedupScope(job),
          job.dedupKey,
          job.id,
        );
      }
    },
  };
}

function emptySpec(row: JobHead): string {
  const { retry } = JSON.parse(row.spec) as JobSpec;
  const spec: JobSpec = { retry, tags: [], idempotencyKey: null };
  return JSON.stringify(spec);
}

/**
 * Deletes a final job for its users. The row stays for a while, emptied and one version newer, as a tombstone: it hides
 * history's copy, goes to history through the log like any change, and there takes that copy's place. No read of the
 * shard finds it, a report under any of its leases is stale, and its keys are free. Throws when the job is not final.
 */
export function discard(turn: Turn, row: JobHead): void {
  if (!isFinal(row.state)) throw new Error(`${row.id} is ${row.state}: only a final job is discarded`);
  if (row.state === "failed") jobDecided(turn, row);
  const { discarded } = turn.stores;
  const { idempotencyKey } = JSON.parse(row.spec) as JobSpec;
  const { id, ordering_key: orderingKey, concurrency_key: concurrencyKey, dedup_key: dedupKey } = row;
  discarded.releaseKeys(row.queue, { id, orderingKey, concurrencyKey, dedupKey, idempotencyKey });
  discarded.empty(row, turn.now);
  turn.log({ id, version: row.version + 1 }, turn.now + KEEP_AT_LEAST_MS);
}

/** Forgets the keys of those jobs that the shard does not hold, which are history's alone. `held`: the ids of the others. */
export function releaseKeys(turn: Turn, { namespace, jobs }: ReleaseKeysRequest, held: string[]): void {
  const kept = new Set(held);
  for (const job of jobs) {
    const queue = kept.has(job.id) ? null : turn.stores.queues.find(namespace, job.queue);
    if (queue !== null) turn.stores.discarded.releaseKeys(queue.ref, job);
  }
}
