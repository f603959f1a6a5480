import {
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  patchSubscription,
  putSubscription,
} from "./generated/calls.ts";
import type { Subscription, SubscriptionList, SubscriptionPatch, SubscriptionRequest } from "./generated/types.ts";
import { type ChangeOptions, changing, type PageOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** Who is told of the changes of jobs. What a subscriber gets is a `LifecycleEvent`. */
export class Subscriptions {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the subscription or replaces it. What `subscription` leaves out gets its default; only `paused` of one that
   * exists stays. Once this has resolved, every job that is accepted is told of.
   */
  async put(name: string, subscription: SubscriptionRequest, options: ChangeOptions = {}): Promise<Subscription> {
    const input = { params: { subscription: name }, body: subscription, ...changing(options) };
    return this.#transport.call(putSubscription, input);
  }

  /** Changes what `patch` names and keeps the rest: a JSON merge patch, in which null puts a member back to its default. */
  async patch(name: string, patch: SubscriptionPatch, options: ChangeOptions = {}): Promise<Subscription> {
    const input = { params: { subscription: name }, body: patch, ...changing(options) };
    return this.#transport.call(patchSubscription, input);
  }

  /** With how its delivery goes. */
  async get(name: string): Promise<Subscription> {
    return this.#transport.call(getSubscription, { params: { subscription: name }, repeatable: true });
  }

  /** One page, newest first. */
  async list(page: PageOptions = {}): Promise<SubscriptionList> {
    return this.#transport.call(listSubscriptions, { query: page, repeatable: true });
  }

  /** With what it has not delivered. Not sent twice: a second sending would find nothing. */
  async delete(name: string, options: ChangeOptions = {}): Promise<void> {
    await this.#transport.call(deleteSubscription, {
      params: { subscription: name },
      ...changing(options),
      repeatable: false,
    });
  }
}
