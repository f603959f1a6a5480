import type { PartitionKeys } from "./slots.ts";

/**
 * Where the keys of a job count within its queue. Jobs of one scope share a partition, because what comes first in
 * `partitionOf` decides both: else the same key could be looked for in two places. Keys have no NUL, so no two scopes
 * are written alike.
 */

/**
 * The scope of a deduplication key: the job's ordering key, or without one its concurrency key. Two jobs answer for
 * each other only in one scope.
 */
export function dedupScope({ orderingKey, concurrencyKey }: Pick<PartitionKeys, "orderingKey" | "concurrencyKey">) {
  if (orderingKey !== null) return orderingKey;
  return typeof concurrencyKey === "string" ? `c\0${concurrencyKey}` : "";
}

/**
 * The scope of an idempotency key: that of a deduplication key, or where the job's keys give none, the deduplication
 * key itself.
 */
export function idempotencyScope(keys: Omit<PartitionKeys, "idempotencyKey">): string {
  const scope = dedupScope(keys);
  return scope === "" && typeof keys.dedupKey === "string" ? `d\0${keys.dedupKey}` : scope;
}
