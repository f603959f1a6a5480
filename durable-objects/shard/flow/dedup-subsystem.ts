import { slotsOfQueue } from "../../../domain/slots.ts";
import { JOB_ROWS } from "../jobs/job-audit.ts";
import type { JobSubsystem } from "../jobs/job-change.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import type { RowRules } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { followKeys, nextSweepAt, sweepKeys } from "./dedup.ts";
import { DEDUP_MIGRATIONS } from "./dedup-schema.ts";
import { DEDUP } from "./dedup-store.ts";

/** Keys swept in one step. */
const SWEEP_PER_STEP = 200;

/** The row of the deduplication key of the job `r`. */
const KEY = `d.slot = r.slot AND d.queue = r.queue
  AND d.scope = coalesce(r.ordering_key, 'c' || char(0) || r.concurrency_key, '') AND d.key = r.dedup_key`;

/** The rows of keys are looked at from their jobs: a walk along a key cannot go through every text that one may be. */
const RULES: RowRules = {
  ...JOB_ROWS,
  rules: [
    {
      rule: "after-reachable",
      detail: "waits for a job of its deduplication key that has ended, or that nobody would open it after",
      where: `r.state IN ('queued', 'scheduled') AND r.blocked & ${BLOCKS.after} AND NOT EXISTS
        (SELECT 1 FROM dedup AS d JOIN jobs AS h ON h.id = d.job WHERE ${KEY}
           AND d.next = r.id AND h.state IN ('scheduled', 'queued', 'running'))`,
    },
    {
      rule: "next-waits",
      detail: "has another job of its deduplication key to run after it, which does not wait for it",
      where: `r.dedup_key IS NOT NULL AND EXISTS
        (SELECT 1 FROM dedup AS d WHERE ${KEY} AND d.job = r.id AND d.next IS NOT NULL AND NOT EXISTS
          (SELECT 1 FROM jobs AS n WHERE n.id = d.next AND n.state IN ('queued', 'scheduled') AND n.blocked & ${BLOCKS.after}))`,
    },
  ],
};

/** Deduplication keys: which job owns a key, and which one runs after it. */
export const deduplication: JobSubsystem & QueueSubsystem = {
  name: "deduplication",
  schema: DEDUP_MIGRATIONS,
  tables: [{ table: "dedup", scope: "slot" }],
  memory: [DEDUP],
  jobs: { on: ["succeed", "fail", "expire", "cancel", "reject"], key: "dedup_key", onChange: followKeys },
  queues: {
    holdings: (parts, { ref, settings }, now) => ({
      dedupKeys: parts.get(DEDUP).count(ref, slotsOfQueue(settings), now),
    }),
  },
  nextAt: nextSweepAt,
  tick: (step) => sweepKeys(step, SWEEP_PER_STEP) === SWEEP_PER_STEP,
  audit: { rows: [RULES] },
};
