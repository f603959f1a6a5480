import { METRICS } from "../jobs/metrics.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import type { Child } from "./assign-slots.ts";
import { PATIENCE_MS } from "./outbox-schedule.ts";
import { OUTBOX } from "./outbox-store.ts";
import { isUndecidable, takeIn } from "./receive.ts";

/**
 * Records the jobs of a success in the step that records it: those of this shard's slots as jobs, the others in the outbox,
 * from where they are sent until their shards have confirmed them.
 */
export function launch(step: Step, children: readonly Child[]): void {
  if (children.length === 0) return;
  const outbox = step.get(OUTBOX);
  const ownership = step.get(OWNERSHIP);
  const here: Child[] = [];
  const away: Child[] = [];
  // Of a slot nothing overtakes what is on its way already: order by key is that of the successes.
  const stuck = new Map<number, boolean>();
  for (const child of children) {
    const waits = stuck.get(child.slot) ?? (!ownership.owns(child.slot) || outbox.waits(child.slot));
    const goes = waits || isUndecidable(step, child);
    stuck.set(child.slot, goes);
    (goes ? away : here).push(child);
  }
  takeIn(step, here);
  const sequence = step.get(SEQUENCE);
  outbox.add(
    step,
    away.map((child) => ({ ...child, seq: sequence.next(step.now), queue: child.queue.ref })),
  );
  // They go out after the commit; should this instance die before, the alarm sends them.
  if (away.length > 0) step.wakeAt(step.now + PATIENCE_MS);
  const { totals } = step.get(METRICS);
  step.onCommit(() => {
    totals.spawned += children.length;
  });
}
