import { utf8Bytes } from "../../../../contract/primitives.ts";
import { readable } from "../../kernel/quarantine.ts";
import type { Step } from "../../kernel/step.ts";
import { QUEUES } from "../../queues/queue-store.ts";
import { countMove, standingOf } from "../counts.ts";
import { appendUnpackedToLog, isPackUncopied } from "../history.ts";
import type { JobRow } from "../job-row.ts";
import { STATES } from "../state-store.ts";
import { closeAtEnd } from "./close-packs.ts";
import type { PackPlace } from "./pack-head.ts";
import { rowAt } from "./pack-rows.ts";
import { EACH_PACK, PACKED_BYTES, PACKS } from "./packs.ts";

/**
 * Gives a job of a pack its own row, as it would be had it never been packed, before something happens to it that packs know
 * nothing of. Nothing follows from it: it is the same job, in the same state. A job that has a row already stays as it is.
 */
export function unpack(step: Step, id: string): void {
  const packs = step.get(PACKS);
  const place = packs.find(id);
  if (place === null) return;
  closeAtEnd(step);
  const { head } = place;
  const row = rowAt(packs, place, step.get(QUEUES).get(head.queue).settings.concurrency !== null);
  step.get(STATES).restore(row);
  const result = row.result === null ? 0 : utf8Bytes(row.result);
  if (row.state === "succeeded") logAlone(step, place, row);
  packs.leave(place, { bytes: PACKED_BYTES + utf8Bytes(row.payload), result, now: step.now });
  const before = standingOf(row);
  const { queue, partition } = row;
  if (before === null) return;
  countMove(step, { id, queue, partition, before, after: null, n: 1, packed: true });
  countMove(step, { id, queue, partition, before: null, after: before });
}

/**
 * The same of a job that is in the way of others, where its pack can be read: else that is set aside.
 */
export function unpackReadable(step: Step, { head, at }: PackPlace, id: string): void {
  const name = { kind: EACH_PACK.kind, key: EACH_PACK.keyOf(head) };
  const make = () => rowAt(step.get(PACKS), { head, at }, false);
  if (readable(step, name, { now: step.now, make }) !== null) unpack(step, id);
}

/** The log names a job of its own that its pack's entry no longer speaks for. */
function logAlone(step: Step, { head }: PackPlace, row: JobRow): void {
  appendUnpackedToLog(step, row, { copied: !isPackUncopied(step, head) });
}
