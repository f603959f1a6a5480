import type { JobSubsystem } from "../jobs/job-change.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import { offenders, type RowRule } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { blocks, blocksNoMore, followLine, releaseParked } from "./ordering-keys.ts";
import { PARKED_MIGRATIONS } from "./parked-schema.ts";
import { ANY_PARKED, PARKED } from "./parked-store.ts";

/** The rows of parked keys and the bits of their jobs agree, and each line has one open job. */
const RULES: RowRule[] = [
  {
    rule: "queued-reachable",
    detail: "queued behind its ordering key, with no open job of that key to wait for",
    query: `SELECT id FROM jobs AS j WHERE state IN ('queued', 'scheduled') AND blocked & ${BLOCKS.line} AND NOT EXISTS
      (SELECT 1 FROM jobs AS o WHERE o.queue = j.queue AND o.ordering_key = j.ordering_key AND o.blocked & ${BLOCKS.line} = 0
         AND o.ordering_key IS NOT NULL AND o.state IN ('scheduled', 'queued', 'running'))
      AND NOT EXISTS (SELECT 1 FROM undecided AS u WHERE u.queue = j.queue AND u.line = j.ordering_key)`,
  },
  {
    rule: "one-open-job-a-key",
    detail: "is open beside another job of its ordering key",
    query: `SELECT min(id) AS id FROM jobs WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')
      AND blocked & ${BLOCKS.line} = 0 GROUP BY queue, ordering_key HAVING count(*) > 1`,
  },
  {
    rule: "parked-has-key",
    detail: "is held by its ordering key, which is not parked: nobody could let it go",
    query: `SELECT id FROM jobs AS j WHERE state IN ('scheduled', 'queued', 'running') AND blocked & ${BLOCKS.parked}
      AND NOT EXISTS (SELECT 1 FROM parked AS p WHERE p.slot = j.slot AND p.queue = j.queue AND p.key = j.ordering_key)`,
  },
  {
    rule: "parked-is-first",
    detail: "stands in line and is held as if it were the first of its ordering key",
    query: `SELECT id FROM jobs WHERE state IN ('scheduled', 'queued', 'running') AND blocked & ${BLOCKS.parked}
      AND (blocked & ${BLOCKS.line} OR state = 'running')`,
  },
  {
    rule: "parked-key-holds",
    detail: "is the first of an ordering key that is parked, and could start",
    query: `SELECT id FROM jobs AS j WHERE state IN ('scheduled', 'queued') AND blocked & ${BLOCKS.line | BLOCKS.parked} = 0
      AND EXISTS (SELECT 1 FROM parked AS p WHERE p.slot = j.slot AND p.queue = j.queue AND p.key = j.ordering_key)`,
  },
];

/** Ordering keys: one job of a key at a time, and keys that are parked until somebody decides. */
export const orderingKeys: JobSubsystem & QueueSubsystem = {
  name: "ordering keys",
  schema: PARKED_MIGRATIONS,
  tables: [{ table: "parked", scope: "slot" }],
  memory: [ANY_PARKED, PARKED],
  jobs: {
    on: ["succeed", "retry", "fail", "expire", "cancel", "reject"],
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
    holdings: (parts, { ref }) => ({ parkedKeys: parts.get(PARKED).count(ref) }),
  },
  nextAt: (parts, now) => (blocksNoMore(parts).length > 0 ? now : null),
  tick: releaseParked,
  ticksBeforeClaims: true,
  audit: (view) => offenders(view, RULES),
};
