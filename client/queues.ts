import type { Page } from "../contract/list.ts";
import type { PurgeView, QueueInput, QueueStatsView, QueueView, RedriveBody, RedriveView } from "../contract/queue.ts";
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

  /** Runs failed jobs again. Not sent twice: the answer counts them. */
  redrive(queue: string, body: RedriveBody = {}): Promise<RedriveView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/redrive`, body, repeatable: false });
  }

  /** Cancels everything that waits. Not sent twice: the answer counts it. */
  purge(queue: string): Promise<PurgeView> {
    return this.#send({ method: "POST", path: `${queuePath(queue)}/purge`, body: {}, repeatable: false });
  }

  async #send<T>(call: Omit<Call, "repeatable"> & { repeatable?: boolean }): Promise<T> {
    return (await this.#transport.call<T>({ repeatable: true, ...call })).data;
  }
}

export function queuePath(queue: string): string {
  return `/v1/queues/${encodeURIComponent(queue)}`;
}
