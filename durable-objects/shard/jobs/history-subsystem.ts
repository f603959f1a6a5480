import type { RowRules } from "../kernel/audit-rules.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { HISTORY, noteEnds } from "./history.ts";
import { EACH_ENTRY, HISTORY_LOG, purgeTimes } from "./history-log.ts";
import { FINISHED_MIGRATIONS } from "./history-schema.ts";
import type { JobSubsystem } from "./job-change.ts";
import { PROGRESS } from "./progress-store.ts";
import { forgetRows } from "./transition.ts";
import { UNPROJECTED, UNPROJECTED_AUDIT, UNPROJECTED_SUCCEEDED } from "./unprojected.ts";

/** Rows of the log that are forgotten in one step, as long as they name fewer jobs than this together. */
const PURGE_PER_STEP = 200;
const PURGED_JOBS_PER_STEP = 2_000;

/** That each final job is in the log is looked at with the rows of jobs (`job-audit.ts`). */
const RULES: RowRules = {
  table: "finished",
  key: ["kept", "seq"],
  named: "'entry ' || r.seq",
  rules: [
    {
      rule: "log-goes-in-order",
      detail: "goes before the entry in front of it, which would hold it up",
      where: `r.kept = 0 AND r.purge_at < (SELECT purge_at FROM finished AS earlier
        WHERE earlier.kept = 0 AND earlier.seq < r.seq ORDER BY earlier.seq DESC LIMIT 1)`,
    },
  ],
};

/** The log of finished jobs, by which history copies them and the shard forgets them. */
export const history: JobSubsystem = {
  name: "history",
  schema: FINISHED_MIGRATIONS,
  tables: [{ table: "finished", scope: "slots", keysOf: "jobs" }],
  memory: [HISTORY_LOG, UNPROJECTED, UNPROJECTED_SUCCEEDED, HISTORY],
  jobs: { on: ["succeed", "fail", "expire", "cancel", "reject"], onChange: noteEnds },
  nextAt: nextPurge,
  tick: forgetFinished,
  audit: { rows: [RULES], walks: UNPROJECTED_AUDIT },
};

/** Forgets what history has and whose time is over, a bounded amount. True when more is left. */
function forgetFinished(step: Step): boolean {
  const log = step.get(HISTORY_LOG);
  const { projected } = step.get(HISTORY);
  const limit = PURGE_PER_STEP + step.get(QUARANTINE).count(EACH_ENTRY.kind, step.now);
  const entries = log.purgeable({ now: step.now, projected, limit });
  let named = 0;
  let newest = 0;
  walk(step, EACH_ENTRY, {
    rows: entries,
    each: (entry) => {
      if (named >= PURGED_JOBS_PER_STEP) return;
      const jobs = log.take(entry);
      forgetRows(step, jobs);
      step.get(PROGRESS).forgetWithJobs(
        step,
        jobs.map(([id]) => id),
      );
      named += jobs.length;
      newest = Math.max(newest, entry.seq);
    },
  });
  step.get(HISTORY).noteForgotten(step, newest);
  return entries.length === limit || named >= PURGED_JOBS_PER_STEP;
}

/** When an entry is to go: of those that are set aside, when they are tried again. */
function nextPurge(parts: Parts, now: number): number | null {
  const log = parts.get(HISTORY_LOG);
  const { projected } = parts.get(HISTORY);
  return parts.get(QUARANTINE).nextAt(
    { kind: EACH_ENTRY.kind, now },
    () => log.nextPurgeAt(projected, now),
    (limit) => purgeTimes(parts.sql, projected, limit),
  );
}
