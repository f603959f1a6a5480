import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import { PACK_AUDIT } from "./pack-audit.ts";
import { liveOf, type PackHead, stateAt } from "./pack-head.ts";
import { PACK_MIGRATIONS } from "./pack-schema.ts";
import { MIXED_AT_MOST_MS } from "./packing.ts";
import { PACKS } from "./packs.ts";
import { unpack } from "./unpack.ts";

/** Jobs that get their rows in one step at most. */
const UNPACKED_PER_STEP = 100;

/** Plain jobs many to a row. The deadlines of those that run are kept with those of other jobs. */
export const packs: Subsystem = {
  name: "packs",
  schema: PACK_MIGRATIONS,
  tables: [
    { table: "packs", scope: "slot" },
    { table: "slices", scope: "slot" },
  ],
  memory: [PACKS],
  nextAt: nextSplitAt,
  tick: splitMixed,
  audit: PACK_AUDIT,
};

function nextSplitAt(parts: Parts): number | null {
  const longest = parts.get(PACKS).index.longestMixed;
  return longest === null ? null : longest.since + MIXED_AT_MOST_MS;
}

/**
 * Of a pack that has been partly done for a while, those of its jobs that are fewer become rows, so that history need not
 * wait for the others: jobs that run for long, or that nobody claims.
 */
function splitMixed(step: Step): boolean {
  const packs = step.get(PACKS);
  const longest = packs.index.longestMixed;
  const head = longest === null ? null : packs.get(longest.pack);
  if (longest === null || head === null || longest.since + MIXED_AT_MOST_MS > step.now) return false;
  for (const id of fewerOf(head, packs.ids(head)).slice(0, UNPACKED_PER_STEP)) unpack(step, id);
  return true;
}

/** The ids of the jobs that are final, or of those that are not. */
function fewerOf(head: PackHead, ids: readonly string[]): string[] {
  const wantsDone = head.done <= liveOf(head);
  return ids.filter((_, at) => !head.gone.has(at) && (stateAt(head, at) === "succeeded") === wantsDone);
}
