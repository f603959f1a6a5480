import type { RowRules } from "../kernel/audit-rules.ts";

/** The rows of jobs, for rules of any topic. */
export const JOB_ROWS = { table: "jobs", key: ["id"], named: "r.id" } as const;

/** What holds for the row of every job, by its state. */
export const JOB_RULES: RowRules = {
  ...JOB_ROWS,
  rules: [
    {
      rule: "running-has-lease",
      detail: "runs without a lease that will end",
      where: `r.state = 'running' AND (r.lease IS NULL OR r.lease_ends_at IS NULL OR r.attempt_ends_at IS NULL
        OR r.due_at IS NOT min(r.lease_ends_at, r.attempt_ends_at))`,
    },
    {
      rule: "scheduled-has-due-time",
      detail: "is scheduled without a time at which it becomes due",
      where: "r.state = 'scheduled' AND r.due_at IS NOT min(r.run_at, coalesce(r.expires_at, r.run_at))",
    },
    {
      rule: "final-is-at-rest",
      detail: "is final and still has a deadline, a place under a limit, or no end",
      where: `r.state IN ('succeeded', 'failed', 'cancelled', 'discarded')
        AND (r.due_at IS NOT NULL OR r.counts_toward_limit = 1 OR r.finished_at IS NULL)`,
    },
    {
      rule: "row-readable",
      detail: "has columns that cannot be read: the clock would stop at it",
      where: "NOT json_valid(r.spec) OR NOT json_valid(r.attempts) OR NOT coalesce(json_valid(r.error), 1)",
    },
    {
      rule: "queue-known",
      detail: "belongs to a queue that this shard does not know",
      where: "NOT EXISTS (SELECT 1 FROM queues AS q WHERE q.ref = r.queue)",
    },
  ],
};
