import type { DeadFilterBody } from "../../../contract/dead-letters.ts";
import { parseTimestamp } from "../../../contract/time.ts";
import type { FailedFilter } from "../../db/failed-jobs.ts";

/** A filter of failed jobs as shards and history take it. */
export function deadFilter(body: DeadFilterBody = {}): FailedFilter {
  const at = (text: string | undefined) => (text === undefined ? null : parseTimestamp(text));
  return {
    errorCode: body.errorCode ?? null,
    fingerprint: body.fingerprint ?? null,
    tag: body.tag ?? null,
    orderingKey: body.orderingKey ?? null,
    finishedAfter: at(body.finishedAfter),
    finishedBefore: at(body.finishedBefore),
    createdAfter: at(body.createdAfter),
    createdBefore: at(body.createdBefore),
  };
}
