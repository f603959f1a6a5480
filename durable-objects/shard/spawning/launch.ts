import type { Turn } from "../turn.ts";
import { isUndecidable, takeIn } from "./arrive.ts";
import { PATIENCE_MS } from "./courier.ts";
import type { Child } from "./place.ts";

/**
 * Records the jobs of a success in the step that records it: those of this shard's slots as jobs, the others in the outbox,
 * from where they are sent until their shards have confirmed them.
 */
export function launch(turn: Turn, children: Child[]): void {
  if (children.length === 0) return;
  const { spawns, meta, metrics, owns } = turn.stores;
  const here: Child[] = [];
  const away: Child[] = [];
  // Of a slot nothing overtakes what is on its way already: order by key is that of the successes.
  const stuck = new Map<number, boolean>();
  for (const child of children) {
    const waits = stuck.get(child.slot) ?? (!owns(child.slot) || spawns.waits(child.slot));
    const goes = waits || isUndecidable(turn, child);
    stuck.set(child.slot, goes);
    (goes ? away : here).push(child);
  }
  takeIn(turn, here);
  spawns.add(away.map(({ slot, queue, job }) => ({ slot, seq: meta.sequence(turn.now), queue: queue.ref, job })));
  // They go out after the commit; should this instance die before, the alarm sends them.
  if (away.length > 0) turn.wake(turn.now + PATIENCE_MS);
  turn.onCommit(() => {
    if (away.length > 0) spawns.recount();
    metrics.totals.spawned += children.length;
  });
}
