import type { DeliverReply, DeliverRequest, DeliveryFailure } from "../../../contract/rpc.ts";
import type { AnyEvent, SubscriptionSettings } from "../../../domain/subscription.ts";

/** A subscription whose target is of one type. */
export type SubscriptionTo<Type extends SubscriptionSettings["target"]["type"]> = SubscriptionSettings & {
  target: Extract<SubscriptionSettings["target"], { type: Type }>;
};

/** What came of one event at its receiver. `refused`: it wants it never again. */
export type DeliveryOutcome = { type: "delivered" } | ({ type: "refused" | "failed" } & DeliveryFailure);

/** Everything that the delivery of a shard's events touches outside itself. */
export interface DeliveryPorts {
  deliver(request: DeliverRequest): Promise<DeliverReply>;
  /** Sends one event to an HTTP endpoint. Never rejects. */
  post(subscription: SubscriptionTo<"http">, event: AnyEvent): Promise<DeliveryOutcome>;
  /** Sends events to a Queue, in their order. Answers how many, and why not more. Never rejects. */
  enqueue(subscription: SubscriptionTo<"queue">, events: AnyEvent[]): Promise<Enqueued>;
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `wake` once, `ms` from now. Returns the way to call that off. */
  after(ms: number, wake: () => void): () => void;
  log(event: DeliveryEvent): void;
}

export interface Enqueued {
  sent: number;
  failure: DeliveryFailure | null;
}

/** What a delivery has to say, for logs and for tests. */
export type DeliveryEvent =
  /** The subscription's events on the shard wait for a while. */
  | { event: "delivery-failed"; namespace: string; subscription: string; code: string; error: string }
  | { event: "event-refused"; namespace: string; subscription: string; id: string; code: string }
  /** The shard could not be told what was delivered, or asked for more: it hands the page out again. */
  | { event: "report-lost"; error: string };
