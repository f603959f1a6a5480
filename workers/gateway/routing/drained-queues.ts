import type { QueueSettings } from "../../../domain/queue.ts";
import { ExpiringMap } from "../expiring-map.ts";

/** A worker that waits as long as it may, and comes again, finds its queue remembered. */
const REMEMBERED_MS = 120_000;
const MAX_QUEUES = 10_000;

type QueueName = Pick<QueueSettings, "namespace" | "name">;

/**
 * Queues of which a claim found nothing on any shard of late. A claim that may wait begins with its wait there. It is a guess: a job may
 * have come since, which the wait finds at once.
 */
export class DrainedQueues {
  readonly #queues = new ExpiringMap<true>(REMEMBERED_MS, MAX_QUEUES);

  has(queue: QueueName, now: number): boolean {
    return this.#queues.get(keyOf(queue), now) === true;
  }

  note(queue: QueueName, now: number): void {
    this.#queues.set(keyOf(queue), true, now);
  }

  forget(queue: QueueName): void {
    this.#queues.delete(keyOf(queue));
  }
}

function keyOf({ namespace, name }: QueueName): string {
  return `${namespace}/${name}`;
}
