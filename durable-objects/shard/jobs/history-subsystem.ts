import type { AuditViolation } from "../../../contract/rpc.ts";
import type { AuditView, RowRules } from "../kernel/audit-rules.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { HISTORY, noteEnds, purgeRoundAt } from "./history.ts";
import { EACH_ENTRY, HISTORY_LOG, type LoggedJob, purgeTimes } from "./history-log.ts";
import { FINISHED_MIGRATIONS } from "./history-schema.ts";
import type { JobSubsystem } from "./job-change.ts";
import { packOf } from "./packs/pack-log.ts";
import { PACKS } from "./packs/packs.ts";
import { PROGRESS } from "./progress-store.ts";
import { forgetPack, forgetRows } from "./transition.ts";
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
  nextAt: (parts, now) => soonest(nextPurge(parts, now), parts.get(HISTORY).retryAt(now)),
  tick: forgetFinished,
  audit: { rows: [RULES], walks: UNPROJECTED_AUDIT, moment: historyHasRoom },
};

/** Nothing is lost while it has none: the shard keeps what history does not get, until the shard itself is full. */
function historyHasRoom({ get }: AuditView): AuditViolation[] {
  const since = get(HISTORY).fullSince;
  if (since === null) return [];
  const detail = `the database of history is full: finished jobs stay in the shard since ${new Date(since).toISOString()}`;
  return [{ rule: "history-has-room", detail }];
}

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
      named += forgetLogged(step, log.take(entry));
      newest = Math.max(newest, entry.seq);
    },
  });
  step.get(HISTORY).noteForgotten(step, newest);
  return entries.length === limit || named >= PURGED_JOBS_PER_STEP;
}

/** Forgets jobs and packs that an entry named, and answers how many jobs these were. */
function forgetLogged(step: Step, logged: readonly LoggedJob[]): number {
  const packs = step.get(PACKS);
  const jobs = logged.flatMap(([id, version]): [string, number][] => (packOf(id) === null ? [[id, version]] : []));
  const ids = jobs.map(([id]) => id);
  for (const [id] of logged) {
    const pack = packOf(id);
    const head = pack === null ? null : packs.get(pack);
    if (head === null) continue;
    ids.push(...packs.livingIds(head));
    forgetPack(step, head);
  }
  forgetRows(step, jobs);
  step.get(PROGRESS).forgetWithJobs(step, ids);
  return ids.length;
}

function soonest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** When an entry is to go: of those that are set aside, when they are tried again. */
function nextPurge(parts: Parts, now: number): number | null {
  const log = parts.get(HISTORY_LOG);
  const { projected } = parts.get(HISTORY);
  const at = parts.get(QUARANTINE).nextAt(
    { kind: EACH_ENTRY.kind, now },
    () => log.nextPurgeAt(projected, now),
    (limit) => purgeTimes(parts.sql, projected, limit),
  );
  return at === null ? null : purgeRoundAt(at, now);
}
