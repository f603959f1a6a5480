import {
  deleteQueue,
  getQueue,
  listFailures,
  listOrderingKeys,
  listQueues,
  patchQueue,
  pauseKey,
  pauseQueue,
  purgeQueue,
  putQueue,
  queueStats,
  redriveQueue,
  resumeKey,
  resumeQueue,
  unblockKey,
} from "./generated/calls.ts";
import type {
  FailureList,
  ListOrderingKeysQuery,
  OrderingKey,
  OrderingKeyList,
  Purged,
  PurgeRequest,
  Queue,
  QueueList,
  QueuePatch,
  QueueRequest,
  QueueStats,
  Redriven,
  RedriveRequest,
  UnblockKeyRequest,
} from "./generated/types.ts";
import { type ChangeOptions, changing, type PageOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** What can be done with queues. */
export class Queues {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the queue or replaces its settings. What `settings` leaves out gets its default; only `paused` and `partitions` of
   * a queue that exists stay.
   */
  async put(queue: string, settings: QueueRequest = {}, options: ChangeOptions = {}): Promise<Queue> {
    const input = { params: { queue }, body: settings, ...changing(options) };
    return this.#transport.call(putQueue, input);
  }

  /** Changes what `patch` names and keeps the rest: a JSON merge patch, in which null puts a setting back to its default. */
  async patch(queue: string, patch: QueuePatch, options: ChangeOptions = {}): Promise<Queue> {
    const input = { params: { queue }, body: patch, ...changing(options) };
    return this.#transport.call(patchQueue, input);
  }

  /** The queue with its settings. */
  async get(queue: string): Promise<Queue> {
    return this.#transport.call(getQueue, { params: { queue }, repeatable: true });
  }

  /** One page of the queues. */
  async list(page: PageOptions = {}): Promise<QueueList> {
    return this.#transport.call(listQueues, { query: page, repeatable: true });
  }

  /** Refused (409) while the queue has unfinished jobs. */
  async delete(queue: string, options: ChangeOptions = {}): Promise<void> {
    await this.#transport.call(deleteQueue, { params: { queue }, ...changing(options), repeatable: false });
  }

  /** Starts no more jobs of the queue; those that run go on. */
  async pause(queue: string): Promise<Queue> {
    return this.#transport.call(pauseQueue, { params: { queue }, body: {}, repeatable: true });
  }

  /** Starts jobs of the queue again. */
  async resume(queue: string): Promise<Queue> {
    return this.#transport.call(resumeQueue, { params: { queue }, body: {}, repeatable: true });
  }

  /** How many jobs are in each state, and how fast they go. */
  async stats(queue: string): Promise<QueueStats> {
    return this.#transport.call(queueStats, { params: { queue }, repeatable: true });
  }

  /** The kinds of failures, the most frequent first. */
  async failures(queue: string, page: PageOptions = {}): Promise<FailureList> {
    return this.#transport.call(listFailures, { params: { queue }, query: page, repeatable: true });
  }

  /**
   * Runs failed jobs again, here or in another queue, as they were or patched. Not sent twice: the answer counts them.
   * Send it again while the answer says `more`.
   */
  async redrive(queue: string, body: RedriveRequest = {}): Promise<Redriven> {
    return this.#transport.call(redriveQueue, { params: { queue }, body, repeatable: false });
  }

  /** Cancels everything that waits. Not sent twice: the answer counts it. */
  purge(queue: string): Promise<Purged> {
    return this.#purge(queue, {});
  }

  /** Deletes the failed jobs that match; all of them without a filter. Not sent twice: the answer counts them. */
  discardFailed(queue: string, filter: NonNullable<PurgeRequest["filter"]> = {}): Promise<Purged> {
    return this.#purge(queue, { failed: true, filter });
  }

  /** Parked ordering keys, the latest first. */
  async keys(queue: string, page: ListOrderingKeysQuery = {}): Promise<OrderingKeyList> {
    return this.#transport.call(listOrderingKeys, { params: { queue }, query: page, repeatable: true });
  }

  /** Decides about the failed job that blocks a key. Refused (409) when none does. Not sent twice: another may by then. */
  async unblockKey(queue: string, body: UnblockKeyRequest): Promise<OrderingKey> {
    return this.#transport.call(unblockKey, { params: { queue }, body, repeatable: false });
  }

  /** Starts no more jobs of the key; one that runs goes on. */
  async pauseKey(queue: string, key: string): Promise<OrderingKey> {
    return this.#transport.call(pauseKey, { params: { queue }, body: { key }, repeatable: true });
  }

  /** Starts jobs of the key again. */
  async resumeKey(queue: string, key: string): Promise<OrderingKey> {
    return this.#transport.call(resumeKey, { params: { queue }, body: { key }, repeatable: true });
  }

  async #purge(queue: string, body: PurgeRequest): Promise<Purged> {
    return this.#transport.call(purgeQueue, { params: { queue }, body, repeatable: false });
  }
}
