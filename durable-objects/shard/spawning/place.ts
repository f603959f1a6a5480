import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { NewJob, SpawnJob, Unfit } from "../../../contract/rpc.ts";
import { unfit } from "../../../contract/submission.ts";
import { partitionOf, slotOf } from "../../../domain/slots.ts";
import { spawnJobId } from "../../../domain/spawn.ts";
import { takeSettings } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import type { Turn } from "../turn.ts";

/** How long a worker waits before it reports again, when a queue is held for a change. */
const HELD_RETRY_MS = 250;

/** A job with its place and its id. `job.queue` means nothing yet: it is an index into a request. */
export interface Child {
  queue: KnownQueue;
  slot: number;
  job: NewJob;
}

export type Placing =
  | { type: "placed"; children: Child[] }
  | { type: "refused"; index: number; queue: string; because: Unfit }
  /** The queue is being changed: where its jobs belong is about to be known. */
  | { type: "busy"; retryAfterMs: number };

/**
 * Gives jobs that `parent` brings their places, by the settings that this shard knows. They stay good until the jobs have
 * arrived: as long as one is on its way, the number of its queue's partitions does not change. See `hold`.
 */
export function placeSpawn(turn: Turn, parent: { id: string; namespace: string }, jobs: SpawnJob[]): Placing {
  const children: Child[] = [];
  let shared: number | null = null;
  for (const [index, { queue: name, ...job }] of jobs.entries()) {
    const queue = queueOf(turn, parent.namespace, name);
    const because = unfit({ queue: name, ...job }, queue?.settings ?? null);
    if (queue === null || because !== null) {
      return { type: "refused", index, queue: name, because: because ?? "queue-not-found" };
    }
    if (queue.heldUntil > turn.now) return { type: "busy", retryAfterMs: HELD_RETRY_MS };
    const { settings } = queue;
    // As a gateway places the jobs of one request: see `place` there.
    const divided = settings.concurrency !== null || settings.rate !== null || settings.maxBacklog !== null;
    shared ??= turn.random();
    const partition = partitionOf(placingKeys(job), settings.partitions, divided ? turn.random() : shared);
    const slot = slotOf(settings.namespace, settings.name, partition);
    const id = spawnJobId({ parent: parent.id, index, at: turn.now, slot });
    // A delay runs from the success on, however long the job is on its way.
    const runAt = job.delayMs === null ? job.runAt : turn.now + job.delayMs;
    children.push({
      queue,
      slot,
      job: { ...job, id, queue: 0, partition, delayMs: null, runAt, parent: parent.id },
    });
  }
  return { type: "placed", children };
}

/** The keys that decide the place of a job. */
export function placingKeys({ orderingKey, concurrencyKey, dedup, idempotency }: Omit<SpawnJob, "queue">) {
  return { orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null, idempotencyKey: idempotency?.key ?? null };
}

/** A shard is told of every queue but of a `default` that nobody has put yet. */
function queueOf(turn: Turn, namespace: string, name: string): KnownQueue | null {
  const known = turn.stores.queues.find(namespace, name);
  if (known !== null || name !== DEFAULT_QUEUE) return known;
  return takeSettings(turn, implicitDefault(namespace));
}
