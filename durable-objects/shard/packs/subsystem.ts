import { countMove } from "../jobs/counts.ts";
import { noteUncopied } from "../jobs/unprojected.ts";
import type { Parts } from "../kernel/part.ts";
import { type Aside, QUARANTINE, readable } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import { PACK_AUDIT } from "./pack-audit.ts";
import { liveOf, type PackHead, stateAt } from "./pack-head.ts";
import { PACK_MIGRATIONS } from "./pack-schema.ts";
import { MIXED_AT_MOST_MS } from "./packing.ts";
import { EACH_PACK, PACKS } from "./packs.ts";
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
  tick,
  audit: PACK_AUDIT,
};

function nextSplitAt(parts: Parts): number | null {
  const longest = parts.get(PACKS).index.longestMixed;
  const splitAt = longest === null ? Number.POSITIVE_INFINITY : longest.since + MIXED_AT_MOST_MS;
  const learnAt = nextUnknown(parts)?.until ?? Number.POSITIVE_INFINITY;
  const at = Math.min(splitAt, learnAt);
  return Number.isFinite(at) ? at : null;
}

/** The next of the packs that could not be read when the object started, and that nobody knows of. */
function nextUnknown(parts: Parts): Aside | null {
  const quarantine = parts.get(QUARANTINE);
  if (!quarantine.any) return null;
  const unknown = quarantine
    .list()
    .filter(({ kind, key }) => kind === EACH_PACK.kind && parts.get(PACKS).get(Number(key)) === null);
  return unknown.reduce<Aside | null>(
    (next, aside) => (next === null || aside.until < next.until ? aside : next),
    null,
  );
}

function tick(step: Step): boolean {
  learnUnknown(step);
  return splitMixed(step);
}

/** Looks whether a pack can be read by now that could not be. */
function learnUnknown(step: Step): void {
  const unknown = nextUnknown(step);
  if (unknown === null || unknown.until > step.now) return;
  const name = { kind: unknown.kind, key: unknown.key };
  const learned = readable(step, name, { now: step.now, make: () => step.get(PACKS).learn(Number(unknown.key)) });
  if (learned === null) return;
  step.onCommit(() => step.get(QUARANTINE).release(name));
  const head = step.get(PACKS).get(Number(unknown.key));
  if (head !== null) countLearned(step, head);
}

function countLearned(step: Step, head: PackHead): void {
  const { queue, partition, minId: id, waiting, running, done } = head;
  countMove(step, { id, queue, partition, before: null, after: "ready", n: waiting, packed: true });
  countMove(step, { id, queue, partition, before: null, after: "running", n: running, packed: true });
  // What is over was counted by its entry of the log.
  for (let job = 0; job < done && liveOf(head) > 0; job++) noteUncopied(step, { queue, succeeded: true }, 1);
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
