import type { OperationBody, OperationFilterBody, OperationView } from "../../../contract/operation.ts";
import type { ShardOperation } from "../../../contract/rpc.ts";
import { formatTimestamp, parseTimestamp } from "../../../contract/time.ts";
import { type OperationCounts, type OperationFilter, sumCounts } from "../../../domain/operation.ts";
import type { OperationRow } from "../../db/operations.ts";

/** The body that started it. Stored by this repository's own code. */
export function bodyOf(row: OperationRow): OperationBody {
  return JSON.parse(row.request) as OperationBody;
}

/** An operation as the API tells it. `shards` is what its shards have counted; of a finished one that is in the row. */
export function operationView(row: OperationRow, shards: OperationCounts): OperationView {
  const { action, filter = {}, ratePerSecond = null, dryRun = false } = bodyOf(row);
  const { scanned, matched, changed } = row;
  return {
    id: row.id,
    action,
    filter,
    ratePerSecond,
    dryRun,
    state: row.finishedAt === null ? "running" : "done",
    createdAt: formatTimestamp(row.createdAt),
    finishedAt: row.finishedAt === null ? null : formatTimestamp(row.finishedAt),
    progress:
      row.finishedAt === null ? sumCounts([{ scanned, matched, changed }, shards]) : { scanned, matched, changed },
  };
}

/** What each shard is sent. A rate is divided evenly over the shards and history, which know nothing of each other. */
export function shardOperation(row: OperationRow, shards: number): ShardOperation {
  const { action, filter = {}, ratePerSecond, dryRun = false } = bodyOf(row);
  return {
    id: row.id,
    namespace: row.namespace,
    action,
    filter: filterOf(filter),
    createdAt: row.createdAt,
    dryRun,
    everyMs: ratePerSecond === undefined ? null : ((shards + 1) * 1000) / ratePerSecond,
  };
}

function filterOf(filter: OperationFilterBody): OperationFilter {
  const timeOf = (text: string | undefined) => (text === undefined ? null : parseTimestamp(text));
  return {
    queue: filter.queue ?? null,
    state: filter.state ?? null,
    tag: filter.tag ?? null,
    orderingKey: filter.orderingKey ?? null,
    errorCode: filter.errorCode ?? null,
    fingerprint: filter.fingerprint ?? null,
    createdAfter: timeOf(filter.createdAfter),
    createdBefore: timeOf(filter.createdBefore),
    finishedBefore: timeOf(filter.finishedBefore),
  };
}
