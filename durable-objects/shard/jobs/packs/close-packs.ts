import type { Step } from "../../kernel/step.ts";
import { appendPackToLog } from "../history.ts";
import { countBytes } from "../stored-size.ts";
import { liveOf } from "./pack-head.ts";
import { PACKS } from "./packs.ts";

const CLOSED = {};

/** A pack changes in this step: when all is done, it is looked at whether its jobs are all final by then. */
export function closeAtEnd(step: Step): void {
  step.scratch(CLOSED, () => {
    step.beforeRecords(() => closePacks(step));
    return true;
  });
}

/**
 * Packs of which no job waits or runs any more go to history as they are, all jobs of one in one entry of the log. Those
 * that have no job any more, because all have become rows, go at once.
 */
function closePacks(step: Step): void {
  const packs = step.get(PACKS);
  for (const pack of [...packs.heads.changed()]) {
    const head = packs.get(pack);
    if (head === null || head.logged || liveOf(head) > 0) continue;
    if (head.done === 0) {
      countBytes(step, head.queue, -packs.remove(head));
      continue;
    }
    appendPackToLog(step, head);
    packs.heads.set(pack, { ...head, logged: true });
  }
}
