import type { Page } from "../contract/list.ts";
import type { SubscriptionInput, SubscriptionView } from "../contract/subscription.ts";
import type { Call, Transport } from "./transport.ts";

/** Who is told of the changes of jobs. What a subscriber gets is an `EventView`. */
export class Subscriptions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the subscription or replaces it; what `subscription` leaves out gets its default. Once this has resolved, every
   * job that is accepted is told of.
   */
  put(name: string, subscription: SubscriptionInput): Promise<SubscriptionView> {
    return this.#send({ method: "PUT", path: subscriptionPath(name), body: subscription });
  }

  /** With how its delivery goes. */
  get(name: string): Promise<SubscriptionView> {
    return this.#send({ method: "GET", path: subscriptionPath(name) });
  }

  /** One page, newest first. */
  list(page: { limit?: number; cursor?: string } = {}): Promise<Page<SubscriptionView>> {
    const { limit, cursor } = page;
    return this.#send({ method: "GET", path: "/v1/subscriptions", query: { limit, cursor } });
  }

  /** With what it has not delivered. Not sent twice: a second sending would find nothing. */
  async delete(name: string): Promise<void> {
    await this.#transport.call({ method: "DELETE", path: subscriptionPath(name), repeatable: false });
  }

  async #send<T>(call: Omit<Call, "repeatable">): Promise<T> {
    return (await this.#transport.call<T>({ repeatable: true, ...call })).data;
  }
}

function subscriptionPath(name: string): string {
  return `/v1/subscriptions/${encodeURIComponent(name)}`;
}
