import { Jobs } from "./jobs.ts";
import { Leases } from "./leases.ts";
import { Operations } from "./operations.ts";
import type { QueueDefinition } from "./queue-definition.ts";
import { Queues } from "./queues.ts";
import type { Handler } from "./running-job.ts";
import { Schedules } from "./schedules.ts";
import { Services } from "./services.ts";
import { Subscriptions } from "./subscriptions.ts";
import { type ClientOptions, Transport } from "./transport.ts";
import { typedHandler } from "./typed-handler.ts";
import { TypedQueue } from "./typed-queue.ts";
import { Worker, type WorkerOptions } from "./worker.ts";

/**
 * The client. Calls throw `DureError`. Reads, and writes that may be done twice, are sent again after a lost answer,
 * a 429 or a 503, with jittered backoff and heed to `Retry-After`.
 *
 * ```ts
 * const dure = new Dure(); // or { url, key }; these are DURE_URL and DURE_KEY
 * const mails = defineQueue<{ to: string }, { messageId: string }>("mails");
 * const { messageId } = await dure.queue(mails).submit({ to: "a@b" }).result();
 * ```
 */
export class Dure extends Jobs {
  readonly queues: Queues;
  readonly leases: Leases;
  readonly operations: Operations;
  readonly schedules: Schedules;
  readonly subscriptions: Subscriptions;
  readonly services: Services;
  readonly #transport: Transport;

  constructor(options: ClientOptions = {}) {
    const transport = new Transport(options);
    super(transport, options);
    this.#transport = transport;
    this.queues = new Queues(transport);
    this.leases = new Leases(transport);
    this.operations = new Operations(transport);
    this.schedules = new Schedules(transport);
    this.subscriptions = new Subscriptions(transport);
    this.services = new Services(transport);
  }

  /** A queue of known types, to submit to. A name alone is a queue of anything. */
  queue<Payload, Result, PayloadInput, ResultInput>(
    queue: QueueDefinition<Payload, Result, PayloadInput, ResultInput> | string,
  ): TypedQueue<Payload, Result, PayloadInput> {
    return new TypedQueue(this, typeof queue === "string" ? { name: queue } : queue);
  }

  /**
   * Starts claiming jobs of a pull queue and running them with `handler`, until it is stopped, or Dure refuses it for a reason that
   * waiting does not mend.
   *
   * ```ts
   * const worker = dure.worker(mails, async (job) => ({ messageId: await send(job.payload.to) }));
   * await worker.closed;
   * ```
   */
  worker<Payload, Result, PayloadInput, ResultInput>(
    queue: QueueDefinition<Payload, Result, PayloadInput, ResultInput> | string,
    handler: Handler<Payload, ResultInput>,
    options: WorkerOptions = {},
  ): Worker {
    const definition = typeof queue === "string" ? { name: queue } : queue;
    return new Worker(this.#transport, { queue: definition.name, handler: typedHandler(definition, handler) }, options);
  }
}
