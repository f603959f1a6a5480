import { isPushed, type QueueSettings } from "../../domain/queue.ts";
import { LINES, type Waiting, type WorkLine } from "./bells.ts";
import { claimable } from "./claiming/limits.ts";
import type { KnownQueue } from "./queues/queue-store.ts";
import { openFeeds } from "./subscriptions/subscriptions.ts";
import type { Stores } from "./turn.ts";

/** The line whose bell calls for the jobs of a queue; null where nobody is called. */
export function lineOf({ target, lane }: QueueSettings): WorkLine | null {
  if (isPushed(target)) return lane;
  return target.type === "consumer" ? `${lane}/consumer` : null;
}

/** What could be taken now, of `queues`, by the projector and of feeds, for every line. A used-up limit makes its jobs wait unrung. */
export function waitingIn(
  stores: Stores,
  queues: KnownQueue[],
  { historyLacks, now }: { historyLacks: boolean; now: number },
): Waiting[] {
  const byLine = Map.groupBy(queues, ({ settings }) => lineOf(settings));
  return LINES.map((line) => {
    if (line === "history") return { line, jobs: historyLacks ? 1 : 0, queues: new Map() };
    if (line === "events") return { line, jobs: openFeeds(stores, now).length, queues: new Map() };
    const jobs = new Map((byLine.get(line) ?? []).map((queue) => [queue.ref, claimable(stores, queue, now)]));
    return { line, jobs: [...jobs.values()].reduce((sum, n) => sum + n, 0), queues: jobs };
  });
}
