import { appendPackToLog } from "../jobs/history.ts";
import { countBytes } from "../jobs/stored-size.ts";
import type { Step } from "../kernel/step.ts";
import { liveOf } from "./pack-head.ts";
import { PACKS } from "./packs.ts";

const SETTLED = {};

/** A pack changes in this step: when all is done, it is looked at whether its jobs are all final by then. */
export function settleAtEnd(step: Step): void {
  step.scratch(SETTLED, () => {
    step.beforeRecords(() => settle(step));
    return true;
  });
}

/**
 * Packs of which no job waits or runs any more go to history as they are, all jobs of one in one entry of the log. Those
 * that have no job any more, because all have become rows, go at once.
 */
function settle(step: Step): void {
  const packs = step.get(PACKS);
  for (const pack of [...packs.changed()]) {
    const head = packs.get(pack);
    if (head === null || head.logged || liveOf(head) > 0) continue;
    if (head.done === 0) {
      countBytes(step, head.queue, -packs.remove(head));
      continue;
    }
    appendPackToLog(step, head);
    packs.set(pack, { ...head, logged: true });
  }
}
