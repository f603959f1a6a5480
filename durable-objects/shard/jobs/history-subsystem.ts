import type { RowRules } from "../kernel/audit-rules.ts";
import type { Step } from "../kernel/step.ts";
import { HISTORY, noteEnds } from "./history.ts";
import { HISTORY_LOG } from "./history-log.ts";
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
  nextAt: (parts, now) => parts.get(HISTORY_LOG).nextPurgeAt(parts.get(HISTORY).projected, now),
  tick: forgetFinished,
  audit: { rows: [RULES], walks: UNPROJECTED_AUDIT },
};

/** Forgets what history has and whose time is over, a bounded amount. True when more is left. */
function forgetFinished(step: Step): boolean {
  const log = step.get(HISTORY_LOG);
  const { projected } = step.get(HISTORY);
  const entries = log.purgeable({ now: step.now, projected, limit: PURGE_PER_STEP });
  let named = 0;
  let newest = 0;
  for (const entry of entries) {
    if (named >= PURGED_JOBS_PER_STEP) break;
    const jobs = log.take(entry);
    forgetRows(step, jobs);
    step.get(PROGRESS).forgetWithJobs(
      step,
      jobs.map(([id]) => id),
    );
    named += jobs.length;
    newest = Math.max(newest, entry.seq);
  }
  step.get(HISTORY).noteForgotten(step, newest);
  return entries.length === PURGE_PER_STEP || named >= PURGED_JOBS_PER_STEP;
}
