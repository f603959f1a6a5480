import { type DeliverReply, type DeliveryReport, RPC_VERSION } from "../../../contract/rpc.ts";
import { faultText } from "../../../domain/fault.ts";
import type { Connections } from "../connections.ts";
import type { WorkLoop } from "../loop-options.ts";
import type { DeliveryPorts } from "./delivery-ports.ts";
import { sendPage } from "./send-page.ts";

const PAGE_EVENTS = 100;
/** Subscriptions of a shard that one invocation serves side by side: a slow one holds up few others. */
const MAX_RUNS = 6;
const MAX_TRIES = 3;
const RETRY_MS = 250;

export interface DeliveryOptions {
  /** Names the invocation. */
  worker: string;
  /** Pages are taken for this long, unless nothing is left before. */
  budgetMs: number;
  /** Shared by all that one invocation does. */
  connections: Connections;
}

/**
 * Delivers a shard's events until nothing is left that may be delivered now, or the time is spent. What was taken and not
 * reported, because this ended or the shard did not answer, is handed out again when its lease ends: so events may come
 * twice, and none is lost. Ends and never rejects.
 */
export function startDelivery(ports: DeliveryPorts, options: DeliveryOptions): WorkLoop {
  const delivery = new Delivery(ports, options);
  return { done: delivery.run(), claiming: () => delivery.asking };
}

class Delivery {
  readonly #ports: DeliveryPorts;
  readonly #options: DeliveryOptions;
  readonly #until: number;
  #started = 0;
  #running = 0;
  #calls = 0;

  constructor(ports: DeliveryPorts, options: DeliveryOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#until = ports.now() + options.budgetMs;
  }

  get asking(): boolean {
    return this.#calls > 0;
  }

  /** Takes one page after another. Where the shard says that another feed waits, somebody else is started for it. */
  async run(): Promise<void> {
    const worker = `${this.#options.worker}/${this.#started++}`;
    this.#running += 1;
    const others: Promise<void>[] = [];
    for (let report: DeliveryReport | null = null; ; ) {
      const askedAt = this.#ports.now();
      const reply = await this.#ask(worker, report);
      if (reply === null || reply.page === null) break;
      if (reply.more && this.#running < MAX_RUNS) others.push(this.run());
      report = await sendPage(reply.page, { ports: this.#ports, connections: this.#options.connections, askedAt });
    }
    this.#running -= 1;
    await Promise.all(others);
  }

  /** Reports a page and asks for the next; null when the shard cannot be reached. */
  async #ask(worker: string, report: DeliveryReport | null): Promise<DeliverReply | null> {
    this.#calls += 1;
    try {
      for (let tries = 1; ; tries++) {
        const limit = this.#ports.now() >= this.#until ? 0 : PAGE_EVENTS;
        try {
          return await this.#ports.deliver({ v: RPC_VERSION, epoch: 0, worker, report, limit });
        } catch (error) {
          if (tries < MAX_TRIES) await this.#pause(RETRY_MS * tries);
          else {
            this.#ports.log({ event: "report-lost", error: faultText(error) });
            return null;
          }
        }
      }
    } finally {
      this.#calls -= 1;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.after(ms, resolve);
    });
  }
}
