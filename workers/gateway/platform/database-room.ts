import type { ReadyView } from "../../../contract/admin.ts";
import type { ShardHealth } from "../../../contract/rpc.ts";
import { type DatabaseSize, databaseSize } from "../../db/database-size.ts";
import type { Services } from "../services.ts";

/** From this part of what a database may have on it is said: there is time to do something then. */
const NEARLY_FULL = 0.8;

/** How large each database is, up to a few seconds old. Throws where one does not say. */
export function databaseSizes({ databases, sizes }: Services): Promise<DatabaseSize[]> {
  return sizes.get(() => Promise.all(databases.map(databaseSize)));
}

type HistoryCheck = Omit<ReadyView["checks"]["history"], "latencyMs">;

/** Whether history has room for what finishes. `sizes` is null where the databases did not say. */
export function historyRoom(
  sizes: readonly DatabaseSize[] | null,
  { limit, refusedSince, now }: { limit: number; refusedSince: number | null; now: number },
): HistoryCheck {
  const used = sizes === null ? null : Math.max(0, ...sizes.map(({ bytes }) => bytes)) / limit;
  return {
    ok: used !== null && used < NEARLY_FULL && refusedSince === null,
    usedPercent: used === null ? null : Math.round(used * 100),
    refusedSeconds: refusedSince === null ? null : Math.max(0, Math.round((now - refusedSince) / 1000)),
  };
}

/** Since when history has had no room for what finished on one of these shards, epoch ms; null: it takes what there is. */
export function refusedSince(shards: Iterable<ShardHealth>): number | null {
  let since: number | null = null;
  for (const { historyFullSince = null } of shards) {
    if (historyFullSince !== null && (since === null || historyFullSince < since)) since = historyFullSince;
  }
  return since;
}

/** Of shards, by id: the one that history has had no room for the longest; null where it has for all. */
export function longestRefused(shards: Iterable<readonly [id: string, health: ShardHealth]>): string | null {
  let longest: { id: string; since: number } | null = null;
  for (const [id, { historyFullSince = null }] of shards) {
    if (historyFullSince !== null && (longest === null || historyFullSince < longest.since))
      longest = { id, since: historyFullSince };
  }
  return longest?.id ?? null;
}

/** Why it is not ready, for the log. */
export function reasonOfRoom({ usedPercent, refusedSeconds }: HistoryCheck): string {
  if (refusedSeconds !== null)
    return `history has had no room for ${refusedSeconds} s: finished jobs stay in their shards`;
  return `a database is full by ${usedPercent} %`;
}
