import type { ShardHealth } from "../../../contract/rpc.ts";

/** Since when pushed work of the shard has waited and no processor has come for it, epoch milliseconds; null: none waits. */
export function processorAwaySince({ executors = [] }: ShardHealth): number | null {
  let soonest: number | null = null;
  for (const { executor, awaySince } of executors) {
    if (executor === "processor" && awaySince !== null && (soonest === null || awaySince < soonest))
      soonest = awaySince;
  }
  return soonest;
}

/** Of shards, by id: the one whose work has waited longest for a processor; null when none has any. */
export function longestWaiting(shards: Iterable<readonly [id: string, health: ShardHealth]>): string | null {
  let longest: { id: string; since: number } | null = null;
  for (const [id, health] of shards) {
    const since = processorAwaySince(health);
    if (since !== null && (longest === null || since < longest.since)) longest = { id, since };
  }
  return longest?.id ?? null;
}
