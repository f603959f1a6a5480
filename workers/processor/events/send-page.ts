import type { DeliveryFailure, DeliveryReport, EventPage } from "../../../contract/rpc.ts";
import { type AnyEvent, idOfEvent, subjectOf } from "../../../domain/subscription.ts";
import type { Connections } from "../connections.ts";
import type { DeliveryPorts, SubscriptionTo } from "./delivery-ports.ts";

/** Events of a page on their way at once. */
const MAX_SENDERS = 6;
/** No event is sent later than this into the lease of a page: the last one and its report still have to fit in. */
const SEND_WITHIN = 0.5;

export interface PageContext {
  ports: DeliveryPorts;
  connections: Connections;
  /** When the page was asked for, epoch ms: its lease began no earlier. */
  askedAt: number;
}

/**
 * Delivers a page as far as it goes: the events of one job strictly one after another, those of different jobs side by
 * side. The first failure ends it, so that nothing of a job is ever skipped. Answers what to report. Never rejects.
 */
export async function sendPage(page: EventPage, context: PageContext): Promise<DeliveryReport> {
  const { feed, upTo, subscription } = page;
  const report: DeliveryReport = {
    feed,
    upTo,
    version: subscription.version,
    delivered: [],
    refused: [],
    refusal: null,
    failure: null,
  };
  const { target, namespace, name } = subscription;
  if (target.type === "queue") await sendToQueue(page, { ...subscription, target }, { context, report });
  else await new HttpPage(page, { ...subscription, target }, { context, report }).send();
  if (report.failure !== null) {
    const { code, message: error } = report.failure;
    context.ports.log({ event: "delivery-failed", namespace, subscription: name, code, error });
  }
  return report;
}

interface Sending {
  context: PageContext;
  report: DeliveryReport;
}

async function sendToQueue(
  { events }: EventPage,
  subscription: SubscriptionTo<"queue">,
  { context, report }: Sending,
): Promise<void> {
  const { sent, failure } = await context.ports.enqueue(subscription, events);
  for (const event of events.slice(0, sent)) report.delivered.push(idOfEvent(event));
  report.failure = failure;
}

class HttpPage {
  readonly #subscription: SubscriptionTo<"http">;
  readonly #context: PageContext;
  readonly #report: DeliveryReport;
  readonly #endsAt: number;
  /** Not begun, in the order of the feed. */
  readonly #left: AnyEvent[];
  /** Jobs and schedules of which an event is on its way. */
  readonly #busy = new Set<string>();

  constructor(page: EventPage, subscription: SubscriptionTo<"http">, { context, report }: Sending) {
    this.#subscription = subscription;
    this.#context = context;
    this.#report = report;
    this.#endsAt = context.askedAt + page.leaseMs * SEND_WITHIN;
    this.#left = [...page.events];
  }

  async send(): Promise<void> {
    const { connections } = this.#context;
    connections.join(this);
    try {
      const taken = await this.#connections();
      const subjects = new Set(this.#left.map(subjectOf)).size;
      const senders = Math.min(taken, subjects, MAX_SENDERS);
      connections.give(taken - senders);
      await Promise.all(Array.from({ length: senders }, () => this.#sender()));
    } finally {
      connections.leave(this);
    }
  }

  /** Waits for connections, not longer than the page's time. */
  async #connections(): Promise<number> {
    const { connections, ports } = this.#context;
    for (;;) {
      const wait = this.#endsAt - ports.now();
      if (wait <= 0) return 0;
      const woken = Promise.withResolvers<void>();
      const taken = connections.take(this, woken.resolve);
      if (taken > 0) return taken;
      const cancel = ports.after(wait, woken.resolve);
      await woken.promise;
      cancel();
    }
  }

  /** Holds one connection as long as there is something for it. */
  async #sender(): Promise<void> {
    const { ports, connections } = this.#context;
    for (let event = this.#next(); event !== undefined; event = this.#next()) {
      this.#busy.add(subjectOf(event));
      this.#note(event, await ports.post(this.#subscription, event));
      this.#busy.delete(subjectOf(event));
    }
    connections.give(1);
  }

  /** The first event whose job or schedule has no earlier one on its way. */
  #next(): AnyEvent | undefined {
    if (this.#report.failure !== null || this.#context.ports.now() >= this.#endsAt) return undefined;
    const index = this.#left.findIndex((event) => !this.#busy.has(subjectOf(event)));
    return index < 0 ? undefined : this.#left.splice(index, 1)[0];
  }

  #note(event: AnyEvent, outcome: Awaited<ReturnType<DeliveryPorts["post"]>>): void {
    const id = idOfEvent(event);
    if (outcome.type === "delivered") {
      this.#report.delivered.push(id);
      return;
    }
    const { code, message, retryAfterMs } = outcome;
    const why: DeliveryFailure = { code, message, retryAfterMs };
    if (outcome.type === "failed") {
      this.#report.failure ??= why;
      return;
    }
    const { namespace, name } = this.#subscription;
    this.#context.ports.log({ event: "event-refused", namespace, subscription: name, id, code });
    this.#report.refused.push(id);
    this.#report.refusal = why;
  }
}
