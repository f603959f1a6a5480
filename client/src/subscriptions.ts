import { deleteSubscription, getSubscription, listSubscriptions, putSubscription } from "./generated/calls.ts";
import type { Subscription, SubscriptionList, SubscriptionRequest } from "./generated/types.ts";
import type { PageOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** Who is told of the changes of jobs. What a subscriber gets is a `LifecycleEvent`. */
export class Subscriptions {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the subscription or replaces it; what `subscription` leaves out gets its default. Once this has resolved, every
   * job that is accepted is told of.
   */
  async put(name: string, subscription: SubscriptionRequest): Promise<Subscription> {
    const input = { params: { subscription: name }, body: subscription, repeatable: true };
    return (await this.#transport.call(putSubscription, input)).data;
  }

  /** With how its delivery goes. */
  async get(name: string): Promise<Subscription> {
    return (await this.#transport.call(getSubscription, { params: { subscription: name }, repeatable: true })).data;
  }

  /** One page, newest first. */
  async list(page: PageOptions = {}): Promise<SubscriptionList> {
    return (await this.#transport.call(listSubscriptions, { query: page, repeatable: true })).data;
  }

  /** With what it has not delivered. Not sent twice: a second sending would find nothing. */
  async delete(name: string): Promise<void> {
    await this.#transport.call(deleteSubscription, { params: { subscription: name }, repeatable: false });
  }
}
