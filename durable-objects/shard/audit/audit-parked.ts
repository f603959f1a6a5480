import { BLOCKS } from "../rows.ts";
import type { RowRule } from "./audit-flow.ts";

/** What the audit says of ordering keys that stand still: the rows of the keys and the bits of their jobs agree. */
export const PARKED_RULES: RowRule[] = [
  {
    rule: "parked-has-key",
    detail: "is held by its ordering key, which is not parked: nobody could let it go",
    query: `SELECT id FROM jobs AS j WHERE state IN ('scheduled', 'queued', 'running') AND blocked & ${BLOCKS.parked}
      AND NOT EXISTS (SELECT 1 FROM parked AS p WHERE p.queue = j.queue AND p.key = j.ordering_key)`,
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
      AND EXISTS (SELECT 1 FROM parked AS p WHERE p.queue = j.queue AND p.key = j.ordering_key)`,
  },
];
