import { JOB_ROWS } from "../jobs/job-audit.ts";
import type { JobSubsystem } from "../jobs/job-change.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import type { RowRules } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { blocks, followLine, nextReleaseAt, releaseParked } from "./ordering-keys.ts";
import { PARKED_MIGRATIONS } from "./parked-schema.ts";
import { ANY_PARKED, PARKED, PARKED_AUDIT, PARKED_COUNTS } from "./parked-store.ts";

/**
 * Rows of a line that are looked at to find its open job. That is the first, but for jobs that came back to their old place
 * while another ran: of a line that begins with more of those than this, nothing is said.
 */
const LINE_LOOK = 1_000;

const UNFINISHED = "ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')";
/** The line that the job `r` stands in, in its order. */
const LINE = `FROM jobs INDEXED BY jobs_key WHERE queue = r.queue AND ordering_key = r.ordering_key AND ${UNFINISHED}`;
const UNFINISHED_R = "r.ordering_key IS NOT NULL AND r.state IN ('scheduled', 'queued', 'running')";
const PARKED_R = "(SELECT 1 FROM parked AS p WHERE p.slot = r.slot AND p.queue = r.queue AND p.key = r.ordering_key)";

/** The rows of parked keys and the bits of their jobs agree, and each line has one open job. */
const RULES: RowRules = {
  ...JOB_ROWS,
  rules: [
    {
      rule: "queued-reachable",
      detail: "queued behind its ordering key, with no open job of that key to wait for",
      // The first of a line speaks for all of it.
      where: `r.state IN ('queued', 'scheduled') AND r.blocked & ${BLOCKS.line} AND (r.ordering_key IS NULL OR
        NOT EXISTS (SELECT 1 ${LINE} AND seq < r.seq)
        AND NOT EXISTS (SELECT 1 FROM undecided INDEXED BY undecided_line
          WHERE queue = r.queue AND line = r.ordering_key AND line IS NOT NULL)
        AND (SELECT count(*) < ${LINE_LOOK} AND sum(blocked & ${BLOCKS.line} = 0) = 0
          FROM (SELECT blocked ${LINE} ORDER BY seq LIMIT ${LINE_LOOK})))`,
    },
    {
      rule: "one-open-job-a-key",
      detail: "is open beside another job of its ordering key",
      where: `${UNFINISHED_R} AND r.blocked & ${BLOCKS.line} = 0 AND EXISTS
        (SELECT 1 FROM (SELECT id, blocked ${LINE} AND seq <= r.seq ORDER BY seq LIMIT ${LINE_LOOK})
         WHERE blocked & ${BLOCKS.line} = 0 AND id <> r.id)`,
    },
    {
      rule: "parked-has-key",
      detail: "is held by its ordering key, which is not parked: nobody could let it go",
      where: `r.state IN ('scheduled', 'queued', 'running') AND r.blocked & ${BLOCKS.parked} AND NOT EXISTS ${PARKED_R}`,
    },
    {
      rule: "parked-is-first",
      detail: "stands in line and is held as if it were the first of its ordering key",
      where: `r.state IN ('scheduled', 'queued', 'running') AND r.blocked & ${BLOCKS.parked}
        AND (r.blocked & ${BLOCKS.line} OR r.state = 'running')`,
    },
    {
      rule: "parked-key-holds",
      detail: "is the first of an ordering key that is parked, and could start",
      where: `r.state IN ('scheduled', 'queued') AND r.blocked & ${BLOCKS.line | BLOCKS.parked} = 0 AND EXISTS ${PARKED_R}`,
    },
  ],
};

/** Ordering keys: one job of a key at a time, and keys that are parked until somebody decides. */
export const orderingKeys: JobSubsystem & QueueSubsystem = {
  name: "ordering keys",
  schema: PARKED_MIGRATIONS,
  tables: [{ table: "parked", scope: "slot" }],
  memory: [ANY_PARKED, PARKED_COUNTS, PARKED],
  jobs: {
    on: ["succeed", "retry", "putBack", "fail", "expire", "cancel", "reject"],
    key: "ordering_key",
    onChange: followLine,
  },
  queues: {
    onSettings(step, { ref, settings }) {
      const parked = step.get(PARKED);
      if (blocks(settings) || !parked.any) return;
      step.onCommit(() => parked.suspects.add(ref));
      step.wakeAt(step.now);
    },
    holdings: (parts, { ref }) => ({ parkedKeys: parts.get(PARKED_COUNTS).of(ref) }),
  },
  nextAt: nextReleaseAt,
  tick: releaseParked,
  ticksBeforeClaims: true,
  audit: { rows: [RULES], walks: [PARKED_AUDIT] },
};
