import { isProblem, type Problem, type Result } from "../../../contract/problems.ts";
import type { HoldReply } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { ShardClient } from "../routing/shard-client.ts";

/** How long shards refuse a queue's new jobs while its change is decided. Past it they go on by themselves. */
const HOLD_MS = 10_000;

/** What all shards together have of a queue. */
export type Holdings = HoldReply;

/** Tells every shard of the settings. */
export async function pushQueues(shards: ShardClient, queues: QueueSettings[]): Promise<Result<void>> {
  const replies = await shards.all({ idempotent: true }, (shard, head) => shard.configure({ ...head, queues }));
  if (isProblem(replies)) return replies;
}

/**
 * Writes while no shard takes new jobs of the queue, unless what the shards have of it forbids that. Every shard is told of the
 * queue first: one that never heard of it could not freeze it. Lets new jobs in again when nothing was written.
 */
export async function writeFrozen(
  shards: ShardClient,
  queue: QueueSettings,
  { refusal, write }: { refusal(holdings: Holdings): Problem | null; write(): Promise<Result<boolean>> },
): Promise<Result<boolean>> {
  const told = await pushQueues(shards, [queue]);
  if (isProblem(told)) return told;
  let written: Result<boolean> = false;
  try {
    const holdings = await freeze(shards, queue, HOLD_MS);
    if (isProblem(holdings)) return holdings;
    written = refusal(holdings) ?? (await write());
    return written;
  } finally {
    if (written !== true) await freeze(shards, queue, 0);
  }
}

/** 0 ms ends it. */
async function freeze(
  shards: ShardClient,
  { namespace, name: queue }: QueueSettings,
  holdMs: number,
): Promise<Result<Holdings>> {
  const replies = await shards.all({ idempotent: true }, (shard, head) =>
    shard.hold({ ...head, namespace, queue, holdMs }),
  );
  return isProblem(replies) ? replies : summed(replies);
}

function summed(replies: HoldReply[]): Holdings {
  const sum = (pick: (reply: HoldReply) => number) => replies.reduce((total, reply) => total + pick(reply), 0);
  const until = replies.flatMap(({ startsCountUntil }) => startsCountUntil ?? []);
  return {
    live: sum(({ live }) => live),
    idempotencyKeys: sum(({ idempotencyKeys }) => idempotencyKeys),
    dedupKeys: sum(({ dedupKeys }) => dedupKeys),
    parkedKeys: sum(({ parkedKeys }) => parkedKeys),
    startsCountUntil: until.length === 0 ? null : Math.max(...until),
  };
}
