import type { AuditViolation } from "../../../contract/rpc.ts";
import { slotOf } from "../../../domain/slots.ts";
import { offenders, type RowRule } from "../kernel/audit-rules.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { AuditView } from "../kernel/subsystem.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { COUNTS, countRows } from "./counts.ts";
import { LISTENERS } from "./job-change.ts";
import { JOB_MIGRATIONS } from "./job-schema.ts";
import { JOBS } from "./job-store.ts";
import { LARGE_PAYLOADS } from "./large-payloads.ts";
import { METRICS } from "./metrics.ts";
import { STATES } from "./state-store.ts";

/** What holds for the row of every job, by its state. */
const RULES: RowRule[] = [
  {
    rule: "running-has-lease",
    detail: "runs without a lease that will end",
    query: `SELECT id FROM jobs WHERE state = 'running'
      AND (lease IS NULL OR lease_ends_at IS NULL OR attempt_ends_at IS NULL
        OR due_at IS NOT min(lease_ends_at, attempt_ends_at))`,
  },
  {
    rule: "scheduled-has-due-time",
    detail: "is scheduled without a time at which it becomes due",
    query: `SELECT id FROM jobs WHERE state = 'scheduled' AND due_at IS NOT min(run_at, coalesce(expires_at, run_at))`,
  },
  {
    rule: "final-is-at-rest",
    detail: "is final and still has a deadline, a place under a limit, or no end",
    query: `SELECT id FROM jobs WHERE state IN ('succeeded', 'failed', 'cancelled', 'discarded')
      AND (due_at IS NOT NULL OR counts_toward_limit = 1 OR finished_at IS NULL)`,
  },
  {
    rule: "row-readable",
    detail: "has columns that cannot be read: the clock would stop at it",
    query:
      "SELECT id FROM jobs WHERE NOT json_valid(spec) OR NOT json_valid(attempts) OR NOT coalesce(json_valid(error), 1)",
  },
  {
    rule: "queue-known",
    detail: "belongs to a queue that this shard does not know",
    query: "SELECT id FROM jobs WHERE queue NOT IN (SELECT ref FROM queues)",
  },
];

/** The rows of jobs, what they count to, and what is measured of them. */
export const jobs: QueueSubsystem = {
  name: "jobs",
  schema: JOB_MIGRATIONS,
  tables: [{ table: "jobs", scope: "slot" }],
  memory: [JOBS, STATES, LISTENERS, COUNTS, METRICS, LARGE_PAYLOADS],
  queues: {
    onSettings(step, { ref, settings }, before) {
      // A queue that was not known has no jobs here.
      const limitIsNew = before !== null && settings.concurrency !== null && before.concurrency === null;
      if (limitIsNew) step.get(JOBS).countRunning(ref);
    },
    holdings(parts, { ref }) {
      const { ready, blocked, scheduled, running } = parts.get(COUNTS).of(ref);
      return { live: ready + blocked + scheduled + running };
    },
  },
  audit: (view) => [...offenders(view, RULES), ...slotsAreOwned(view), ...countsEqualRows(view)],
};

function slotsAreOwned(view: AuditView): AuditViolation[] {
  const known = new Map(
    view
      .get(QUEUES)
      .all()
      .map(({ ref, settings }) => [ref, settings]),
  );
  const ownership = view.get(OWNERSHIP);
  return view.sql
    .all<{ queue: number; partition: number; slot: number }>("SELECT DISTINCT queue, partition, slot FROM jobs")
    .flatMap(({ queue, partition, slot }) => {
      const settings = known.get(queue);
      if (settings === undefined) return [];
      const violations: AuditViolation[] = [];
      if (!ownership.owns(slot)) {
        const detail = `queue ${settings.name} has jobs in slot ${slot}, which is not this shard's`;
        violations.push({ rule: "slot-owned", detail });
      }
      if (slotOf(settings.namespace, settings.name, partition) !== slot) {
        const detail = `queue ${settings.name}: jobs of partition ${partition} are written down in slot ${slot}`;
        violations.push({ rule: "slot-is-place", detail });
      }
      return violations;
    });
}

function countsEqualRows(view: AuditView): AuditViolation[] {
  const rows = new Map(
    countRows(view.sql).map(({ queue, partition, standing, n }) => [`${queue}/${partition}/${standing}`, n]),
  );
  const violations: AuditViolation[] = [];
  for (const { queue, partition, tally } of view.get(COUNTS).partitions()) {
    for (const [standing, counted] of Object.entries(tally)) {
      const key = `${queue}/${partition}/${standing}`;
      const actual = rows.get(key) ?? 0;
      rows.delete(key);
      if (counted !== actual) {
        const detail = `queue ${queue}, partition ${partition}: ${counted} ${standing} counted, ${actual} rows`;
        violations.push({ rule: "counts-equal-rows", detail });
      }
    }
  }
  for (const [key, n] of rows) violations.push({ rule: "counts-equal-rows", detail: `${key}: 0 counted, ${n} rows` });
  return violations;
}
