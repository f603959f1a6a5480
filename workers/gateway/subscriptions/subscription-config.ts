import { isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { SubscriptionBody, type SubscriptionView } from "../../../contract/subscription.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import { type Db, primary } from "../../db/client.ts";
import { findSubscription, listSubscriptions, walkSubscriptions, writeSubscription } from "../../db/subscriptions.ts";
import { fromDatabase } from "../database.ts";
import type { Change, Kind, ListPage, ResourceKey, Stamp, Walk } from "../resources/kind.ts";
import { resourcePorts, VersionedResource } from "../resources/versioned-resource.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { Services } from "../services.ts";
import { checkTarget, forgotten, subscriptionBodyOf, subscriptionFrom, subscriptionView } from "./subscription-view.ts";

export type SubscriptionResource = VersionedResource<SubscriptionSettings, SubscriptionBody, SubscriptionView>;

/** The subscriptions of the API. */
export function subscriptionResource(services: Services): SubscriptionResource {
  return new VersionedResource(new SubscriptionKind(services), resourcePorts(services));
}

class SubscriptionKind implements Kind<SubscriptionSettings, SubscriptionBody, SubscriptionView> {
  readonly what = "subscription";
  readonly body = SubscriptionBody;
  /** At most some 140 KB each by their headers. */
  readonly pushStep = 50;
  readonly #services: Services;
  readonly #db: Db;

  constructor(services: Services) {
    this.#services = services;
    this.#db = primary(services.database);
  }

  notFound(name: string): Problem {
    return notFound.subscription(name);
  }

  stored(key: ResourceKey): Promise<Result<SubscriptionSettings | null>> {
    return fromDatabase(() => findSubscription(this.#db, key));
  }

  list(page: ListPage): Promise<Result<SubscriptionSettings[]>> {
    return fromDatabase(() => listSubscriptions(this.#db, page));
  }

  changedSince(since: number): Walk<SubscriptionSettings> {
    return (page) => walkSubscriptions(this.#db, since, page);
  }

  /** Refuses (422) one more than a namespace may have. */
  async write({ before, next }: Change<SubscriptionSettings>): Promise<Result<boolean>> {
    const written = await fromDatabase(() => writeSubscription(this.#db, next));
    if (isProblem(written) || written) return written;
    const isNew = before === null || before.deleted;
    return whyUnwritten(this.#services.database, "subscriptions", { namespace: next.namespace, isNew });
  }

  bodyOf(settings: SubscriptionSettings): unknown {
    return subscriptionBodyOf(settings);
  }

  keeping(body: SubscriptionBody, { paused }: SubscriptionSettings): SubscriptionBody {
    return { paused, ...body };
  }

  settings(body: SubscriptionBody, stamp: Stamp): SubscriptionSettings {
    return subscriptionFrom(body, stamp);
  }

  async check({ next }: Change<SubscriptionSettings>): Promise<Problem | null> {
    return checkTarget(next, this.#services.config.allowPrivateTargets);
  }

  remnant(settings: SubscriptionSettings): SubscriptionSettings {
    return forgotten(settings);
  }

  /** A job that is accepted after the answer is told of. */
  async push(subscriptions: SubscriptionSettings[]): Promise<Result<void>> {
    const replies = await this.#services.shards.all({ idempotent: true }, (shard, head) =>
      shard.configureSubscriptions({ ...head, subscriptions }),
    );
    if (isProblem(replies)) return replies;
  }

  async views(subscriptions: SubscriptionSettings[]): Promise<Result<SubscriptionView[]>> {
    const [first] = subscriptions;
    if (first === undefined) return [];
    const asked = { namespace: first.namespace, names: subscriptions.map(({ name }) => name) };
    const replies = await this.#services.shards.all({ idempotent: true }, (shard, head) =>
      shard.subscriptionStates({ ...head, ...asked }),
    );
    if (isProblem(replies)) return replies;
    const states = Map.groupBy(replies.flat(), ({ name }) => name);
    return subscriptions.map((settings) => subscriptionView(settings, states.get(settings.name) ?? []));
  }
}
