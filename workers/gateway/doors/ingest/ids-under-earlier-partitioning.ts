import { DEFAULT_QUEUE } from "../../../../contract/queue-settings.ts";
import { makeJobId, parseJobId } from "../../../../domain/job-id.ts";
import type { QueueSettings } from "../../../../domain/queue.ts";
import { partitionOf, slotOf } from "../../../../domain/slots.ts";
import type { AssignedJob } from "../../routing/assigned-job.ts";
import type { Randomness } from "../../submit/randomness.ts";

/** Clocks differ, and a change is written some time after it was stamped. */
const MARGIN_MS = 60_000;

/**
 * The other ids under which an earlier delivery may have submitted the job: its queue had another number of partitions, or
 * spread its jobs otherwise, at some time since the message was sent at `sentAt`. Empty for nearly every message.
 */
export function idsUnderEarlierPartitioning(
  { job, settings, slot }: AssignedJob,
  { randomness, index, sentAt }: { randomness: Randomness; index: number; sentAt: number },
): string[] {
  const counts = partitionsSince(settings, sentAt);
  if (counts === null) return [];
  const draw = randomness.of(index);
  const at = parseJobId(job.id)?.at ?? sentAt;
  const keys = { ...job, dedupKey: job.dedup?.key ?? null, idempotencyKey: job.idempotency?.key ?? null };
  const slots = counts.flatMap((count) =>
    [draw.random, randomness.partition].map((random) =>
      slotOf(settings.namespace, settings.name, partitionOf(keys, count, random)),
    ),
  );
  return [...new Set(slots)].filter((other) => other !== slot).map((other) => makeJobId(at, other, draw.bytes));
}

/** Null: the queue is what it was then. */
function partitionsSince(settings: QueueSettings, at: number): number[] | null {
  const { name, version, updatedAt, partitions, earlier = [] } = settings;
  const since = at - MARGIN_MS;
  const isFirst = version === 0 || (version === 1 && name !== DEFAULT_QUEUE);
  if (isFirst || updatedAt < since) return null;
  return [partitions, ...earlier.filter(({ until }) => until >= since).map((each) => each.partitions)];
}
