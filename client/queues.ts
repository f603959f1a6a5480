import type { DeadFilterBody, FailureView, PurgeView, RedriveBody, RedriveView } from "../contract/dead-letters.ts";
import type { Page } from "../contract/list.ts";
import type { OrderingKeyView, UnblockBody } from "../contract/ordering-keys.ts";
import type { QueueInput, QueueStatsView, QueueView } from "../contract/queue.ts";
import type { Call, Transport } from "./transport.ts";

/** What can be done with queues. */
export class Queues {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Creates the queue or replaces its settings; what `settings` leaves out gets its default. */
  put(queue: string, settings: QueueInput = {}): Promise<QueueView> {
    return this.#send({ method: "PUT", path: queuePath(queue), body: settings });
  }

  get(queue: string): Promise<QueueView> {
    return this.#send({ method: "GET", path: queuePath(queue) });
  }

  list(page: { limit?: number; cursor?: string } = {}): Promise<Page<QueueView>> {
    const { limit, cursor } = page;
    return this.#send({ method: "GET", path: "/v1/queues", query: { limit, cursor } });
  }

  /** Refused (409) while the queue has unfinished jobs. */
  async delete(queue: string): Promise<void> {
    await this.#transport.call({ method: "DELETE", path: queuePath(queue), repeatable: false });
  }

  pause(queue: string): Promise<QueueView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/pause`, body: {} });
  }

  resume(queue: string): Promise<QueueView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/resume`, body: {} });
  }

  stats(queue: string): Promise<QueueStatsView> {
    return this.#send({ method: "GET", path: `${queuePath(queue)}/stats` });
  }

  /** The kinds of failures, the most frequent first. */
  failures(queue: string, page: { limit?: number; cursor?: string } = {}): Promise<Page<FailureView>> {
    const { limit, cursor } = page;
    return this.#send({ method: "GET", path: `${queuePath(queue)}/failures`, query: { limit, cursor } });
  }

  /**
   * Runs failed jobs again, here or in another queue, as they were or patched. Not sent twice: the answer counts them.
   * Send it again while the answer says `more`.
   */
  redrive(queue: string, body: RedriveBody = {}): Promise<RedriveView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/redrive`, body, repeatable: false });
  }

  /** Cancels everything that waits. Not sent twice: the answer counts it. */
  purge(queue: string): Promise<PurgeView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/purge`, body: {}, repeatable: false });
  }

  /** Deletes the failed jobs that match; all of them without a filter. Not sent twice: the answer counts them. */
  discardFailed(queue: string, filter: DeadFilterBody = {}): Promise<PurgeView> {
    const body = { failed: true, filter };
    return this.#send({ method: "POST", path: `${queuePath(queue)}/purge`, body, repeatable: false });
  }

  /** Parked ordering keys, the latest first. */
  keys(
    queue: string,
    page: { state?: "blocked" | "paused"; limit?: number; cursor?: string } = {},
  ): Promise<Page<OrderingKeyView>> {
    const { state, limit, cursor } = page;
    return this.#send({ method: "GET", path: `${queuePath(queue)}/keys`, query: { state, limit, cursor } });
  }

  /** Decides about the failed job that blocks a key. Refused (409) when none does. Not sent twice: another may by then. */
  unblockKey(queue: string, body: UnblockBody): Promise<OrderingKeyView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/keys/unblock`, body, repeatable: false });
  }

  /** Starts no more jobs of the key; one that runs goes on. */
  pauseKey(queue: string, key: string): Promise<OrderingKeyView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/keys/pause`, body: { key } });
  }

  resumeKey(queue: string, key: string): Promise<OrderingKeyView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/keys/resume`, body: { key } });
  }

  async #send<T>(call: Omit<Call, "repeatable"> & { repeatable?: boolean }): Promise<T> {
    return (await this.#transport.call<T>({ repeatable: true, ...call })).data;
  }
}

export function queuePath(queue: string): string {
  return `/v1/queues/${encodeURIComponent(queue)}`;
}
