import type { Parts } from "../../kernel/part.ts";
import { type Aside, QUARANTINE, readable } from "../../kernel/quarantine.ts";
import type { Step } from "../../kernel/step.ts";
import type { Subsystem } from "../../kernel/subsystem.ts";
import { countMove } from "../counts.ts";
import { noteUncopied } from "../unprojected.ts";
import { PACK_AUDIT } from "./pack-audit.ts";
import { liveOf, type PackHead, stateAt } from "./pack-head.ts";
import { PackRows } from "./pack-rows.ts";
import { PACK_MIGRATIONS } from "./pack-schema.ts";
import { MIXED_AT_MOST_MS } from "./packing.ts";
import { EACH_PACK, PACKS, type Packs } from "./packs.ts";
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
  nextAt,
  tick,
  audit: PACK_AUDIT,
};

function nextAt(parts: Parts, now: number): number | null {
  const split = nextMixed(parts, now);
  const times = [
    split === null ? Number.POSITIVE_INFINITY : split.since + MIXED_AT_MOST_MS,
    nextUnknown(parts)?.until ?? Number.POSITIVE_INFINITY,
    parts.get(QUARANTINE).retryAt(EACH_PACK.kind, now),
  ];
  const at = Math.min(...times);
  return Number.isFinite(at) ? at : null;
}

/** The pack that has been partly done for longest, but for those that are set aside. */
function nextMixed(parts: Parts, now: number): { pack: number; since: number } | null {
  const quarantine = parts.get(QUARANTINE);
  for (const [pack, since] of parts.get(PACKS).index.mixed) {
    if (!quarantine.holds(EACH_PACK.kind, EACH_PACK.keyOf({ pack }), now)) return { pack, since };
  }
  return null;
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
  const next = nextMixed(step, step.now);
  const head = next === null ? null : packs.get(next.pack);
  if (next === null || head === null || next.since + MIXED_AT_MOST_MS > step.now) return false;
  const name = { kind: EACH_PACK.kind, key: EACH_PACK.keyOf(head) };
  const ids = readable(step, name, { now: step.now, make: () => fewerOf(packs, head) });
  for (const id of ids?.slice(0, UNPACKED_PER_STEP) ?? []) unpack(step, id);
  return true;
}

/** The ids of the jobs that are final, or of those that are not. Throws where their rows cannot be made. */
function fewerOf(packs: Packs, head: PackHead): string[] {
  const rows = new PackRows(packs, head);
  const wantsDone = head.done <= liveOf(head);
  return packs.ids(head).filter((_, at) => {
    const isWanted = !head.gone.has(at) && (stateAt(head, at) === "succeeded") === wantsDone;
    return isWanted && rows.row(at, false).spec !== "";
  });
}
