import { Jobs } from "./jobs.ts";
import { Leases } from "./leases.ts";
import { Operations } from "./operations.ts";
import { Queues } from "./queues.ts";
import { Schedules } from "./schedules.ts";
import { Subscriptions } from "./subscriptions.ts";
import { type ClientOptions, Transport } from "./transport.ts";
import { Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker-options.ts";

/**
 * The client. Calls throw `DureError`. Reads, and writes that may be done twice, are sent again after a lost answer,
 * a 429 or a 503, with jittered backoff and heed to `Retry-After`.
 *
 * ```ts
 * const dure = new Dure({ url, key });
 * const job = await dure.submit({ queue: "emails", payload: { to: "a@b" }, idempotencyKey: "order-991" });
 * const { state, result } = await dure.wait(job.id);
 * ```
 */
export class Dure extends Jobs {
  readonly queues: Queues;
  readonly leases: Leases;
  readonly operations: Operations;
  readonly schedules: Schedules;
  readonly subscriptions: Subscriptions;
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    const transport = new Transport(options);
    super(transport);
    this.#transport = transport;
    this.queues = new Queues(transport);
    this.leases = new Leases(transport);
    this.operations = new Operations(transport);
    this.schedules = new Schedules(transport);
    this.subscriptions = new Subscriptions(transport);
  }

  /** Starts claiming jobs of a pull queue and running them. */
  worker(options: WorkerOptions): Worker {
    return new Worker(this.#transport, options);
  }
}
