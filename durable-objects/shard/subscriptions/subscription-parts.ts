import type * as rpc from "../../../contract/rpc.ts";
import { NOTHING_HELD } from "../bells.ts";
import { DeadLetters } from "../dead-letters/dead-letters.ts";
import type { Engine } from "../engine.ts";
import { deliver } from "./deliver.ts";
import { configureSubscriptions, subscriptionStates } from "./subscriptions.ts";

/** The shard's commands about subscriptions and their events. */
export abstract class SubscriptionParts extends DeadLetters {
  #engine: Engine;

  constructor(engine: Engine) {
    super(engine);
    this.#engine = engine;
  }

  configureSubscriptions(request: rpc.ConfigureSubscriptionsRequest): void {
    this.#engine.step((turn) => configureSubscriptions(turn, request.subscriptions));
  }

  subscriptionStates(request: rpc.SubscriptionStatesRequest): rpc.SubscriptionState[] {
    return subscriptionStates(this.#engine.stores, request);
  }

  deliver(request: rpc.DeliverRequest): rpc.DeliverReply {
    return this.#engine.step((turn) => {
      const reply = deliver(turn, request);
      const visit = { who: request.worker, stays: reply.page !== null, held: NOTHING_HELD, now: turn.now };
      turn.onCommit(() => this.#engine.bells.answered("events", visit));
      return reply;
    });
  }
}
