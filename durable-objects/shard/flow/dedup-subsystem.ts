import { slotsOfQueue } from "../../../domain/slots.ts";
import type { JobSubsystem } from "../jobs/job-change.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import { offenders, type RowRule } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { followKeys, sweepKeys } from "./dedup.ts";
import { DEDUP_MIGRATIONS } from "./dedup-schema.ts";
import { DEDUP } from "./dedup-store.ts";

/** Keys swept in one step. */
const SWEEP_PER_STEP = 200;

const RULES: RowRule[] = [
  {
    rule: "after-reachable",
    detail: "waits for a job of its deduplication key that has ended, or that nobody would open it after",
    query: `SELECT id FROM jobs AS j WHERE state IN ('queued', 'scheduled') AND blocked & ${BLOCKS.after} AND NOT EXISTS
      (SELECT 1 FROM dedup AS d JOIN jobs AS h ON h.id = d.job WHERE d.slot = j.slot AND d.queue = j.queue
         AND d.key = j.dedup_key AND d.next = j.id AND h.state IN ('scheduled', 'queued', 'running') AND d.scope =
         coalesce(j.ordering_key, 'c' || char(0) || j.concurrency_key, ''))`,
  },
  {
    rule: "next-waits",
    detail: "is to run after another job of its deduplication key, and does not wait for it",
    query: `SELECT next AS id FROM dedup WHERE next IS NOT NULL AND next NOT IN
      (SELECT id FROM jobs WHERE state IN ('queued', 'scheduled') AND blocked & ${BLOCKS.after})`,
  },
];

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
  nextAt: (parts) => parts.get(DEDUP).nextExpiryAt(),
  tick: (step) => sweepKeys(step, SWEEP_PER_STEP) === SWEEP_PER_STEP,
  audit: (view) => offenders(view, RULES),
};
